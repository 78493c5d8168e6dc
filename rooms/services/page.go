package services

import (
	"strconv"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// pageRows is how many rows a list shows at once.
const pageRows = 25

// place is where a page of a list begins: after the row with this time and id.
// The zero place is the beginning.
type place struct {
	At int64 // microseconds
	ID string
}

// placeOf reads the place out of an address; what nobody of us wrote is the
// beginning.
func placeOf(c *web.Ctx) place {
	at, err := strconv.ParseInt(c.Query("after"), 10, 64)
	if err != nil || at <= 0 {
		return place{}
	}
	return place{At: at, ID: c.Query("key")}
}

// after adds the place to the conditions of a list that is sorted by column and
// id, the youngest first; $1 is its owner and $2 its length.
func (p place) after(column string, args ...any) (string, []any) {
	if p.At == 0 {
		return "", args
	}
	return " and (" + column + ", id) < ($3, $4)", append(args, p.At, p.ID)
}

// turnView leads on to the next page of a list and back to its beginning.
type turnView struct{ First, Next string }

// cut keeps one page of what was read and makes the links below it: one row more
// than a page tells that there are others. key gives a row's place.
func cut[T any](at string, from place, list []T, key func(T) (time.Time, string)) (page []T, t turnView) {
	if from.At != 0 {
		t.First = at
	}
	if len(list) > pageRows {
		list = list[:pageRows]
		last, id := key(list[pageRows-1])
		t.Next = at + "?after=" + strconv.FormatInt(store.Micros(last), 10) + "&key=" + id
	}
	return list, t
}
