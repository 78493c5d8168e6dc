package api

import (
	"encoding/base64"
	"encoding/json"

	"sarai/courtyard/fault"
)

// Paging is what an input of a list embeds.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"500" doc:"The value of next in the page before; nothing for the first page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most."`
}

// List is one page of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false" doc:"The items of this page."`
	Next  string `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
}

// NewList makes a page of items that were read with a limit of Fetch: cursor
// gives the values by which the list is sorted, for the last item shown.
func NewList[T any](p Paging, items []T, cursor func(T) []any) *List[T] {
	l := &List[T]{Items: items}
	if limit := p.limit(); len(items) > limit {
		l.Items = items[:limit]
		l.Next = encodeCursor(cursor(items[limit-1]))
	}
	if l.Items == nil {
		l.Items = []T{}
	}
	return l
}

// Fetch is how many rows to read: one more than shown, to know whether a next
// page exists.
func (p Paging) Fetch() int { return p.limit() + 1 }

func (p Paging) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, 200)
}

// After reads the cursor into the values by which the list is sorted; first is
// true when there is none.
func (p Paging) After(values ...any) (first bool, err error) {
	if p.Cursor == "" {
		return true, nil
	}
	bad := fault.New(fault.Invalid, "api.cursor").At("query.cursor", "api.cursor")
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return false, bad.Because(err)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != len(values) {
		return false, bad.Because(err)
	}
	for i, part := range parts {
		if err := json.Unmarshal(part, values[i]); err != nil || string(part) == "null" {
			return false, bad.Because(err)
		}
	}
	return false, nil
}

// encodeCursor hides the sort values: callers hand cursors back, they do not
// build them.
func encodeCursor(values []any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic("api: a cursor of values without JSON form: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
