package house

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
	"sarai/house/journey"
)

// TestKilledAtRandom walks journeys while the server is killed -9 and started
// again at random moments, also while it is starting. Whatever the house has
// acknowledged to a citizen is there afterwards, and is there once.
//
// SARAI_KILLS says how often; 50 on SQLite and 10 on PostgreSQL by default.
func TestKilledAtRandom(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { killAtRandom(t, kills(50), "") })
	t.Run("postgres", func(t *testing.T) { killAtRandom(t, kills(10), storetest.Postgres(t)) })
}

func kills(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("SARAI_KILLS")); err == nil {
		return n
	}
	if testing.Short() {
		return 3
	}
	return usual
}

func killAtRandom(t *testing.T, times int, database string) {
	p := newProcess(t, child{Data: t.TempDir(), Database: database})
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	if err := p.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	k := &killer{process: p, left: times}
	var wg sync.WaitGroup
	wg.Go(func() { k.run(t) })
	walks, cuts := walkOn(t, k)
	wg.Wait()
	took := time.Since(began)
	if t.Failed() {
		return
	}
	for _, w := range walks {
		k.holds(t, w.Facts(), true)
	}
	if err := p.stop(); err != nil {
		t.Errorf("the last server did not end well: %v", err)
	}
	t.Logf("%d kills in %.1f s (%d while starting), %d journeys ended, %d steps were cut off; a start took %d ms on average, %d ms at most",
		times, took.Seconds(), k.early, len(walks), cuts, k.starting.Milliseconds()/int64(max(1, k.starts)), k.slowest.Milliseconds())

	h := openHouse(t, p.config())
	ledgerHolds(t, h)
	noGaps(t, h)
	if _, _, err := tlog.Check(t.Context(), h.Base()+"/log", h.court.Log.VerifierKey(), k.checkpoint); err != nil {
		t.Errorf("the log is not what it was: %v", err)
	}
	logHolds(t, h)
}

// killer kills the server and starts it again.
type killer struct {
	*process
	left  int
	count atomic.Int64 // kills begun
	down  atomic.Bool  // from before a kill until the next server is ready
	over  atomic.Bool

	vkey       string
	checkpoint []byte // the last one the log has shown
	early      int    // kills before the server was ready
	starts     int
	starting   time.Duration
	slowest    time.Duration
}

func (k *killer) run(t *testing.T) {
	defer k.over.Store(true)
	ctx := t.Context()
	for ; k.left > 0 && !t.Failed(); k.left-- {
		if rand.IntN(6) == 0 { //nolint:gosec // chance
			// Twice in a row: the second one strikes while the server starts.
			k.strike(t, time.Duration(rand.IntN(800))*time.Millisecond)
			k.early++
			k.left--
			if k.left == 0 {
				break
			}
			k.strike(t, time.Duration(rand.IntN(900))*time.Millisecond)
		} else {
			k.strike(t, time.Duration(100+rand.IntN(2400))*time.Millisecond) //nolint:gosec // chance
		}
		began := time.Now()
		if err := k.ready(ctx); err != nil {
			t.Errorf("after kill %d: %v", k.count.Load(), err)
			return
		}
		k.down.Store(false)
		took := time.Since(began)
		k.starts++
		k.starting += took
		k.slowest = max(k.slowest, took)
		k.look(t)
	}
}

// strike waits, kills and starts.
func (k *killer) strike(t *testing.T, after time.Duration) {
	time.Sleep(after)
	if fresh, _, err := k.check(t.Context()); err == nil {
		k.checkpoint = fresh
	}
	k.down.Store(true)
	k.count.Add(1)
	k.kill()
	if err := k.start(); err != nil {
		t.Error(err)
	}
}

// check proves that the log contains what it showed before.
func (k *killer) check(ctx context.Context) ([]byte, int64, error) {
	if k.vkey == "" {
		p, err := journey.NewBrowser(k.url(), "en").Get(ctx, "/log/")
		if err != nil {
			return nil, 0, err
		}
		_, list, _ := strings.Cut(string(p.Body), "Verifier keys:")
		if words := strings.Fields(list); len(words) > 0 {
			k.vkey = words[0]
		}
	}
	return tlog.Check(ctx, k.url()+"/log", k.vkey, k.checkpoint)
}

