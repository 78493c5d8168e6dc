package tlog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sarai/courtyard/fault"
	"sarai/courtyard/journal"
	"sarai/courtyard/keys"
	"sarai/courtyard/keys/keystest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/courtyard/tlog"
)

const origin = "sarai.example/log"

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// house is a database with a journal and a log that run.
type house struct {
	db      *store.DB
	journal *journal.Journal
	log     *tlog.Log
	ring    *keys.Ring
	keys    []string
}

func furnish(t testing.TB, db *store.DB, opts tlog.Options) *house {
	t.Helper()
	ring, err := keys.New(db, keys.Options{Master: keystest.Master()})
	if err != nil {
		t.Fatal(err)
	}
	opts.Origin, opts.Interval = origin, 50*time.Millisecond
	h := &house{db: db, ring: ring, journal: journal.New(db, journal.Options{Poll: 20 * time.Millisecond})}
	if h.log, err = tlog.New(db, h.journal, ring, opts); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := ring.Ensure(context.Background()); err != nil {
		t.Fatal(err)
	}
	if h.keys, err = h.log.VerifierKeys(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) run(t testing.TB) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{h.journal.Run, h.log.Run} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_ = run(ctx)
		}()
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return h
}

func (h *house) emit(t testing.TB, subject string, data any) (id string) {
	t.Helper()
	err := h.db.Update(context.Background(), func(tx *store.Tx) error {
		id = tx.Emit(store.Event{Type: "office.file.moved", Version: 1, Subject: subject, Actor: "post/icta.dc.dc", Data: data})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// synthetic gives events as the journal would, for tests of the tree alone.
func synthetic(from, n int64, salt string) []store.Event {
	var out []store.Event
	for p := from; p < from+n; p++ {
		out = append(out, store.Event{ID: fmt.Sprintf("%s-%d", salt, p), Type: "office.file.moved", Version: 1, Subject: fmt.Sprintf("office/file/%d", p%7),
			Actor: "system/test", Position: p, At: time.UnixMicro(1_700_000_000_000_000 + p).UTC(), Payload: []byte(`{"to":"icta.dc.ac"}`), Opening: bytes.Repeat([]byte{byte(p)}, 32)})
	}
	return out
}

func TestAReceiptProvesTheEventAndNoByteOfItCanBeChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := furnish(t, db, tlog.Options{Quantum: true}).run(t)
		for i := range 20 {
			h.emit(t, "office/file/1", map[string]any{"n": i})
		}
		id := h.emit(t, "office/file/7", map[string]any{"to": "icta.dc.ac", "subject": "ڈومیسائل <a>", "sum": 125000})
		second := h.emit(t, "office/file/7", nil)
		start := time.Now()
		receipt, err := h.log.Receipt(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the receipt took %v", took)
		}
		p, err := tlog.Verify(receipt, h.keys...)
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.journal.Event(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if p.Event.ID != id || p.Index != e.Position-1 || p.Previous != -1 || p.Origin != origin || p.Event.Actor != "post/icta.dc.dc" || !p.At.Equal(e.At) || p.SignedAt.IsZero() {
			t.Fatalf("proof says %+v", p)
		}
		var data struct {
			Subject string
			Sum     int
		}
		if err := p.Event.Decode(&data); err != nil || data.Subject != "ڈومیسائل <a>" || data.Sum != 125000 {
			t.Fatalf("%+v %v", data, err)
		}
		if receipt2, err := h.log.Receipt(t.Context(), second); err != nil {
			t.Fatal(err)
		} else if p2, err := tlog.Verify(receipt2, h.keys...); err != nil || p2.Previous != p.Index {
			t.Fatalf("the second entry of the file does not name the first: %+v %v", p2, err)
		}

		// With the log's own key alone the rest of the file is still covered.
		if _, err := tlog.Verify(receipt, h.keys[0]); err != nil {
			t.Fatal(err)
		}
		step := 1
		if testing.Short() {
			step = 17
		}
		for i := 0; i < len(receipt); i += step {
			bad := bytes.Clone(receipt)
			bad[i] ^= 1 << (i % 7)
			if _, err := tlog.Verify(bad, h.keys...); !fault.Is(err, fault.Invalid) {
				t.Fatalf("byte %d (%q) changed to %q and still accepted: %v", i, receipt[i], bad[i], err)
			}
		}
		for _, bad := range []string{"", "\n", string(receipt) + "\n", "\n" + string(receipt), strings.ReplaceAll(string(receipt), "\n", "\r\n"), strings.Replace(string(receipt), "\n\n", "\n", 1)} {
			if _, err := tlog.Verify([]byte(bad), h.keys...); err == nil {
				t.Fatalf("accepted %.40q", bad)
			}
		}
		other := furnish(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), tlog.Options{Quantum: true})
		if _, err := tlog.Verify(receipt, other.keys...); err == nil {
			t.Fatal("accepted with another house's keys")
		}
		if _, err := tlog.Verify(receipt, h.keys[1]); err != nil {
			t.Fatalf("the cosigner's key alone: %v", err)
		}
		if _, err := tlog.Verify(receipt); err == nil {
			t.Fatal("accepted without any key")
		}
	})
}

