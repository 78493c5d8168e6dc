package services

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// catalogue holds the services people can apply for now, and the versions that
// open applications still run by.
type catalogue struct {
	pack *country.Pack
	now  []*Definition

	mu     sync.Mutex
	byHash map[string]*Definition // definitions never change, so they can be kept
}

func newCatalogue(pack *country.Pack) (*catalogue, error) {
	ds, err := LoadAll(pack.Services, pack)
	if err != nil {
		return nil, err
	}
	c := &catalogue{pack: pack, now: ds, byHash: map[string]*Definition{}}
	for _, d := range ds {
		c.byHash[d.Hash] = d
	}
	return c, nil
}

// current gives the service as it can be applied for now.
func (c *catalogue) current(service string) (*Definition, error) {
	i := slices.IndexFunc(c.now, func(d *Definition) bool { return d.ID == service })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "services.service.unknown")
	}
	return c.now[i], nil
}

// name gives what a service is called, also one that is no longer offered.
func (c *catalogue) name(service string) Text {
	if d, err := c.current(service); err == nil {
		return d.Name
	}
	return Text{"en": service, "ur": service}
}

func (c *catalogue) kept(hash string) *Definition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byHash[hash]
}

// read makes a definition of the bytes an application was begun with.
func (c *catalogue) read(hash, service string, body []byte) (*Definition, error) {
	d, err := Load("services/"+service+".yaml", body, c.pack)
	if err != nil {
		return nil, fmt.Errorf("read the kept definition %s: %w", hash, err)
	}
	if d.Hash != hash {
		return nil, fmt.Errorf("the kept definition %s has the hash %s", hash, d.Hash)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byHash[hash] = d
	return d, nil
}

// definition gives the definition an application keeps.
func (r *Room) definition(ctx context.Context, hash string) (d *Definition, err error) {
	if d := r.catalogue.kept(hash); d != nil {
		return d, nil
	}
	err = r.c.DB.View(ctx, func(tx *store.Tx) error {
		d, err = r.definitionIn(tx, hash)
		return err
	})
	return d, err
}

func (r *Room) definitionIn(tx *store.Tx, hash string) (*Definition, error) {
	if d := r.catalogue.kept(hash); d != nil {
		return d, nil
	}
	var service string
	var body []byte
	if err := tx.QueryRow("select service, body from services_definition where hash = $1", hash).Scan(&service, &body); err != nil {
		return nil, fmt.Errorf("find the definition %s: %w", hash, err)
	}
	return r.catalogue.read(hash, service, body)
}

// find gives the services that fit what a person typed, best first: every word
// must be found in the name, the summary, the search words or the office, if
// need be with a slip of the pen.
func (c *catalogue) find(query string) []*Definition {
	words := strings.Fields(fold(query))
	if len(words) == 0 {
		return c.now
	}
	type hit struct {
		d     *Definition
		score int
	}
	var hits []hit
	for _, d := range c.now {
		names, rest := "", ""
		for _, l := range c.pack.Languages {
			names += " " + fold(d.Name.In(l.Code))
			rest += " " + fold(d.Summary.In(l.Code)+" "+d.Words.In(l.Code))
			if o, ok := c.pack.Office(d.Agency); ok {
				rest += " " + fold(o.Name.In(l.Code))
			}
		}
		score := 0
		for _, w := range words {
			switch {
			case strings.Contains(names, " "+w):
				score += 8
			case strings.Contains(names, w):
				score += 6
			case strings.Contains(rest, " "+w):
				score += 2
			case slices.ContainsFunc(strings.Fields(names+rest), func(known string) bool { return near(w, known) }):
				score++
			default:
				score = -1000
			}
		}
		if score > 0 {
			hits = append(hits, hit{d, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	out := make([]*Definition, len(hits))
	for i, h := range hits {
		out[i] = h.d
	}
	return out
}

// byEvent gives the services of a life event.
func (c *catalogue) byEvent(event string) []*Definition {
	var out []*Definition
	for _, d := range c.now {
		if slices.Contains(d.LifeEvents, event) {
			out = append(out, d)
		}
	}
	return out
}

// fold makes text comparable: small letters, Arabic yeh and kaf in their Urdu
// forms, no marks and no punctuation.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'ي', 'ى':
			return 'ی'
		case 'ك':
			return 'ک'
		case 'ة', 'ۃ', 'ه':
			return 'ہ'
		case 'أ', 'إ', 'آ':
			return 'ا'
		}
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ' '
		}
		return unicode.ToLower(r)
	}, s)
}
