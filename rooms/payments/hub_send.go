package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// hubCall is a message to a participant.
type hubCall struct {
	id     string // line of the outbox; "": not kept
	fsp    string // name
	method string
	kind   string // of endpoint: TRANSFER_POST, QUOTES ...
	path   string // escaped, from the resource on
	head   http.Header
	body   []byte
	tries  int
	lost   func(answered bool) // what to do when it cannot be delivered; may be nil
}

const (
	hubSenders  = 64   // for one participant: one that is slow holds up nobody else
	hubMostOut  = 8192 // messages that wait for one participant
	hubTries    = 4
	hubCallTime = 10 * time.Second
	// hubAgain is when a line of the outbox is taken up that nobody in this process
	// has in hand; hubForget is when it is given up.
	hubAgain  = 15 * time.Second
	hubForget = 24 * time.Hour
)

// hubSender sends what the hub has to say, each participant by senders of its own.
type hubSender struct {
	hub    *Hub
	client *http.Client

	mu    sync.Mutex
	run   context.Context //nolint:containedctx // that of Run, for what is begun while it runs
	boxes map[string]chan *hubCall
	held  map[string]bool // lines of the outbox in hand
	sent  []string        // lines to be taken away
	work  sync.WaitGroup
}

func newHubSender(h *Hub) *hubSender {
	return &hubSender{hub: h, boxes: map[string]chan *hubCall{}, held: map[string]bool{},
		client: &http.Client{
			// A participant's address is what was registered; it cannot send us elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, MaxIdleConns: 0, MaxIdleConnsPerHost: hubSenders, IdleConnTimeout: time.Minute,
				TLSHandshakeTimeout: 3 * time.Second, DisableCompression: true, ReadBufferSize: 4 << 10},
			Timeout: hubCallTime,
		}}
}

// later sends what is not kept once the message at hand is answered, or refuses it when
// too much waits for the participant.
func (s *hubSender) later(m *hubMessage, c *hubCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if box := s.boxes[c.fsp]; s.run == nil || len(box) >= hubMostOut {
		return errHubFull
	}
	m.after = append(m.after, c)
	return nil
}

// errHubFull says that too much waits for a participant.
var errHubFull = fspiop.Fail(fspiop.CodeUnavailable, "too many messages wait for this participant; send it again later")

// put hands a message to the senders. What is in the outbox and does not fit here is
// taken up later.
func (s *hubSender) put(c *hubCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return errHubFull
	}
	box := s.boxes[c.fsp]
	if box == nil {
		box = make(chan *hubCall, hubMostOut)
		s.boxes[c.fsp] = box
		ctx := s.run
		for range hubSenders {
			s.work.Go(func() { s.send(ctx, box) })
		}
	}
	select {
	case box <- c:
		if c.id != "" {
			s.held[c.id] = true
		}
		return nil
	default:
		return errHubFull
	}
}

// send sends what waits.
func (s *hubSender) send(ctx context.Context, box chan *hubCall) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-box:
			again, err := s.call(ctx, c)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				s.done(c)
			case again && c.tries+1 < hubTries:
				c.tries++
				time.AfterFunc(time.Duration(c.tries*c.tries)*250*time.Millisecond, func() {
					if s.put(c) != nil {
						s.leave(c)
					}
				})
			default:
				s.hub.room.log.WarnContext(ctx, "a participant did not take a message", "participant", c.fsp, "method", c.method, "kind", c.kind, "error", err)
				if again {
					s.leave(c)
				} else {
					s.done(c)
				}
				if c.lost != nil {
					c.lost(!again)
				}
			}
		}
	}
}

// health says whether messages go out.
func (s *hubSender) health() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return "DOWN"
	}
	return "OK"
}

// done takes a line out of the outbox, soon.
func (s *hubSender) done(c *hubCall) {
	if c.id == "" {
		return
	}
	s.mu.Lock()
	s.sent = append(s.sent, c.id)
	s.mu.Unlock()
}

// leave gives a line back: it is in the outbox still.
func (s *hubSender) leave(c *hubCall) {
	s.mu.Lock()
	delete(s.held, c.id)
	s.mu.Unlock()
}

