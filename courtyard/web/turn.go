package web

import (
	"net/url"
	"strconv"
	"time"

	"sarai/courtyard/store"
)

// Place is where a page of a list begins: after the row with this time and id.
// Lists are cut by place, not by number, so that a row that comes in meanwhile
// neither repeats another nor hides one. The zero place is the beginning.
type Place struct {
	At time.Time
	ID string
}

// Begin says that the list is shown from its beginning.
func (p Place) Begin() bool { return p.At.IsZero() }

// Place reads the place out of the address; without one, or with one nobody of
// us wrote, the list begins at its beginning.
func (c *Ctx) Place() Place {
	micros, err := strconv.ParseInt(c.Query("after"), 10, 64)
	if err != nil || micros <= 0 {
		return Place{}
	}
	return Place{At: store.Time(micros), ID: c.Query("key")}
}

// Turn is what stands below a list: the way on and the way back to its
// beginning, empty where there is none. Both are links and need no script.
type Turn struct{ First, Next string }

// Leaf keeps at most rows of what was read from a place on, and makes the links
// to the other pages of the list at an address: one row more than a page tells
// that there are others. kept are the words of the address that stay; key gives
// a row's place.
func Leaf[T any](list []T, rows int, at string, kept url.Values, from Place, key func(T) Place) (leaf []T, t Turn) {
	write := func(q url.Values) string {
		if len(q) == 0 {
			return at
		}
		return at + "?" + q.Encode()
	}
	if !from.Begin() {
		t.First = write(kept)
	}
	if len(list) > rows {
		list = list[:rows]
		last := key(list[rows-1])
		q := url.Values{"after": {strconv.FormatInt(store.Micros(last.At), 10)}, "key": {last.ID}}
		for k, v := range kept {
			q[k] = v
		}
		t.Next = write(q)
	}
	return list, t
}