func TestTheEntryRevealsNothingButTheRoom(t *testing.T) {
	e := synthetic(1, 1, "x")[0]
	rec, err := tlog.Record(e, -1)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := tlog.Leaf(e.Type, e.Opening, rec)
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(leaf))
	if c, err := base64.StdEncoding.DecodeString(f[2]); len(f) != 3 || f[0] != "sarai-event/1" || f[1] != "office" || err != nil || len(c) != 32 {
		t.Fatalf("entry is %q", leaf)
	}
	// Engines may hand the payload back with other spaces and order.
	e.Payload = []byte("{ \"to\" : \"icta.dc.ac\" }")
	again, err := tlog.Record(e, -1)
	if err != nil || !bytes.Equal(rec, again) {
		t.Fatalf("%s is not %s", again, rec)
	}
	e.Opening[5] ^= 1
	if other, _ := tlog.Leaf(e.Type, e.Opening, rec); bytes.Equal(leaf, other) {
		t.Fatal("the commitment does not depend on the opening")
	}
}

func TestReceiptsOutliveTheirKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		pin := filepath.Join(t.TempDir(), "checkpoint")
		h := furnish(t, db, tlog.Options{Pin: pin}).run(t)
		receipt, err := h.log.Receipt(t.Context(), h.emit(t, "office/file/1", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.ring.Rotate(t.Context(), "tlog.checkpoint"); err != nil {
			t.Fatal(err)
		}
		young, err := h.log.Receipt(t.Context(), h.emit(t, "office/file/1", nil)) // the pin is signed by the retired key
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tlog.Verify(receipt, h.keys[0]); err != nil {
			t.Fatalf("an old receipt with the key of its time: %v", err)
		}
		if _, err := tlog.Verify(young, h.log.VerifierKey()); err != nil {
			t.Fatal(err)
		}
		if _, err := tlog.Verify(young, h.keys[0]); err == nil {
			t.Fatal("signed by the retired key")
		}
		if _, about := get(t, serve(t, h)); !strings.Contains(string(about), h.keys[0]) || !strings.Contains(string(about), h.log.VerifierKey()) {
			t.Fatalf("the page about the log names not both keys:\n%s", about)
		}
	})
}