// call sends one message; again says whether it is worth another try.
func (s *hubSender) call(ctx context.Context, c *hubCall) (again bool, err error) {
	to, err := s.hub.FSP(ctx, c.fsp)
	if err != nil {
		return true, err
	}
	if to == nil {
		return false, errors.New("it is no participant")
	}
	address := to.address(c.kind, c.path)
	if address == "" {
		return true, errors.New("it has registered no address")
	}
	r, err := http.NewRequestWithContext(ctx, c.method, address, bytes.NewReader(c.body))
	if err != nil {
		return false, err
	}
	r.Header = c.head
	if len(c.body) == 0 {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	res, err := s.client.Do(r)
	if err != nil {
		// The error names the address: that is the operator's to read.
		return true, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	_ = res.Body.Close()
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return false, nil
	}
	return res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests, fmt.Errorf("it answered %d", res.StatusCode)
}

// address is where a participant takes a message: what it registered for this kind
// of message, else its one address for all. What was registered may be a base, or end
// in the resource's path with names in braces.
func (f *HubFSP) address(kind, path string) string {
	base := f.Endpoints["FSPIOP_CALLBACK_URL_"+kind]
	if base == "" {
		base = f.Endpoints["FSPIOP_CALLBACK_URL"]
	}
	if base == "" {
		return ""
	}
	if at := strings.Index(base, "/{{"); at >= 0 {
		base = base[:at]
	}
	base = strings.TrimSuffix(strings.TrimSuffix(base, "/"), "/"+resourceOf(path))
	return base + path
}

// Run sends until ctx ends, takes up what another run left in the outbox, and gives
// back reservations whose time is over.
func (h *Hub) Run(ctx context.Context) error {
	s := h.out
	s.mu.Lock()
	s.run = ctx
	s.mu.Unlock()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	next, before := time.Time{}, h.room.clock.Now() // what is older than this run nobody here has in hand
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-tick.C:
		}
		if err := s.clear(ctx); err != nil && ctx.Err() == nil {
			h.room.log.WarnContext(ctx, "the hub's outbox could not be cleared", "error", err)
		}
		if err := h.expire(ctx); err != nil && ctx.Err() == nil {
			h.room.log.WarnContext(ctx, "transfers of the hub could not be ended", "error", err)
		}
		if now := h.room.clock.Now(); now.After(next) {
			if !next.IsZero() {
				before = now.Add(-hubAgain)
			}
			if err := s.resume(ctx, before); err != nil && ctx.Err() == nil {
				h.room.log.WarnContext(ctx, "the hub's outbox could not be read", "error", err)
			}
			next = now.Add(hubAgain / 3)
		}
	}
	s.mu.Lock()
	s.run, s.boxes = nil, map[string]chan *hubCall{}
	s.mu.Unlock()
	s.work.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s.client.CloseIdleConnections()
	return s.clear(last)
}

