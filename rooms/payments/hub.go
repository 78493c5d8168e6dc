package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/keys"
	"sarai/rooms/payments/fspiop"
)

// purposeHubSign signs the hub's own messages.
const purposeHubSign = "payments.hub.sign"

// actionHub is what a participant of the hub does with every message.
const actionHub = "payments.hub.send"

// HubOptions say how a hub behaves.
type HubOptions struct {
	Name string // what participants call it by; "Hub" when empty
	// Unsigned takes messages without a signature from participants that have
	// registered no key. Whoever reaches the listener can then speak for them, so it
	// is for tests and for lines that something else guards. A participant with a
	// key has to sign in any case.
	Unsigned bool
	// Verify tells whom an access token of the hub's operator speaks for; nil: none is
	// taken.
	Verify func(ctx context.Context, token string) (gate.Principal, error)
}

// Hub is the room's end of FSPIOP, as a Mojaloop hub has it: it looks up parties,
// carries quotes between participants, and clears transfers in the ledger.
type Hub struct {
	room     *Room
	name     string
	unsigned bool
	verify   func(ctx context.Context, token string) (gate.Principal, error)
	fsps     hubFSPs
	open     hubOpen
	routes   []hubRoute
	out      *hubSender
	mux      *http.ServeMux
	started  time.Time
	signer   fspiop.Signer
}

// OpenHub reads the hub's key and gives its handler. There may be several in a
// process, on the same tables.
func (r *Room) OpenHub(ctx context.Context, o HubOptions) (*Hub, error) {
	key, err := r.keys.Signer(ctx, purposeHubSign)
	if err != nil {
		return nil, fmt.Errorf("key of the hub's messages: %w", err)
	}
	h := &Hub{room: r, name: o.Name, unsigned: o.Unsigned, verify: o.Verify, started: r.clock.Now(), signer: hubSigner(key)}
	if h.name == "" {
		h.name = "Hub"
	}
	h.out = newHubSender(h)
	h.routes = h.table()
	h.mux = http.NewServeMux()
	h.admin(h.mux)
	h.mux.HandleFunc("GET /health", h.health)
	h.mux.HandleFunc("/", h.serve)
	return h, nil
}

func hubSigner(key *keys.Key) fspiop.Signer {
	return fspiop.Signer{Alg: string(key.Alg), Sign: key.JOSE}
}

// Handler answers participants, and below its own prefixes the hub's operator.
func (h *Hub) Handler() http.Handler { return h.mux }

// hubMost is the largest message in bytes: an ILP packet has up to 32,768 characters.
const hubMost = 256 << 10

// hubMessage is a message that was taken: its headers and its form are checked, its
// sender is known.
type hubMessage struct {
	head   fspiop.Head
	from   *HubFSP
	header http.Header
	method string
	path   string   // as it came, escaped
	query  string   // likewise
	args   []string // what stood in the path's places
	body   []byte
	value  *fspiop.Value // nil without a body
	after  []*hubCall    // what goes out once the message is answered
}

// hubRoute is a method and a path, in whose places (*) anything stands.
type hubRoute struct {
	method string
	path   []string
	body   *fspiop.Schema // nil: none
	most   int            // bytes; 0: hubMost
	do     func(ctx context.Context, m *hubMessage) error
}

