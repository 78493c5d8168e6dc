package web

import (
	"cmp"
	"context"
	"slices"

	"sarai/courtyard/gate"
)

// Entry is how a room appears on home pages and in the header.
type Entry struct {
	Title string // text key
	Hint  string // text key; may be empty
	Href  string
	Group string // "citizen", "official", "public"
	Order int    // smaller first
	// For says to whom the entry is of use; nil is everybody. The gate decides
	// about the page itself.
	For func(gate.Principal) bool
}

// Menu adds an entry.
func (s *Site) Menu(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, e)
}

// Entries are the entries of a group that are of use to the principal in ctx.
func Entries(ctx context.Context, group string) []Entry {
	v := viewOf(ctx)
	if v.site == nil {
		return nil
	}
	v.site.mu.Lock()
	defer v.site.mu.Unlock()
	var out []Entry
	for _, e := range v.site.entries {
		if (group == "" || e.Group == group) && (e.For == nil || e.For(v.who)) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return cmp.Compare(a.Order, b.Order) })
	return out
}

// Waits lets a room say what waits for who is signed in, for the home page.
func (s *Site) Waits(say func(*Ctx) ([]Task, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = append(s.waits, say)
}

// Waiting is what the rooms say waits for who is signed in.
func (c *Ctx) Waiting() (tasks []Task, err error) {
	c.Site.mu.Lock()
	rooms := slices.Clone(c.Site.waits)
	c.Site.mu.Unlock()
	for _, say := range rooms {
		more, err := say(c)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, more...)
	}
	return tasks, nil
}