// clear takes what was sent out of the outbox.
func (s *hubSender) clear(ctx context.Context) error {
	s.mu.Lock()
	ids := s.sent
	s.sent = nil
	s.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	err := s.hub.room.db.Update(ctx, func(tx *store.Tx) error {
		for part := range sized(ids) {
			list, args := places(part)
			if _, err := tx.Exec("delete from payments_hub_outbox where id in ("+list+")", args...); err != nil {
				return err
			}
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.sent = append(s.sent, ids...)
		return err
	}
	for _, id := range ids {
		delete(s.held, id)
	}
	return nil
}

// resume takes up lines of the outbox from before a time that nobody here has in hand.
// Another process may be at the newest ones.
func (s *hubSender) resume(ctx context.Context, before time.Time) error {
	var found []*hubCall
	err := s.hub.room.db.View(ctx, func(tx *store.Tx) error {
		var err error
		found, err = store.List(tx, scanHubCall, "select id, fsp, method, resource, path, head, body from payments_hub_outbox where created < $1 order by created, id limit 2000", store.Micros(before))
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range found {
		s.mu.Lock()
		held := s.held[c.id]
		s.mu.Unlock()
		if !held && s.put(c) != nil {
			break
		}
	}
	return s.hub.room.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("delete from payments_hub_outbox where created < $1", store.Micros(s.hub.room.clock.Now().Add(-hubForget)))
		return err
	})
}

func scanHubCall(scan store.Scan) (*hubCall, error) {
	var c hubCall
	var head string
	if err := scan(&c.id, &c.fsp, &c.method, &c.kind, &c.path, &head, &c.body); err != nil {
		return nil, err
	}
	return &c, json.Unmarshal([]byte(head), &c.head)
}

// post writes messages into the outbox, in the transaction that decides them.
func (h *Hub) post(tx *store.Tx, calls []*hubCall) error {
	values := make([][]any, len(calls))
	for i, c := range calls {
		values[i] = c.line(tx.Now()).Values
	}
	return insert(tx, hubOutbox, values)
}

const hubOutbox = "payments_hub_outbox (id, fsp, method, resource, path, head, body, created)"

// line is a message's line in the outbox.
func (c *hubCall) line(at time.Time) Write {
	head, _ := json.Marshal(c.head) // lists of texts can always be written
	return Write{hubOutbox, []any{c.id, c.fsp, c.method, c.kind, c.path, string(head), c.body, store.Micros(at)}}
}

// outbox gives the lines of messages that are written with the rows that decide them.
func outbox(calls []*hubCall, rows []ledger.Row) []Write {
	out := make([]Write, len(calls))
	for i, c := range calls {
		out[i] = c.line(rows[0].At)
	}
	return out
}

// dispatch sends what is durable in the outbox.
func (h *Hub) dispatch(calls []*hubCall) {
	for _, c := range calls {
		_ = h.out.put(c) // what does not fit is taken up from the outbox
	}
}

// own makes a message of the hub's own, signed.
func (h *Hub) own(to, method, kind, resource, path string, v fspiop.Version, body []byte) (*hubCall, error) {
	head := http.Header{}
	set := func(name, value string) { head[textproto.CanonicalMIMEHeaderKey(name)] = []string{value} }
	date := h.room.clock.Now().UTC().Format(http.TimeFormat)
	set("Content-Type", fspiop.ContentType(resource, v))
	set("Date", date)
	set(fspiop.HeaderSource, h.name)
	set(fspiop.HeaderDestination, to)
	set(fspiop.HeaderURI, path)
	set(fspiop.HeaderMethod, method)
	signature, err := h.signer.Header(fspiop.Protected{URI: path, Method: method, Source: h.name, Destination: to, Date: date}, body)
	if err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	set(fspiop.HeaderSignature, signature)
	return &hubCall{id: h.room.newID(), fsp: to, method: method, kind: kind, path: path, head: head, body: body}, nil
}

// forwarded are the headers that go on with a message as they came.
var forwarded = []string{"Content-Type", "Accept", "Date", "Fspiop-Source", "Fspiop-Destination", "Fspiop-Signature", "Fspiop-Uri", "Fspiop-Http-Method", "Fspiop-Encryption", "Traceparent", "Tracestate", "Baggage"}

// forward passes a message on as it came, so that the sender's signature holds.
func (h *Hub) forward(m *hubMessage, to, kind string) *hubCall {
	head := http.Header{}
	for _, name := range forwarded {
		if v := m.header[name]; len(v) > 0 && (name != "Accept" || m.method == http.MethodPost || m.method == http.MethodGet) {
			head[name] = v
		}
	}
	if head["Fspiop-Destination"] == nil {
		head["Fspiop-Destination"] = []string{to}
	}
	if head["Fspiop-Uri"] == nil {
		head["Fspiop-Uri"] = []string{m.path}
	}
	if head["Fspiop-Http-Method"] == nil {
		head["Fspiop-Http-Method"] = []string{m.method}
	}
	path := m.path
	if m.query != "" {
		path += "?" + m.query
	}
	return &hubCall{id: h.room.newID(), fsp: to, method: m.method, kind: kind, path: path, head: head, body: m.body}
}