// table lists all that is answered. PUT and PATCH are callbacks.
func (h *Hub) table() []hubRoute {
	var out []hubRoute
	add := func(method, path string, body *fspiop.Schema, do func(context.Context, *hubMessage) error) {
		out = append(out, hubRoute{method: method, path: strings.Split(strings.Trim(path, "/"), "/"), body: body, do: do})
	}
	for _, sub := range []string{"", "/*"} {
		add("POST", "/participants/*/*"+sub, fspiop.ParticipantPost, h.register)
		add("GET", "/participants/*/*"+sub, nil, h.whoHas)
		add("DELETE", "/participants/*/*"+sub, nil, h.unregister)
		add("PUT", "/participants/*/*"+sub, fspiop.ParticipantPut, h.relayBack)
		add("PUT", "/participants/*/*"+sub+"/error", fspiop.ErrorBody, h.relayBack)
		add("GET", "/parties/*/*"+sub, nil, h.lookup)
		add("PUT", "/parties/*/*"+sub, fspiop.PartyPut, h.relayBack)
		add("PUT", "/parties/*/*"+sub+"/error", fspiop.ErrorBody, h.relayBack)
	}
	add("POST", "/participants", fspiop.ParticipantsPost, h.registerAll)
	add("PUT", "/participants/*", fspiop.ParticipantPut, h.relayBack)
	add("PUT", "/participants/*/error", fspiop.ErrorBody, h.relayBack)
	for _, r := range []struct {
		resource  string
		post, put *fspiop.Schema
	}{
		{"quotes", fspiop.QuotePost, fspiop.QuotePut}, {"transactionRequests", fspiop.RequestPost, fspiop.RequestPut},
		{"authorizations", nil, fspiop.AuthorizationPut}, {"fxQuotes", fspiop.ConversionQuotePost, fspiop.ConversionQuotePut},
	} {
		if r.post != nil {
			add("POST", "/"+r.resource, r.post, h.relayOn)
		}
		add("GET", "/"+r.resource+"/*", nil, h.relayOn)
		add("PUT", "/"+r.resource+"/*", r.put, h.relayBack)
		add("PUT", "/"+r.resource+"/*/error", fspiop.ErrorBody, h.relayBack)
	}
	add("POST", "/transfers", fspiop.TransferPost, h.prepare)
	add("GET", "/transfers/*", nil, h.transferState)
	add("PUT", "/transfers/*", fspiop.TransferPut, h.fulfil)
	add("PUT", "/transfers/*/error", fspiop.ErrorBody, h.reject)
	add("POST", "/bulkTransfers", fspiop.BulkTransferPost, h.prepareBulk)
	out[len(out)-1].most = hubBulkMost
	add("GET", "/bulkTransfers/*", nil, h.bulkState)
	add("PUT", "/bulkTransfers/*", fspiop.BulkTransferPut, h.fulfilBulk)
	out[len(out)-1].most = hubBulkMost
	add("PUT", "/bulkTransfers/*/error", fspiop.ErrorBody, h.rejectBulk)
	add("POST", "/fxTransfers", fspiop.ConversionTransferPost, h.prepareConversion)
	add("GET", "/fxTransfers/*", nil, h.conversionState)
	add("PUT", "/fxTransfers/*", fspiop.ConversionTransferPut, h.fulfilConversion)
	add("PUT", "/fxTransfers/*/error", fspiop.ErrorBody, h.rejectConversion)
	return out
}

// match finds a route and what stands in its places.
func (h *Hub) match(method string, path []string) (*hubRoute, []string) {
	for i := range h.routes {
		r := &h.routes[i]
		if r.method != method || len(r.path) != len(path) {
			continue
		}
		var args []string
		fits := true
		for j, p := range r.path {
			switch {
			case p == "*" && path[j] != "":
				args = append(args, path[j])
			case p != path[j]:
				fits = false
			}
		}
		// ".../error" is not an identifier.
		if fits && (method != http.MethodPut || r.path[len(r.path)-1] == "error" || path[len(path)-1] != "error") {
			return r, args
		}
	}
	return nil, nil
}

// serve takes one message.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request) {
	after, err := h.take(r)
	if err == nil {
		status := http.StatusAccepted
		if r.Method == http.MethodPut || r.Method == http.MethodPatch {
			status = http.StatusOK
		}
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(status)
		// Whoever waits for both would be surprised by a callback that overtakes the
		// answer to its request.
		_ = http.NewResponseController(w).Flush()
		h.dispatch(after)
		return
	}
	h.dispatch(after)
	var f *fspiop.Fault
	if !errors.As(err, &f) {
		h.room.log.ErrorContext(r.Context(), "a message of the hub failed", "method", r.Method, "error", err)
		f = fspiop.Fail(fspiop.CodeServer, "")
	}
	writeHubFault(w, f)
}

func writeHubFault(w http.ResponseWriter, f *fspiop.Fault) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.HTTP())
	_, _ = w.Write(f.JSON())
}