func TestTwoProcessesAppendOneLog(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a := furnish(t, storetest.Open(t, store.Config{URL: url}), tlog.Options{}).run(t)
		var b *house
		if strings.HasPrefix(url, "postgres") { // SQLite has one process; two logs in it do the same
			b = furnish(t, storetest.Open(t, store.Config{URL: url}), tlog.Options{}).run(t)
		} else {
			b = furnish(t, a.db, tlog.Options{})
			b.journal = a.journal
			b.run2(t)
		}
		var wg sync.WaitGroup
		for w, h := range []*house{a, b, a, b} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range 60 {
					h.emit(t, fmt.Sprintf("office/file/%d", i%5), map[string]int{"worker": w})
				}
			}()
		}
		wg.Wait()
		last := b.emit(t, "office/file/0", nil)
		for _, h := range []*house{a, b} {
			receipt, err := h.log.Receipt(t.Context(), last)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := tlog.Verify(receipt, h.keys...); err != nil || p.Size < 241 {
				t.Fatalf("%+v %v", p, err)
			}
		}
		// Rebuilt from the journal by somebody else, the log is the same.
		events, err := a.journal.Read(t.Context(), 0, 10000)
		if err != nil {
			t.Fatal(err)
		}
		copied := furnish(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), tlog.Options{})
		size, root, err := a.log.Root(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := copied.log.Append(t.Context(), events[:size]); err != nil {
			t.Fatal(err)
		}
		if s, r, err := copied.log.Root(t.Context()); err != nil || s != size || r != root {
			t.Fatalf("the journal gives tree %d %v, the log has %d %v", s, r, size, root)
		}
	})
}

