package payments_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/rooms/payments"
	"sarai/rooms/payments/fspiop"
)

// TestTheHub tells the stories of transfers between two participants that speak
// FSPIOP and sign what they send, on both engines.
func TestTheHub(t *testing.T) {
	stories := []struct {
		name string
		tell func(v *plaza)
	}{
		{"a transfer is committed when the payee shows the fulfilment", aTransferIsCommitted},
		{"the payee only reserves and is told", thePayeeOnlyReserves},
		{"the payee shows a wrong fulfilment", aWrongFulfilment},
		{"the payee refuses", thePayeeRefuses},
		{"the payee is silent", thePayeeIsSilent},
		{"the same transfer again", theSameTransferAgain},
		{"the prefund is used up", theHubsPrefundIsUsedUp},
		{"messages that the hub does not take", messagesTheHubDoesNotTake},
		{"a party is looked up", aPartyIsLookedUp},
		{"a payee that was away for a while", aPayeeThatWasAway},
	}
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		v := openPlaza(t, court, room)
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				v.t = t
				story.tell(v)
			})
		}
	})
}

// plaza is the hub with two participants at it.
type plaza struct {
	*courttest.Court
	t    testing.TB
	room *payments.Room
	hub  *payments.Hub
	url  string
	a, b *dfsp
}

// dfsp is a participant: it signs what it sends and keeps what it hears.
type dfsp struct {
	v      *plaza
	name   string
	signer fspiop.Signer
	server *httptest.Server

	mu    sync.Mutex
	heard []heardMessage
	news  chan struct{}
	away  bool
}

type heardMessage struct {
	method, path string
	head         http.Header
	body         map[string]any
}

func openPlaza(t *testing.T, court *courttest.Court, room *payments.Room) *plaza {
	t.Helper()
	ctx := t.Context()
	check(t, room.Open(ctx))
	hub, err := room.OpenHub(ctx, payments.HubOptions{})
	check(t, err)
	v := &plaza{Court: court, t: t, room: room, hub: hub}
	server := httptest.NewServer(hub.Handler())
	t.Cleanup(server.Close)
	v.url = server.URL
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- hub.Run(run) }()
	t.Cleanup(func() {
		stop()
		check(t, <-done)
	})
	v.a, v.b = v.open("GreenBank"), v.open("bluewallet")
	return v
}

// open takes a participant in: 1,000 USD of prefund, and a cap as high.
func (v *plaza) open(name string) *dfsp {
	v.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(v.t, err)
	d := &dfsp{v: v, name: name, news: make(chan struct{}, 1)}
	d.signer = fspiop.Signer{Alg: fspiop.ES256, Sign: func(input []byte) ([]byte, error) {
		sum := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, err
	}}
	d.server = httptest.NewServer(http.HandlerFunc(d.hear))
	v.t.Cleanup(d.server.Close)
	ctx := context.Background()
	check(v.t, v.hub.AddFSP(ctx, name))
	check(v.t, v.hub.AddCurrency(ctx, name, "USD"))
	check(v.t, v.hub.SetEndpoint(ctx, name, "FSPIOP_CALLBACK_URL", d.server.URL))
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	check(v.t, err)
	check(v.t, v.hub.SetKey(ctx, name, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))))
	check(v.t, v.hub.FundForTest(ctx, name, "USD", 1000_0000))
	return d
}

