package payments_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/clock"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/payments"
	"sarai/rooms/payments/fspiop"
)

// BenchmarkHub measures FSPIOP transfers between two participants over HTTP, all three
// in one process with the clients: sign and send POST /transfers, verify, reserve,
// pass on, verify at the payee's, sign and send PUT with the fulfilment, verify,
// commit, and tell both, the payer by the payee's signed message, the payee by the
// hub's signed PATCH. Each side verifies what it hears. A transfer is over when both
// have heard. Reported are transfers a second, the median and 99 of 100, and the
// processor's time for one transfer of all three together.
func BenchmarkHub(b *testing.B) {
	engines := map[string]func(testing.TB) string{"sqlite": storetest.SQLite}
	if os.Getenv(storetest.Env) != "" {
		engines["postgres"] = storetest.Postgres
	}
	for _, name := range []string{"sqlite", "postgres"} {
		if engines[name] == nil {
			continue
		}
		for _, clients := range []int{64, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) { benchHub(b, engines[name](b), clients) })
		}
	}
}

// clearing is the hub with two participants that answer at once.
type clearing struct {
	b       *testing.B
	url     string
	client  *http.Client
	hubKey  fspiop.Key
	sides   [2]*clearer
	waiting sync.Map // transferId -> *passing
}

// passing is a transfer on its way; it is over when both have heard.
type passing struct {
	left atomic.Int32
	done chan struct{}
}

type clearer struct {
	name   string
	signer fspiop.Signer
	key    fspiop.Key
}

func newClearer(b *testing.B, name string) (*clearer, string) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(b, err)
	pub, err := fspiop.NewKey(key.Public())
	check(b, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	check(b, err)
	return &clearer{name, fspiop.Signer{Alg: fspiop.ES256, Sign: func(input []byte) ([]byte, error) {
		sum := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, err
	}}, pub}, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func benchHub(b *testing.B, url string, clients int) {
	db, err := store.Open(context.Background(), store.Config{URL: url, Clock: clock.System, Logger: slog.New(slog.DiscardHandler)})
	check(b, err)
	b.Cleanup(func() { _ = db.Close() })
	var room *payments.Room
	court := courttest.New(b, db, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{})
		return err
	})
	ctx := context.Background()
	check(b, room.Open(ctx))
	background(b, func(ctx context.Context) error { // the court's clock stands still
		for ctx.Err() == nil {
			court.Clock.Set(time.Now())
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
	hub, err := room.OpenHub(ctx, payments.HubOptions{})
	check(b, err)
	background(b, hub.Run)
	x := &clearing{b: b, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}, Timeout: 30 * time.Second}}
	x.hubKey, err = fspiop.NewKey(hub.PublicForTest())
	check(b, err)
	x.url = serveBench(b, hub.Handler())
	for i, name := range []string{"GreenBank", "BlueWallet"} {
		side, key := newClearer(b, name)
		x.sides[i] = side
		check(b, hub.AddFSP(ctx, name))
		check(b, hub.AddCurrency(ctx, name, "USD"))
		check(b, hub.SetKey(ctx, name, key))
		check(b, hub.SetEndpoint(ctx, name, "FSPIOP_CALLBACK_URL", serveBench(b, x.hear(i))))
		check(b, hub.FundForTest(ctx, name, "USD", 100_000_000_0000))
	}
	run := func(n int64) []time.Duration {
		var left atomic.Int64
		left.Store(n)
		var wg sync.WaitGroup
		took := make([][]time.Duration, clients)
		for i := range clients {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					began := time.Now()
					if err := x.pay(court.NewID(), i%2); err != nil {
						b.Error(err)
						return
					}
					took[i] = append(took[i], time.Since(began))
				}
			})
		}
		wg.Wait()
		return slices.Concat(took...)
	}
	run(int64(2 * clients)) // connections are open
	before := [2]int64{hub.PositionForTest(b, "GreenBank", "USD"), hub.PositionForTest(b, "BlueWallet", "USD")}
	b.ResetTimer()
	used := processor()
	took := run(int64(b.N))
	b.StopTimer()
	used = processor() - used
	slices.Sort(took)
	if len(took) > 0 {
		b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "transfers/s")
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(used.Microseconds())/float64(len(took)), "cpu-us/transfer")
	}
	after := [2]int64{hub.PositionForTest(b, "GreenBank", "USD"), hub.PositionForTest(b, "BlueWallet", "USD")}
	if after[0]+after[1] != before[0]+before[1] {
		b.Errorf("the positions were %v and are %v: money came from nowhere", before, after)
	}
}

