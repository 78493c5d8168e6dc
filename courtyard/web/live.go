package web

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Feed is the journal as live screens need it.
type Feed interface {
	Position(ctx context.Context) (int64, error)
	Read(ctx context.Context, after int64, limit int, types ...string) ([]store.Event, error)
	Follow(ctx context.Context, after int64, types []string, fn func([]store.Event) error) error
}

// Topic is something people watch: a board, a file's movements. Its fragments
// are drawn once for each key and language and shared by everybody who
// watches, so they show what every permitted viewer may see.
type Topic struct {
	Name   string // "board"; GET /live/board?key=icta.dc
	Action string // asked of the gate when a viewer comes, and again while he stays
	// Load gives what the gate is asked about; nil asks about gate.House.
	Load  func(ctx context.Context, key string) (gate.Entity, error)
	Types []string // events that concern it, "office.file.moved" or "office.*"
	// Match leaves out events that do not concern the key; nil takes all.
	Match func(e store.Event, key string) bool
	// Render draws what changed. Each fragment is an element with the id of
	// the element it takes the place of, or one made by Into.
	Render func(ctx context.Context, key string, events []store.Event) ([]templ.Component, error)
}

// Topic adds a topic. Pages name it in Page.Live.
func (s *Site) Topic(t Topic) {
	if t.Load == nil {
		t.Load = func(context.Context, string) (gate.Entity, error) { return gate.House{}, nil }
	}
	if t.Render == nil || len(t.Types) == 0 {
		panic("web: live topic " + t.Name + " draws nothing")
	}
	s.gate.Require(t.Action, "live topic "+t.Name)
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if _, ok := s.hub.topics[t.Name]; ok {
		panic("web: live topic " + t.Name + " exists already")
	}
	s.hub.topics[t.Name] = t
}

const (
	frameEvery   = 100 * time.Millisecond // changes within this time travel together
	viewerBuffer = 32                     // frames a slow viewer may be behind before he has to come again
	resumeLimit  = 2000                   // events that are replayed; beyond that the page is loaded anew
)

// watchKey names what viewers share: a topic, its key and a language.
type watchKey struct{ topic, key, lang string }

// hub follows the journal once for all viewers of this process.
type hub struct {
	site *Site

	mu      sync.Mutex
	topics  map[string]Topic
	watches map[watchKey]*watch
	open    int            // screens of this process
	by      map[string]int // screens by session and by address
	last    atomic.Int64   // position up to which watches have been told
	ready   chan struct{}  // closed once the journal is followed
}

// watch is what the viewers of one topic, key and language share.
type watch struct {
	key     watchKey
	topic   Topic
	viewers map[*viewer]struct{}
	waiting []store.Event // since the last frame
}

type viewer struct {
	frames  chan []byte
	gone    chan struct{} // closed when the viewer has to go
	once    sync.Once
	session string
	from    int64 // events up to here are on the viewer's page already
}

func (v *viewer) leave() { v.once.Do(func() { close(v.gone) }) }

func newHub(s *Site) *hub {
	return &hub{site: s, topics: map[string]Topic{}, watches: map[watchKey]*watch{}, by: map[string]int{}, ready: make(chan struct{})}
}

// seen is the position viewers have been told of; a page that is drawn now
// shows at least everything up to it.
func (h *hub) seen() int64 { return h.last.Load() }

// run follows the journal until ctx ends.
func (h *hub) run(ctx context.Context) error {
	feed := h.site.o.Feed
	if feed == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	at, err := feed.Position(ctx)
	if err != nil {
		return fmt.Errorf("find the journal's position for live screens: %w", err)
	}
	h.last.Store(at)
	close(h.ready)
	go h.beat(ctx)
	for {
		err := feed.Follow(ctx, h.last.Load(), []string{"*"}, func(events []store.Event) error {
			h.tell(events)
			return nil
		})
		if ctx.Err() != nil {
			h.mu.Lock()
			for _, w := range h.watches {
				for v := range w.viewers {
					v.leave()
				}
			}
			h.mu.Unlock()
			return ctx.Err()
		}
		h.site.logger.WarnContext(ctx, "live screens lost the journal, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// tell hands events to the watches they concern.
func (h *hub) tell(events []store.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		if e.Type == "web.session.ended" {
			var ended SessionEnded
			if e.Decode(&ended) == nil {
				h.endLocked(ended.Session)
			}
		}
		for _, w := range h.watches {
			if w.concerns(e) {
				w.waiting = append(w.waiting, e)
			}
		}
		h.last.Store(e.Position)
	}
}

func (w *watch) concerns(e store.Event) bool {
	return typeMatches(w.topic.Types, e.Type) && (w.topic.Match == nil || w.topic.Match(e, w.key.key))
}

func typeMatches(types []string, t string) bool {
	for _, want := range types {
		if want == "*" || want == t || strings.HasSuffix(want, ".*") && strings.HasPrefix(t, want[:len(want)-1]) {
			return true
		}
	}
	return false
}

// beat sends a frame to every watch that has something new, every frameEvery.
func (h *hub) beat(ctx context.Context) {
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.flush(ctx)
		}
	}
}