func (d *dfsp) hear(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m := heardMessage{method: r.Method, path: r.URL.Path, head: r.Header}
	_ = json.Unmarshal(body, &m.body)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	d.heard = append(d.heard, m)
	w.WriteHeader(http.StatusAccepted)
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// hears waits for a message and takes it.
func (d *dfsp) hears(method, path string) heardMessage {
	d.v.t.Helper()
	end := time.After(10 * time.Second)
	for {
		d.mu.Lock()
		for i, m := range d.heard {
			if m.method == method && m.path == path {
				d.heard = append(d.heard[:i], d.heard[i+1:]...)
				d.mu.Unlock()
				return m
			}
		}
		d.mu.Unlock()
		select {
		case <-d.news:
		case <-end:
			d.v.t.Fatalf("%s has not heard %s %s; it heard %v", d.name, method, path, d.heard)
		}
	}
}

// send sends a signed message; change may spoil it afterwards.
func (d *dfsp) send(method, path, to string, body any, change ...func(r *http.Request)) (int, string) {
	d.v.t.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, d.v.url+path, bytes.NewReader(text))
	check(d.v.t, err)
	resource := strings.Split(path, "/")[1]
	date := time.Now().UTC().Format(http.TimeFormat)
	media := "application/vnd.interoperability." + resource + "+json;version=1.1"
	if strings.HasPrefix(resource, "fx") { // conversions came with 2.0
		media = fspiop.ContentType(resource, fspiop.Version{Major: 2})
	}
	r.Header.Set("Content-Type", media)
	if method == "POST" || method == "GET" {
		r.Header.Set("Accept", media)
	}
	r.Header.Set("Date", date)
	r.Header.Set(fspiop.HeaderSource, d.name)
	if to != "" {
		r.Header.Set(fspiop.HeaderDestination, to)
	}
	if method != "GET" {
		signature, err := d.signer.Header(fspiop.Protected{URI: path, Method: method, Source: d.name, Destination: to, Date: date}, text)
		check(d.v.t, err)
		r.Header.Set(fspiop.HeaderSignature, signature)
	}
	for _, c := range change {
		c(r)
	}
	res, err := http.DefaultClient.Do(r)
	check(d.v.t, err)
	defer func() { _ = res.Body.Close() }()
	answer, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(answer)
}

// must sends a message that is taken.
func (d *dfsp) must(method, path, to string, body any) {
	d.v.t.Helper()
	if code, answer := d.send(method, path, to, body); code != 200 && code != 202 {
		d.v.t.Fatalf("%s %s: %d %s", method, path, code, answer)
	}
}

// asked is a transfer that the payer's participant wants.
type asked struct {
	id, fulfilment string
	body           map[string]any
}

func (v *plaza) transfer(amount string, within time.Duration) asked {
	secret := sha256.Sum256([]byte(v.NewID()))
	condition, fulfilment := fspiop.Condition(secret)
	id := v.NewID()
	return asked{id, fulfilment, map[string]any{"transferId": id, "payerFsp": v.a.name, "payeeFsp": v.b.name, "amount": map[string]any{"amount": amount, "currency": "USD"},
		"ilpPacket": "AYIBgQAAAAAAAASwNGxldmVsb25lLmRmc3AxLm1lci45T2RTOF81MDdqUUZERmZlakgyOVc4bXFmNEpLMHlGTFGCAUBQU0svMS4wCk5vbmNlOiB1SXlweUYzY3pYSXBFdzVVc05TYWh3", "condition": condition,
		"expiration": fspiop.FormatTime(v.Clock.Now().Add(within))}}
}

// positions are what both participants owe, in hundredths of cents.
func (v *plaza) positions() [2]int64 {
	v.t.Helper()
	return [2]int64{v.hub.PositionForTest(v.t, v.a.name, "USD"), v.hub.PositionForTest(v.t, v.b.name, "USD")}
}

func (v *plaza) moved(before [2]int64, a, b int64) {
	v.t.Helper()
	after := v.positions()
	if got := [2]int64{after[0] - before[0], after[1] - before[1]}; got != [2]int64{a, b} {
		v.t.Errorf("the positions moved by %v, want %v", got, [2]int64{a, b})
	}
}

func errorOf(m heardMessage) string {
	info, _ := m.body["errorInformation"].(map[string]any)
	code, _ := info["errorCode"].(string)
	return code
}

func (v *plaza) completed() string { return fspiop.FormatTime(v.Clock.Now()) }

