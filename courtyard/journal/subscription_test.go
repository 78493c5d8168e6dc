package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/journal"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(8 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func TestAFailingHandlerIsRetriedAndHoldsUpNobodyElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		db.Register(bank)
		var healed atomic.Bool
		var good, bad atomic.Int64
		write := func(tx *store.Tx, e store.Event, reader string) error {
			_, err := tx.Exec(`insert into bank_seen (position, reader) values ($1, $2)`, e.Position*10+int64(len(reader)), reader)
			return err
		}
		j := start(t, db,
			journal.Subscription{Name: "test.bad", Types: []string{"*"}, Handle: func(tx *store.Tx, e store.Event) error {
				if err := write(tx, e, "bad"); err != nil {
					return err
				}
				if e.Type == "x.poison.eaten" && !healed.Load() {
					if bad.Add(1)%2 == 0 {
						panic("poison")
					}
					return errors.New("poison")
				}
				return nil
			}},
			journal.Subscription{Name: "test.good", Types: []string{"x.*"}, Handle: func(tx *store.Tx, e store.Event) error {
				good.Add(1)
				return write(tx, e, "good")
			}})
		for i := range 5 {
			emit(t, db, "x.thing.done", i)
		}
		emit(t, db, "x.poison.eaten", 5)
		emit(t, db, "x.thing.done", 6)
		seen := func(reader string) (n int64) {
			if err := db.View(t.Context(), func(tx *store.Tx) (err error) {
				n, err = store.Get(tx, store.Value[int64], `select count(*) from bank_seen where reader = $1`, reader)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		eventually(t, "the other subscription is done", func() bool { return seen("good") == 7 })
		eventually(t, "the failing one is tried again", func() bool { return bad.Load() >= 3 })
		eventually(t, "all before it are handled", func() bool { return seen("bad") == 5 })
		eventually(t, "the trouble is on record", func() bool {
			trouble, err := j.Trouble(t.Context())
			return err == nil && len(trouble) == 1 && trouble[0].Name == "test.bad" && trouble[0].Attempts > 0 && trouble[0].Position == 5
		})
		healed.Store(true)
		eventually(t, "it goes on", func() bool { return seen("bad") == 7 })
	})
}

func TestASubscriptionGoesOnWhereItStopped(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		var got []int64
		sub := journal.Subscription{Name: "test.sub", Types: []string{"x.*"}, Handle: func(tx *store.Tx, e store.Event) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, e.Position)
			return nil
		}}
		for life := range 3 {
			db, j := process(t, url, sub)
			emit(t, db, "x.a.b", life)
			emit(t, db, "y.a.b", life)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = j.Run(ctx) }()
			eventually(t, "delivered", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == life+1 })
			cancel()
			<-done
			_ = db.Close()
		}
		if fmt.Sprint(got) != "[1 3 5]" {
			t.Error(got)
		}
	})
}

func TestEventsOfOneTransactionStayInOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := start(t, db)
		var ids []string
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			ids = nil
			for i := range 20 {
				ids = append(ids, tx.Emit(store.Event{Type: "x.a.b", Data: i}))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Wait(t.Context(), ids[19]); err != nil {
			t.Fatal(err)
		}
		list, err := j.Read(t.Context(), 0, 100)
		if err != nil || len(list) != 20 {
			t.Fatal(len(list), err)
		}
		for i, e := range list {
			if e.ID != ids[i] || string(e.Payload) != fmt.Sprint(i) {
				t.Errorf("event %d is %s", i, e.Payload)
			}
		}
	})
}

func TestAnErasedEventKeepsItsPlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		j := start(t, db)
		id := emit(t, db, "x.a.b", 1)
		if _, err := j.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return journal.Erase(tx, id) }); err != nil {
			t.Fatal(err)
		}
		e, err := j.Event(t.Context(), id)
		if err != nil || e.Position != 1 || e.Payload != nil || e.Opening != nil || e.Decode(&struct{}{}) == nil {
			t.Error(e, err)
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return journal.Erase(tx, "none") }); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

func TestTypesMatch(t *testing.T) {
	for _, c := range []struct {
		types string
		event string
		want  bool
	}{
		{"", "a.b.c", true}, {"*", "a.b.c", true}, {"a.*", "a.b.c", true}, {"a.*", "ab.c.d", false}, {"a.b.*", "a.b.c", true},
		{"a.b.c", "a.b.c", true}, {"a.b", "a.b.c", false}, {"x.y a.*", "a.b.c", true},
	} {
		if journal.Match(strings.Fields(c.types), c.event) != c.want {
			t.Errorf("%q against %q", c.types, c.event)
		}
	}
}

func TestAnEventIsACloudEvent(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 5000, time.UTC)
	e := store.Event{ID: "0193", Type: "office.file.moved", Version: 2, Subject: "office/file/1", Actor: "post/dc", Position: 7, At: at, Payload: json.RawMessage(`{"to":"ac"}`)}
	b, err := json.Marshal(journal.CloudEvent(e, "https://sarai.example"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"0193","source":"https://sarai.example","type":"office.file.moved","subject":"office/file/1","time":"2026-11-21T09:00:00.000005Z",` +
		`"datacontenttype":"application/json","dataversion":"2","actor":"post/dc","sequence":"00000000000000000007","data":{"to":"ac"}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}