// look holds the whole database against what must always be true.
func (k *killer) look(t *testing.T) {
	fresh, _, err := k.check(t.Context())
	for limit := time.Now().Add(20 * time.Second); err != nil && k.checkpoint == nil && time.Now().Before(limit); {
		// Killed before the log was ever signed: whoever signs it now waits until
		// the dead one's lease is over.
		time.Sleep(100 * time.Millisecond)
		fresh, _, err = k.check(t.Context())
	}
	if err != nil {
		t.Errorf("after kill %d the log is not what it was: %v", k.count.Load(), err)
	} else {
		k.checkpoint = fresh
	}
	db := k.database(t)
	defer func() { _ = db.Close() }()
	for _, law := range laws {
		if n := db.number(t, law.sql); n != 0 {
			t.Errorf("after kill %d: %s: %d", k.count.Load(), law.broken, n)
		}
	}
	// The ledger's tables follow its batches: who is without a payment must have one
	// when they contain what was durable by then.
	unpaid := db.list(t, paidWithoutPayment)
	if len(unpaid) == 0 {
		return
	}
	db.followed(t)
	for _, fee := range db.list(t, paidWithoutPayment) {
		if slices.Contains(unpaid, fee) {
			t.Errorf("after kill %d: fee %s is paid without a payment", k.count.Load(), fee)
		}
	}
}

const paidWithoutPayment = `select f.id from payments_fee f where phase = 'paid' and not exists (select 1 from payments_transfer t where t.id = f.transfer and t.phase = 'committed' and t.fee = f.id)`

// laws count what must never be.
var laws = []struct{ broken, sql string }{
	{"positions have holes", `select coalesce(max(position), 0) - count(*) from journal_event`},
	{"events are also waiting for a position", `select count(*) from journal_outbox o join journal_event e on e.id = o.id`},
	{"fees were paid twice", `select count(*) from (select fee from payments_transfer where fee <> '' and phase = 'committed' group by fee having count(*) > 1) s`},
	{"books do not add up to nothing", `select count(*) from (select book from payments_account join payments_balance using (id) group by book, currency having sum(balance) <> 0) s`},
	{"applications have two files", `select count(*) from (select application from office_file where application <> '' group by application having count(*) > 1) s`},
	{"files miss notes or movements", `select count(*) from office_file f where application <> '' and (paras <> (select count(*) from office_para p where p.file = f.id) or moves <> (select count(*) from office_movement m where m.file = f.id))`},
	{"notes were signed twice", `select count(*) from (select p.file from office_para p join office_file f on f.id = p.file where f.application <> '' group by p.file, p.body having count(*) > 1) s`},
	{"things happened twice", `select count(*) from (select subject from journal_event where type in ('services.application.submitted', 'services.application.paid', 'services.application.received',
		'services.application.decided', 'services.document.issued', 'payments.transfer.committed', 'payments.fee.paid', 'office.file.opened', 'office.case.decided', 'office.receipt.diarised',
		'identity.application.submitted', 'identity.person.issued', 'cert.incident.opened') group by type, subject having count(*) > 1) s`},
}