func serveBench(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// benchPacket is an ILP packet of a common length.
var benchPacket = strings.Repeat("AYIBgQAAAAAAAASwNGxldmVsb25lLmRmc3Ax", 16)

func secretOf(id string) [32]byte { return sha256.Sum256([]byte(id)) }

// pay makes one transfer and waits until both have heard of it.
func (x *clearing) pay(id string, from int) error {
	payer, payee := x.sides[from], x.sides[1-from]
	condition, _ := fspiop.Condition(secretOf(id))
	body := fmt.Sprintf(`{"transferId":%q,"payerFsp":%q,"payeeFsp":%q,"amount":{"amount":"12.5","currency":"USD"},"ilpPacket":%q,"condition":%q,"expiration":%q}`,
		id, payer.name, payee.name, benchPacket, condition, fspiop.FormatTime(time.Now().Add(time.Minute)))
	p := &passing{done: make(chan struct{})}
	p.left.Store(2)
	x.waiting.Store(id, p)
	defer x.waiting.Delete(id)
	if err := x.send(payer, payee.name, http.MethodPost, "/transfers", []byte(body)); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("transfer %s: somebody has not heard", id)
	}
}

func (x *clearing) send(from *clearer, to, method, path string, body []byte) error {
	r, err := http.NewRequestWithContext(context.Background(), method, x.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	date := time.Now().UTC().Format(http.TimeFormat)
	signature, err := from.signer.Header(fspiop.Protected{URI: path, Method: method, Source: from.name, Destination: to, Date: date}, body)
	if err != nil {
		return err
	}
	media := fspiop.ContentType("transfers", fspiop.Known)
	r.Header = http.Header{"Content-Type": {media}, "Date": {date}, "Fspiop-Source": {from.name}, "Fspiop-Destination": {to}, "Fspiop-Signature": {signature}, "Fspiop-Uri": {path}, "Fspiop-Http-Method": {method}}
	if method == http.MethodPost {
		r.Header["Accept"] = []string{media}
	}
	res, err := x.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, answer)
	}
	return nil
}

// hear is a participant's own listener: it verifies, and answers a transfer.
func (x *clearing) hear(side int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		me := x.sides[side]
		body, err := io.ReadAll(r.Body)
		key := x.hubKey
		if source := r.Header.Get("FSPIOP-Source"); source != "Hub" {
			key = x.sides[1-side].key
		}
		if f := fspiop.Verify(r.Header, r.Method, r.URL.Path, body, key); err != nil || f != nil {
			x.b.Errorf("%s cannot verify %s %s: %v %v", me.name, r.Method, r.URL.Path, err, f)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		v, f := fspiop.Parse(body)
		if f != nil {
			x.b.Errorf("%s cannot read %s: %v", me.name, r.URL.Path, f)
			return
		}
		if r.Method != http.MethodPost {
			if state := v.Str("transferState"); state != "COMMITTED" {
				x.b.Errorf("%s heard %s of %s", me.name, body, r.URL.Path)
			}
			if p, ok := x.waiting.Load(strings.TrimPrefix(r.URL.Path, "/transfers/")); ok && p.(*passing).left.Add(-1) == 0 {
				close(p.(*passing).done)
			}
			return
		}
		id, payer := v.Str("transferId"), v.Str("payerFsp")
		go func() {
			_, fulfilment := fspiop.Condition(secretOf(id))
			answer := fmt.Sprintf(`{"transferState":"RESERVED","fulfilment":%q,"completedTimestamp":%q}`, fulfilment, fspiop.FormatTime(time.Now()))
			if err := x.send(me, payer, http.MethodPut, "/transfers/"+id, []byte(answer)); err != nil {
				x.b.Error(err)
			}
		}()
	})
}