// run2 runs the log alone, beside a journal that runs already.
func (h *house) run2(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.log.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// backup is the log's tables but for the leaves, as they were.
type backup struct {
	size           int64
	frontier, root []byte
	subjects       map[string]int64
}

func save(t *testing.T, db *store.DB) backup {
	t.Helper()
	b := backup{}
	err := db.View(t.Context(), func(tx *store.Tx) error {
		b.subjects = map[string]int64{}
		rows, err := tx.Query(`select subject, last from tlog_subject`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var s string
			var n int64
			if err := rows.Scan(&s, &n); err != nil {
				return err
			}
			b.subjects[s] = n
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return tx.QueryRow(`select size, frontier, root from tlog_state`).Scan(&b.size, &b.frontier, &b.root)
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// restore puts the log's tables back; checkpoints as well, unless they stay.
func restore(t *testing.T, db *store.DB, b backup, checkpointsStay bool) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		queries := []string{`delete from tlog_leaf where idx >= $1`, `delete from tlog_node where (idx + 1) * 256 > $1`, `delete from tlog_subject where last >= 0 and $1 >= 0`}
		if !checkpointsStay {
			queries = append(queries, `delete from tlog_checkpoint where size > $1`)
		}
		for _, q := range queries {
			if _, err := tx.Exec(q, b.size); err != nil {
				return err
			}
		}
		for s, n := range b.subjects {
			if _, err := tx.Exec(`insert into tlog_subject (subject, last) values ($1, $2)`, s, n); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`update tlog_state set size = $1, frontier = $2, root = $3 where id = 'log'`, b.size, b.frontier, b.root)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestARestoredOldBackupNeverMakesAFork(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		pin := filepath.Join(t.TempDir(), "checkpoint")
		h := furnish(t, db, tlog.Options{Pin: pin})
		grow := func(events []store.Event) {
			t.Helper()
			if err := h.log.Append(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		}
		grow(synthetic(1, 300, "a"))
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		old := save(t, db)
		grow(synthetic(301, 50, "a"))
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		published, err := os.ReadFile(pin)
		if err != nil {
			t.Fatal(err)
		}
		restore(t, db, old, false)
		var fork *tlog.ForkError
		err = h.log.Checkpoint(t.Context())
		if !errors.As(err, &fork) || fork.Published != 350 || fork.Have != 300 || !strings.Contains(err.Error(), "older backup") {
			t.Fatalf("signed after a restore: %v", err)
		}
		if h.log.Healthy() == nil {
			t.Fatal("says it is healthy")
		}
		grow(synthetic(301, 100, "b")) // the house went on working on the old backup
		if err := h.log.Checkpoint(t.Context()); !errors.As(err, &fork) || fork.Published != 350 || fork.Have != 400 {
			t.Fatalf("signed a fork: %v", err)
		}
		if now, _ := os.ReadFile(pin); !bytes.Equal(now, published) {
			t.Fatal("the evidence was overwritten")
		}
		// The newest database comes back: all is well again.
		restore(t, db, old, false)
		grow(synthetic(301, 60, "a"))
		if err := h.log.Checkpoint(t.Context()); err != nil || h.log.Healthy() != nil {
			t.Fatalf("does not go on: %v", err)
		}
		if err := os.WriteFile(pin, []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Checkpoint(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Fatalf("a damaged checkpoint file was ignored: %v", err)
		}
	})
}

func TestAForkInsideTheDatabaseIsNoticedWithoutAPin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := furnish(t, db, tlog.Options{})
		if err := h.log.Append(t.Context(), synthetic(1, 10, "a")); err != nil {
			t.Fatal(err)
		}
		old := save(t, db)
		if err := h.log.Append(t.Context(), synthetic(11, 10, "a")); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		cp, _, err := h.log.Latest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		restore(t, db, old, true)
		if err := h.log.Append(t.Context(), synthetic(11, 10, "b")); err != nil {
			t.Fatal(err)
		}
		var fork *tlog.ForkError
		if err := h.log.Checkpoint(t.Context()); !errors.As(err, &fork) {
			t.Fatalf("same size, other tree: %v", err)
		}
		if err := h.log.Append(t.Context(), synthetic(21, 300, "b")); err != nil {
			t.Fatal(err)
		}
		if err := h.log.Checkpoint(t.Context()); !errors.As(err, &fork) {
			t.Fatalf("longer, other tree: %v", err)
		}
		if now, _, _ := h.log.Latest(t.Context()); !bytes.Equal(cp, now) {
			t.Fatal("published something else")
		}
	})
}

func TestAnAlteredJournalOrTreeGivesNoReceipt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := furnish(t, db, tlog.Options{}).run(t)
		id := h.emit(t, "office/file/1", map[string]string{"to": "a"})
		erased := h.emit(t, "office/file/2", map[string]string{"name": "somebody"})
		for _, e := range []string{id, erased} {
			if _, err := h.log.Receipt(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := journal.Erase(tx, erased); err != nil {
				return err
			}
			_, err := tx.Exec(`update journal_event set actor = 'post/other' where id = $1`, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.log.Receipt(t.Context(), id); err == nil || !strings.Contains(err.Error(), "altered") {
			t.Fatalf("a receipt for an altered event: %v", err)
		}
		if _, err := h.log.Receipt(t.Context(), erased); !fault.Is(err, fault.Gone) {
			t.Fatalf("a receipt for an erased event: %v", err)
		}
	})
}

func TestAReceiptThatCannotBeCoveredIsRefusedInTime(t *testing.T) {
	t.Parallel()                                                                               // it waits
	h := furnish(t, storetest.Open(t, store.Config{URL: storetest.SQLite(t)}), tlog.Options{}) // nothing runs
	id := h.emit(t, "office/file/1", nil)
	start := time.Now()
	_, err := h.log.Receipt(t.Context(), id)
	if took := time.Since(start); !fault.Is(err, fault.Unavailable) || took > 4*time.Second {
		t.Fatalf("after %v: %v", took, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for i := range 8 {
		engine, batch := []string{"sqlite", "postgres"}[i/4], []int64{1, 10, 100, 500}[i%4]
		b.Run(fmt.Sprintf("%s/%d", engine, batch), func(b *testing.B) {
			url := map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}[engine](b)
			h := furnish(b, storetest.Open(b, store.Config{URL: url}), tlog.Options{})
			at := int64(1)
			b.ResetTimer()
			for range b.N {
				if err := h.log.Append(b.Context(), synthetic(at, batch, "a")); err != nil {
					b.Fatal(err)
				}
				at += batch
			}
			b.ReportMetric(float64(b.N)*float64(batch)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkReceipt(b *testing.B) {
	h := furnish(b, storetest.Open(b, store.Config{URL: storetest.SQLite(b)}), tlog.Options{Quantum: true}).run(b)
	id := ""
	err := h.db.Update(b.Context(), func(tx *store.Tx) error {
		for range 5000 {
			id = tx.Emit(store.Event{Type: "office.file.moved", Subject: "office/file/1", Actor: "system/test"})
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for {
		if _, err := h.log.Receipt(b.Context(), id); err == nil {
			break
		}
	}
	b.ResetTimer()
	for range b.N {
		if _, err := h.log.Receipt(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}
