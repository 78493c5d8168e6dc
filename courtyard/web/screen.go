package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
)

// Screens limits live screens, each of which holds a connection open. Zero
// values get the defaults; a negative number lifts a limit. Each process
// counts by itself.
type Screens struct {
	Session int // of one session; 8
	// Address is for one network address, 64, where nobody is signed in.
	// Those who are signed in may have ten times as many together: a whole
	// office may stand behind one address.
	Address int
	All     int // of one process; 10,000
	// Again is how often the session and the permit of a screen are looked at
	// again, 10 s: so long a screen may outlive them.
	Again time.Duration
}

func (x Screens) withDefaults() Screens {
	for _, d := range []struct {
		to    *int
		value int
	}{{&x.Session, 8}, {&x.Address, 64}, {&x.All, 10_000}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	if x.Again <= 0 {
		x.Again = 10 * time.Second
	}
	return x
}

const (
	pingEvery    = 20 * time.Second // keeps proxies from closing a quiet connection
	writeTimeout = 10 * time.Second
	comeAgain    = 30 // seconds, for a screen that finds no place; the script waits as long
)

// livePath is where live screens listen. Requests below it come from scripts,
// so they say nothing about whether somebody still sits before the page.
const livePath = "/live/"

// admit gives a screen its place, which leave gives back.
func (h *hub) admit(c *Ctx) (leave func(), err error) {
	limit, address := h.site.o.Screens, "address "+network(h.site.o.Client(c.R))
	places := map[string]int{address: limit.Address}
	if c.Who.SignedIn() {
		places = map[string]int{address + " signed in": 10 * limit.Address}
	}
	if c.session != nil {
		places["session "+c.session.ID] = limit.Session
	}
	refuse := func(kind fault.Kind, key string) (func(), error) {
		c.W.Header().Set("Retry-After", strconv.Itoa(comeAgain))
		return nil, fault.New(kind, key)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if limit.All > 0 && h.open >= limit.All {
		return refuse(fault.Unavailable, "web.fault.unavailable")
	}
	for key, most := range places {
		if most > 0 && h.by[key] >= most {
			return refuse(fault.Limit, "web.fault.limit")
		}
	}
	h.open++
	for key := range places {
		h.by[key]++
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open--
		for key := range places {
			if h.by[key]--; h.by[key] == 0 {
				delete(h.by, key)
			}
		}
	}, nil
}

// serveLive answers GET /live/{topic}.
func (s *Site) serveLive(w http.ResponseWriter, r *http.Request) {
	c := ctxOf(w, r)
	if err := s.watch(c); err != nil {
		s.log(c, err)
		// a status that is no 200 makes the browser stop coming again by itself;
		// the page's script asks for it by HEAD and says or does what it calls for
		status := fault.KindOf(err).Status()
		http.Error(w, http.StatusText(status), status)
	}
}

func (s *Site) watch(c *Ctx) error {
	s.hub.mu.Lock()
	t, ok := s.hub.topics[c.R.PathValue("topic")]
	s.hub.mu.Unlock()
	if !ok {
		return fault.New(fault.NotFound, "web.fault.not-found")
	}
	if err := c.Limit("live", Rate{N: 120, Per: time.Minute}); err != nil {
		return err
	}
	leave, err := s.hub.admit(c)
	if err != nil {
		return err
	}
	defer leave()
	key := c.R.URL.Query().Get("key")
	entity, err := t.Load(c.Context(), key)
	if err != nil {
		return err
	}
	if _, err := gate.Authorize(c.Context(), s.gate, c.Who, t.Action, entity); err != nil {
		return err
	}

	if c.R.Method == http.MethodHead { // a page that lost its stream asks why
		c.W.WriteHeader(http.StatusNoContent)
		return nil
	}

	select { // the first moments of a process
	case <-s.hub.ready:
	case <-c.Context().Done():
		return nil
	case <-time.After(3 * time.Second):
		return fault.New(fault.Unavailable, "web.fault.unavailable")
	}
	from := c.R.Header.Get("Last-Event-ID")
	if from == "" {
		from = c.R.URL.Query().Get("from")
	}
	after, err := strconv.ParseInt(from, 10, 64)
	if err != nil || after < 0 {
		after = s.hub.seen()
	}
	v := &viewer{frames: make(chan []byte, viewerBuffer), gone: make(chan struct{}), from: after}
	if c.session != nil {
		v.session = c.session.ID
	}
	k := watchKey{t.Name, key, c.Lang.Code}
	upTo := s.hub.join(k, t, v)
	defer s.hub.part(k, v)

	rc := http.NewResponseController(c.W)
	h := c.W.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect frames
	c.W.WriteHeader(http.StatusOK)
	send := func(frame []byte) error {
		_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := c.W.Write(frame); err != nil {
			return err
		}
		return rc.Flush()
	}
	missed, err := s.hub.missed(c.Context(), t, k, after, upTo)
	if err != nil {
		s.log(c, err)
		return nil
	}
	if send(append([]byte("retry: 1000\n\n"), missed...)) != nil {
		return nil
	}
	again, ping := time.NewTicker(s.o.Screens.Again), time.NewTicker(pingEvery)
	defer again.Stop()
	defer ping.Stop()
	for {
		select {
		case <-c.Context().Done():
			return nil
		case <-v.gone:
			return nil
		case frame := <-v.frames:
			if send(frame) != nil {
				return nil
			}
		case <-ping.C:
			if send([]byte(":\n\n")) != nil {
				return nil
			}
		case <-again.C:
			if !s.still(c, t, key) {
				return nil
			}
		}
	}
}

// still says whether a viewer may go on watching: the session lives, and the
// gate would say yes again about what is watched as it is now.
func (s *Site) still(c *Ctx, t Topic, key string) bool {
	who := c.Who
	if c.session != nil {
		now, err := s.sessionByID(c.Context(), c.session.ID)
		if err != nil || !s.alive(now) {
			return false
		}
		if now.Person != "" {
			if who, err = s.principal(c.Context(), now); err != nil {
				return false
			}
		}
	}
	entity, err := t.Load(c.Context(), key)
	return err == nil && s.gate.Would(who, t.Action, entity)
}

// liveURL is where a page's script listens.
func (c *Ctx) liveURL(topic string) string {
	if topic == "" {
		return ""
	}
	name, query, _ := strings.Cut(topic, "?")
	q, _ := url.ParseQuery(query)
	q.Set("from", strconv.FormatInt(c.live, 10))
	return livePath + url.PathEscape(name) + "?" + q.Encode()
}
