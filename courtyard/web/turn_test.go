package web_test

import (
	"net/url"
	"testing"
	"time"

	"sarai/courtyard/web"
)

// A list of five rows, two a page: each page leads on to the next, the last one
// leads nowhere, and all but the first lead back.
func TestAListIsTurnedPageByPage(t *testing.T) {
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	place := func(n int) web.Place { return web.Place{At: day.Add(time.Duration(n)), ID: string(rune('a' + n))} }
	kept := url.Values{"day": {"3"}}
	for _, c := range []struct {
		name        string
		from        web.Place
		read        []int
		shown       int
		first, next string
	}{
		{"the first page", web.Place{}, []int{0, 1, 2}, 2, "", "/l?after=1795219200000000&day=3&key=b"},
		{"a page between", place(1), []int{2, 3, 4}, 2, "/l?day=3", "/l?after=1795219200000000&day=3&key=d"},
		{"the last page", place(3), []int{4}, 1, "/l?day=3", ""},
		{"a full last page", place(2), []int{3, 4}, 2, "/l?day=3", ""},
		{"nothing", web.Place{}, nil, 0, "", ""},
	} {
		leaf, turn := web.Leaf(c.read, 2, "/l", kept, c.from, place)
		if len(leaf) != c.shown || turn.First != c.first || turn.Next != c.next {
			t.Errorf("%s: %d rows, %+v", c.name, len(leaf), turn)
		}
	}
	if _, turn := web.Leaf([]int{1, 2}, 1, "/l", nil, place(0), place); turn.First != "/l" {
		t.Errorf("without words to keep: %+v", turn)
	}
}