func aTransferIsCommitted(v *plaza) {
	before := v.positions()
	x := v.transfer("10.25", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	got := v.b.hears("POST", "/transfers")
	if got.body["transferId"] != x.id || got.head.Get("Fspiop-Source") != v.a.name || got.head.Get("Fspiop-Signature") == "" {
		v.t.Fatalf("the payee heard %v", got)
	}
	v.moved(before, 10_2500, 0)
	v.b.must("PUT", "/transfers/"+x.id, v.a.name, map[string]any{"transferState": "COMMITTED", "fulfilment": x.fulfilment, "completedTimestamp": v.completed()})
	done := v.a.hears("PUT", "/transfers/"+x.id)
	if done.body["transferState"] != "COMMITTED" || done.body["fulfilment"] != x.fulfilment || done.head.Get("Fspiop-Source") != v.b.name || done.head.Get("Accept") != "" {
		v.t.Fatalf("the payer heard %v", done)
	}
	v.moved(before, 10_2500, -10_2500)
	v.a.must("GET", "/transfers/"+x.id, "", nil)
	if state := v.a.hears("PUT", "/transfers/"+x.id); state.body["transferState"] != "COMMITTED" || state.head.Get("Fspiop-Source") != "Hub" {
		v.t.Fatalf("asked again, the payer heard %v", state)
	}
}

func thePayeeOnlyReserves(v *plaza) {
	x := v.transfer("1", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	v.b.hears("POST", "/transfers")
	v.b.must("PUT", "/transfers/"+x.id, v.a.name, map[string]any{"transferState": "RESERVED", "fulfilment": x.fulfilment, "completedTimestamp": v.completed()})
	if done := v.a.hears("PUT", "/transfers/"+x.id); done.body["transferState"] != "COMMITTED" {
		v.t.Fatalf("the payer heard %v", done)
	}
	if told := v.b.hears("PATCH", "/transfers/"+x.id); told.body["transferState"] != "COMMITTED" || told.head.Get("Fspiop-Source") != "Hub" {
		v.t.Fatalf("the payee heard %v", told)
	}
}

func aWrongFulfilment(v *plaza) {
	before := v.positions()
	x, other := v.transfer("2", time.Minute), v.transfer("2", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	v.b.hears("POST", "/transfers")
	v.b.must("PUT", "/transfers/"+x.id, v.a.name, map[string]any{"transferState": "RESERVED", "fulfilment": other.fulfilment, "completedTimestamp": v.completed()})
	if no := v.a.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "3100" {
		v.t.Fatalf("the payer heard %v", no)
	}
	if no := v.b.hears("PATCH", "/transfers/"+x.id); no.body["transferState"] != "ABORTED" {
		v.t.Fatalf("the payee heard %v", no)
	}
	v.moved(before, 0, 0)
}

func thePayeeRefuses(v *plaza) {
	before := v.positions()
	x := v.transfer("3", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	v.b.hears("POST", "/transfers")
	v.b.must("PUT", "/transfers/"+x.id+"/error", v.a.name, map[string]any{"errorInformation": map[string]any{"errorCode": "5200", "errorDescription": "Payee limit error"}})
	if no := v.a.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "5200" || no.head.Get("Fspiop-Source") != v.b.name {
		v.t.Fatalf("the payer heard %v", no)
	}
	v.moved(before, 0, 0)
}

func thePayeeIsSilent(v *plaza) {
	before := v.positions()
	x := v.transfer("4", 2*time.Second)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	v.b.hears("POST", "/transfers")
	v.Clock.Advance(2 * time.Second)
	if no := v.a.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "3303" {
		v.t.Fatalf("the payer heard %v", no)
	}
	if no := v.b.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "3303" {
		v.t.Fatalf("the payee heard %v", no)
	}
	v.moved(before, 0, 0)
	// It answers after all: the money stays where it was.
	v.b.must("PUT", "/transfers/"+x.id, v.a.name, map[string]any{"transferState": "COMMITTED", "fulfilment": x.fulfilment, "completedTimestamp": v.completed()})
	if no := v.b.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "3303" {
		v.t.Fatalf("the late payee heard %v", no)
	}
	v.moved(before, 0, 0)
}

func theSameTransferAgain(v *plaza) {
	before := v.positions()
	x := v.transfer("5", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	v.b.hears("POST", "/transfers")
	fulfil := map[string]any{"transferState": "COMMITTED", "fulfilment": x.fulfilment, "completedTimestamp": v.completed()}
	v.b.must("PUT", "/transfers/"+x.id, v.a.name, fulfil)
	v.a.hears("PUT", "/transfers/"+x.id)
	v.b.must("PUT", "/transfers/"+x.id, v.a.name, fulfil)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	if again := v.a.hears("PUT", "/transfers/"+x.id); again.body["fulfilment"] != x.fulfilment {
		v.t.Fatalf("the payer heard %v", again)
	}
	x.body["amount"] = map[string]any{"amount": "500", "currency": "USD"}
	v.a.must("POST", "/transfers", v.b.name, x.body)
	if no := v.a.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "3106" {
		v.t.Fatalf("the payer heard %v", no)
	}
	v.moved(before, 5_0000, -5_0000)
}

func theHubsPrefundIsUsedUp(v *plaza) {
	before := v.positions()
	x := v.transfer("100000", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	if no := v.a.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "4001" {
		v.t.Fatalf("the payer heard %v", no)
	}
	v.moved(before, 0, 0)
}

func messagesTheHubDoesNotTake(v *plaza) {
	good := func() map[string]any { return v.transfer("1", time.Minute).body }
	with := func(name string, value any) map[string]any {
		b := good()
		b[name] = value
		return b
	}
	head := func(name, value string) func(r *http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name   string
		body   map[string]any
		change func(r *http.Request)
		status int
		code   string
	}{
		{"an amount with an exponent", with("amount", map[string]any{"amount": "1e3", "currency": "USD"}), nil, 400, "3100"},
		{"an amount with a sign", with("amount", map[string]any{"amount": "+5", "currency": "USD"}), nil, 400, "3100"},
		{"an amount in Urdu digits", with("amount", map[string]any{"amount": "۵", "currency": "USD"}), nil, 400, "3100"},
		{"an amount that is a number", with("amount", map[string]any{"amount": 5, "currency": "USD"}), nil, 400, "3101"},
		{"no condition", func() map[string]any { b := good(); delete(b, "condition"); return b }(), nil, 400, "3102"},
		{"another's name", good(), head("FSPIOP-Source", v.b.name), 400, "3105"},
		{"a changed destination", good(), head("FSPIOP-Destination", "Hub"), 400, "3105"},
		{"no signature", good(), func(r *http.Request) { r.Header.Del("FSPIOP-Signature") }, 400, "3102"},
		{"a version of the future", good(), head("Accept", "application/vnd.interoperability.transfers+json;version=9.0"), 406, "3001"},
		{"nobody's name", good(), head("FSPIOP-Source", "nobody"), 400, "3100"},
	} {
		change := c.change
		if change == nil {
			change = func(*http.Request) {}
		}
		status, answer := v.a.send("POST", "/transfers", v.b.name, c.body, change)
		if status != c.status || !strings.Contains(answer, fmt.Sprintf("%q:%q", "errorCode", c.code)) {
			v.t.Errorf("%s: %d %s, want %d and %s", c.name, status, answer, c.status, c.code)
		}
	}
	if status, answer := v.a.send("PUT", "/transfers/", v.b.name, good()); status != 404 || !strings.Contains(answer, "3002") {
		v.t.Errorf("a path without an id: %d %s", status, answer)
	}
}

func aPartyIsLookedUp(v *plaza) {
	v.b.must("POST", "/participants/MSISDN/923001234567", "", map[string]any{"fspId": v.b.name, "currency": "USD"})
	v.b.hears("PUT", "/participants/MSISDN/923001234567")
	v.a.must("GET", "/parties/MSISDN/923001234567", "", nil)
	v.b.hears("GET", "/parties/MSISDN/923001234567")
	v.b.must("PUT", "/parties/MSISDN/923001234567", v.a.name, map[string]any{"party": map[string]any{"partyIdInfo": map[string]any{"partyIdType": "MSISDN", "partyIdentifier": "923001234567", "fspId": v.b.name}, "name": "Ayesha Siddiqui"}})
	if who := v.a.hears("PUT", "/parties/MSISDN/923001234567"); who.body["party"] == nil {
		v.t.Fatalf("the payer heard %v", who)
	}
	v.a.must("GET", "/parties/MSISDN/923000000000", "", nil)
	if no := v.a.hears("PUT", "/parties/MSISDN/923000000000/error"); errorOf(no) != "3204" {
		v.t.Fatalf("the payer heard %v", no)
	}
}

func aPayeeThatWasAway(v *plaza) {
	v.b.mu.Lock()
	v.b.away = true
	v.b.mu.Unlock()
	x := v.transfer("6", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.body)
	time.Sleep(100 * time.Millisecond)
	v.b.mu.Lock()
	v.b.away = false
	v.b.mu.Unlock()
	v.b.hears("POST", "/transfers")
}