func (h *hub) flush(ctx context.Context) {
	type due struct {
		w      *watch
		events []store.Event
	}
	var dues []due
	h.mu.Lock()
	for _, w := range h.watches {
		if len(w.waiting) > 0 {
			dues = append(dues, due{w, w.waiting})
			w.waiting = nil
		}
	}
	h.mu.Unlock()
	for _, d := range dues {
		last := d.events[len(d.events)-1].Position
		frame, err := h.draw(ctx, d.w.topic, d.w.key, d.events)
		if err != nil {
			// loading the page anew shows the truth, and the error page if the fault lasts
			h.site.logger.ErrorContext(ctx, "a live fragment could not be drawn", "topic", d.w.key.topic, "error", err)
			frame = reloadFrame(last)
		}
		h.mu.Lock()
		for v := range d.w.viewers {
			if last <= v.from {
				continue
			}
			select {
			case v.frames <- frame:
			default:
				v.leave() // too slow: the browser comes again and is told what it missed
			}
		}
		h.mu.Unlock()
	}
}

// draw makes the frame that all viewers of a watch get.
func (h *hub) draw(ctx context.Context, t Topic, k watchKey, events []store.Event) ([]byte, error) {
	ctx = h.site.In(gate.With(ctx, gate.Principal{}), k.lang)
	parts, err := t.Render(ctx, k.key, events)
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	for _, p := range parts {
		if err := p.Render(ctx, &html); err != nil {
			return nil, err
		}
	}
	return frameOf(events[len(events)-1].Position, "patch", html.String()), nil
}

// frameOf writes a server-sent event (HTML standard, section 9.2).
func frameOf(id int64, event, data string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\nevent: %s\n", id, event)
	data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func reloadFrame(id int64) []byte { return frameOf(id, "reload", "") }

// end closes the live screens of a session in this process.
func (h *hub) end(session string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endLocked(session)
}

func (h *hub) endLocked(session string) {
	if session == "" {
		return
	}
	for _, w := range h.watches {
		for v := range w.viewers {
			if v.session == session {
				v.leave()
			}
		}
	}
}

// join adds a viewer. Registration and the position it begins at are one step:
// what comes after is told, what came before is replayed.
func (h *hub) join(k watchKey, t Topic, v *viewer) (upTo int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.watches[k]
	if w == nil {
		w = &watch{key: k, topic: t, viewers: map[*viewer]struct{}{}}
		h.watches[k] = w
	}
	w.viewers[v] = struct{}{}
	upTo = h.last.Load()
	v.from = max(v.from, upTo)
	return upTo
}

func (h *hub) part(k watchKey, v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.watches[k]
	delete(w.viewers, v)
	if len(w.viewers) == 0 {
		delete(h.watches, k)
	}
}

// count is how many are watching.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, w := range h.watches {
		n += len(w.viewers)
	}
	return n
}

// Viewers is how many live screens this process feeds.
func (s *Site) Viewers() int { return s.hub.count() }

// missed draws what happened between the page and now.
func (h *hub) missed(ctx context.Context, t Topic, k watchKey, after, upTo int64) ([]byte, error) {
	if after >= upTo {
		return nil, nil
	}
	if upTo-after > 20*resumeLimit { // an old page, or somebody who makes us read everything
		return reloadFrame(upTo), nil
	}
	w := &watch{key: k, topic: t}
	var events []store.Event
	for at := after; at < upTo; {
		batch, err := h.site.o.Feed.Read(ctx, at, 500, t.Types...)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 {
			break
		}
		for _, e := range batch {
			if at = e.Position; at <= upTo && w.concerns(e) {
				events = append(events, e)
			}
		}
		if len(events) > resumeLimit {
			return reloadFrame(upTo), nil
		}
	}
	if len(events) == 0 {
		return nil, nil
	}
	return h.draw(ctx, t, k, events)
}