// holds says whether what a citizen was told is there, once.
func (k *killer) holds(t *testing.T, f journey.Facts, whole bool) {
	t.Helper()
	db := k.database(t)
	defer func() { _ = db.Close() }()
	if f.Transfer != "" {
		db.followed(t)
	}
	once := func(what, sql string, args ...any) {
		t.Helper()
		if args[0] == "" {
			if whole {
				t.Errorf("a whole journey knows no %s: %+v", what, f)
			}
			return
		}
		if n := db.number(t, sql, args...); n != 1 {
			t.Errorf("after kill %d, %s %v is there %d times", k.count.Load(), what, args, n)
		}
	}
	once("application for an identity", `select count(*) from identity_application where reference = $1 and state <> 'draft'`, f.Reference)
	once("application", `select count(*) from services_application where ref = $1`, f.Application)
	once("fee", `select count(*) from payments_fee where id = $1`, f.Fee)
	once("payment", `select count(*) from payments_transfer where id = $1 and phase = 'committed'`, f.Transfer)
	once("file", `select count(*) from office_file where id = $1`, f.File)
	once("file with its number", `select count(*) from office_file where number = $1`, f.Number)
	once("document", `select count(*) from services_document where id = $1`, f.Document)
	once("proof", `select count(*) from services_document where token = $1`, f.Token)
	once("incident", `select count(*) from cert_incident where id = $1`, f.Incident)
	if f.File != "" {
		if n := db.number(t, `select count(*) from office_para where file = $1`, f.File); n < int64(f.Notes) {
			t.Errorf("after kill %d, file %s has %d notes, and %d were signed", k.count.Load(), f.Number, n, f.Notes)
		}
	}
	if f.Decided {
		once("decision", `select count(*) from office_file where id = $1 and state = 'approved'`, f.File)
	}
	if whole {
		once("application of this citizen", `select count(*) from services_application where owner = (select owner from services_application where ref = $1)`, f.Application)
		once("person", `select count(*) from identity_person where subject = (select subject from identity_application where reference = $1)`, f.Reference)
		once("payment of this fee", `select count(*) from payments_transfer where fee = $1`, f.Fee)
		if n := db.number(t, `select count(*) from office_movement where file = $1`, f.File); n != 4 {
			t.Errorf("file %s has %d movements, not 4", f.Number, n)
		}
	}
}

// walkOn walks one journey after another until the killer has done. A step that
// was cut off is walked again. It gives the walks that came to their end.
func walkOn(t *testing.T, k *killer) (done []*journey.Walk, cuts int) {
	ctx := t.Context()
	for lap := 0; (!k.over.Load() || lap == 0) && !t.Failed(); lap++ {
		w, err := journey.New(journey.Options{Server: k.url(), Lang: []string{"en", "ur"}[lap%2]})
		if err != nil {
			t.Error(err)
			return done, cuts
		}
		for _, step := range w.Steps() {
			for {
				before, down := k.count.Load(), k.down.Load()
				_, err := step.Walk(ctx)
				if err == nil {
					break
				}
				if !down && k.count.Load() == before || t.Failed() {
					t.Errorf("journey %d, step %d, %s, does not hold though nobody was killed (after kill %d): %v", lap+1, step.Number, step.Name, before, err)
					return done, cuts
				}
				cuts++
				if err := k.ready(ctx); err != nil {
					t.Error(err)
					return done, cuts
				}
				k.holds(t, w.Facts(), false)
			}
		}
		done = append(done, w)
	}
	return done, cuts
}

// reader reads the server's database beside it, as no part of it.
type reader struct {
	*sql.DB
	sqlite bool
}

func (p *process) database(t *testing.T) reader {
	t.Helper()
	driver, url := "pgx", p.Database
	if url == "" {
		driver, url = "sqlite", "file:"+p.Data+"/sarai.db?_pragma=busy_timeout(15000)&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return reader{db, p.Database == ""}
}

// followed waits until the ledger's tables contain what was durable at the call.
func (r reader) followed(t *testing.T) {
	t.Helper()
	const behind = `select count(*) from payments_index i join payments_book b on b.currency = i.currency where i.currency = $1 and i.number < $2`
	books := map[string]int64{}
	for _, currency := range r.list(t, "select currency from payments_book") {
		books[currency] = r.number(t, "select number from payments_book where currency = $1", currency)
	}
	limit := time.Now().Add(20 * time.Second)
	for currency, number := range books {
		for r.number(t, behind, currency, number) != 0 {
			if time.Now().After(limit) {
				t.Errorf("the tables of %s do not contain batch %d after 20 s", currency, number)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (r reader) list(t *testing.T, query string) (list []string) {
	t.Helper()
	rows, err := r.Query(query)
	if err != nil {
		t.Errorf("%s: %v", strings.Join(strings.Fields(query), " "), err)
		return nil
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Error(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	return list
}

func (r reader) number(t *testing.T, query string, args ...any) (n int64) {
	t.Helper()
	if r.sqlite {
		query = strings.ReplaceAll(query, "$", "?")
	}
	if err := r.QueryRow(query, args...).Scan(&n); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v", strings.Join(strings.Fields(query), " "), err)
	}
	return n
}
