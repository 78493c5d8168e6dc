package browser

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/web/webtest"
)

// Options say where a walk goes and who looks on.
type Options struct {
	Browser  *webtest.Browser
	Base     string // address of a demonstration
	Lang     string // "en" or "ur"
	Newcomer int    // which of the newcomers applies; each can apply once in a country
	View     webtest.View
	// Look is called on every page of the journey, once it stands. The name is
	// the same in every language.
	Look func(p *Person, page string) error
}

// Walk is one citizen's way through the house with everybody met on it. The
// first thing that does not hold ends it: what follows does nothing.
type Walk struct {
	o   Options
	who newcomer
	err error

	people map[string]*Person
	mu     sync.Mutex // guards trouble, which the browser's events write

	// trouble is what no page may do: break the content security policy, throw,
	// or ask another origin for anything.
	trouble []string

	pages       []string
	reference   string // of the application for an identity
	application string // of the one for the certificate
	pay         string // the path of its fee
	file        string
	document    string
	proof       string
	latencies   []time.Duration // from sending a file on to the board showing it
}

// New begins a walk.
func New(o Options) *Walk {
	if o.View.Width == 0 {
		o.View = webtest.View{Name: "phone", Width: 360, Height: 740, Theme: "light"}
	}
	o.View.Lang = o.Lang
	if o.Look == nil {
		o.Look = func(*Person, string) error { return nil }
	}
	return &Walk{o: o, who: newcomers[o.Newcomer%len(newcomers)], people: map[string]*Person{}}
}

// Run walks the nine steps of the journey.
func (w *Walk) Run() error {
	defer w.leave()
	for _, step := range []struct {
		name string
		walk func()
	}{
		{"identity", w.identity}, {"card and passkey", w.card}, {"sign-in", w.signIn}, {"service", w.service}, {"payment", w.payment},
		{"office", w.office}, {"outcome", w.outcome}, {"watch", w.watch}, {"dashboard", w.dashboard},
	} {
		if step.walk(); w.err != nil {
			return fmt.Errorf("%s: %w", step.name, w.err)
		}
	}
	return w.Trouble()
}

// Pages are the pages looked at, in their order.
func (w *Walk) Pages() []string { return w.pages }

// Latencies are how long the board took to show each movement of the file.
func (w *Walk) Latencies() []time.Duration { return w.latencies }

// Trouble is what pages did that no page may do.
func (w *Walk) Trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, t := range w.trouble {
		errs = append(errs, errors.New(t))
	}
	return errors.Join(errs...)
}

func (w *Walk) note(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = append(w.trouble, fmt.Sprintf(format, a...))
}

func (w *Walk) fail(err error) {
	if w.err == nil && err != nil {
		w.err = err
	}
}

func (w *Walk) leave() {
	for _, p := range w.people {
		p.tab.Close()
	}
	w.people = map[string]*Person{}
}

// person gives somebody's browser; a new one is empty.
func (w *Walk) person(name string) *Person {
	p := w.people[name]
	if p == nil && w.err == nil {
		var err error
		if p, err = w.enter(name, w.o.View); err != nil {
			w.fail(err)
		} else {
			w.people[name] = p
		}
	}
	if p == nil {
		p = &Person{Name: name, walk: w}
	}
	return p
}

// as gives a persona's browser, signed in by one click on the page of personas.
func (w *Walk) as(persona string) *Person {
	known := w.people[persona] != nil
	p := w.person(persona)
	if !known {
		p.Open("/demo")
		p.Press(`a[href="/demo/as/` + persona + `"]`)
	}
	return p
}

// bye closes somebody's browser.
func (w *Walk) bye(name string) {
	if p := w.people[name]; p != nil {
		p.tab.Close()
		delete(w.people, name)
	}
}

// last is what follows the last slash.
func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