// take checks a message and does what it asks. What is to be said to participants
// goes out after the answer.
func (h *Hub) take(r *http.Request) ([]*hubCall, error) {
	raw := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	path := make([]string, len(raw))
	for i, p := range raw {
		var err error
		if path[i], err = url.PathUnescape(p); err != nil {
			return nil, fspiop.Fail(fspiop.CodeUnknownURI, "the path is not escaped rightly")
		}
	}
	route, args := h.match(r.Method, path)
	if route == nil {
		return nil, fspiop.Fail(fspiop.CodeUnknownURI, r.Method+" of this path is not known")
	}
	m := &hubMessage{header: r.Header, method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery, args: args}
	head, f := fspiop.ReadHead(r.Header, r.Method, path[0])
	if f != nil {
		return nil, f
	}
	m.head = head
	if err := h.read(r, m, route); err != nil {
		return nil, err
	}
	var err error
	if m.from, err = h.FSP(r.Context(), head.Source); err != nil {
		return nil, err
	}
	if m.from == nil && h.unsigned && path[0] == "participants" {
		// As Mojaloop's hub has it: nobody can be told by a callback, and nothing happens.
		h.room.log.WarnContext(r.Context(), "the sender of a message is no participant of the hub", "method", r.Method)
		return nil, nil
	}
	if m.from == nil {
		return nil, fspiop.Fail(fspiop.CodeValidation, "fspiop-source is not a participant of this hub")
	}
	if err := h.authenticate(m); err != nil {
		return nil, err
	}
	who := gate.Principal{Kind: gate.Client, ID: "participant-" + m.from.principal(), Organisations: []gate.Membership{{Organisation: m.from.principal(), Role: "participant"}}}
	if _, err := gate.Authorize(r.Context(), h.room.gate, who, actionHub, hubSeat(m.from.principal())); err != nil {
		return nil, fspiop.Fail(fspiop.CodeClient, "this participant may not do that")
	}
	err = route.do(r.Context(), m)
	return m.after, err
}

// hubSeat is the resource of every message: the participant's own place at the hub.
type hubSeat string

// GateResource tells the gate whose place it is.
func (s hubSeat) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsSeat", ID: string(s), Attrs: map[string]any{"seat": string(s) + "#participant"}}
}

// read reads and checks the body.
func (h *Hub) read(r *http.Request, m *hubMessage, route *hubRoute) error {
	var err error
	most := max(route.most, hubMost)
	if m.body, err = io.ReadAll(io.LimitReader(r.Body, int64(most)+1)); err != nil {
		return fspiop.Fail(fspiop.CodeSyntax, "the body did not arrive whole")
	}
	switch {
	case len(m.body) > most:
		return fspiop.Fail(fspiop.CodeTooLarge, fmt.Sprintf("a message has at most %d bytes", most))
	case route.body == nil:
		if r.Method != http.MethodGet && r.Method != http.MethodDelete && len(m.body) > 0 {
			return fspiop.Fail(fspiop.CodeSyntax, "no body is wanted")
		}
		return checkQuery(r, m)
	}
	var f *fspiop.Fault
	if m.value, f = fspiop.Parse(m.body); f != nil {
		return f
	}
	if f = route.body.Check(m.value); f != nil {
		return f
	}
	return nil
}

// checkQuery checks the parameters of the one request that has some.
func checkQuery(r *http.Request, m *hubMessage) error {
	if m.method != http.MethodGet || resourceOf(m.path) != "authorizations" {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fspiop.Fail(fspiop.CodeSyntax, "the query is not escaped rightly")
	}
	if f := fspiop.AuthorizationGet.CheckQuery(values); f != nil {
		return f
	}
	return nil
}

// authenticate holds a message against its sender's key. A request without a body
// asks for something whose answer goes to the registered address of the sender it
// names; it is signed only when it changes something.
func (h *Hub) authenticate(m *hubMessage) error {
	switch {
	case m.method == http.MethodGet:
		return nil
	case !m.from.key.Zero():
		if f := fspiop.Verify(m.header, m.method, m.path, m.body, m.from.key); f != nil {
			return f
		}
		return nil
	case !h.unsigned:
		return fspiop.Fail(fspiop.CodeSignature, "the sender has registered no key for its signatures")
	}
	return nil
}

// health says that the hub answers. What other hubs leave to a message broker, the
// senders and their outbox do here.
func (h *Hub) health(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	status, code := "OK", http.StatusOK
	if _, err := h.FSPs(r.Context()); err != nil {
		status, code = "DOWN", http.StatusServiceUnavailable
	}
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"status":%q,"uptime":%d,"startTime":%q,"versionNumber":"1.0.0","services":[{"name":"datastore","status":%q},{"name":"broker","status":%q}]}`,
		status, int(h.room.clock.Now().Sub(h.started).Seconds()), fspiop.FormatTime(h.started), status, h.out.health())
}
