package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
)

// crashChild is what the test binary does when it runs as the child of the
// crash test: 16 writers say on standard output which rows were acknowledged,
// until somebody kills the process.
func crashChild() {
	url := os.Getenv("STORE_CRASH_URL")
	if url == "" {
		return
	}
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: url})
	if err != nil {
		fmt.Fprintln(os.Stdout, "error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for w := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s-%d-%d", os.Getenv("STORE_CRASH_ROUND"), w, n)
				if err := db.Update(ctx, func(tx *store.Tx) error {
					tx.Emit(store.Event{Type: "bank.account.opened", Subject: id})
					return account(tx, id, 1)
				}); err != nil {
					fmt.Fprintln(os.Stdout, "error", err)
					os.Exit(1)
				}
				mu.Lock()
				_, _ = os.Stdout.WriteString(id + "\n")
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	if n, err := strconv.Atoi(os.Getenv("SARAI_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, store.Config{URL: url})
		db.Register(bank)
		must(t, db.Migrate(t.Context()))
		acknowledged := 0
		for round := range rounds {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "STORE_CRASH_URL="+url, fmt.Sprint("STORE_CRASH_ROUND=", round))
			out, err := child.StdoutPipe()
			must(t, err)
			must(t, child.Start())
			var ids []string
			read := make(chan struct{})
			first := make(chan struct{})
			go func() {
				defer close(read)
				for lines := bufio.NewScanner(out); lines.Scan(); {
					if len(ids) == 0 {
						close(first)
					}
					ids = append(ids, lines.Text())
				}
			}()
			<-first
			time.Sleep(time.Duration(40+round*37%60) * time.Millisecond)
			must(t, child.Process.Kill())
			<-read
			_ = child.Wait()
			acknowledged += len(ids)
			must(t, db.View(t.Context(), func(tx *store.Tx) error {
				for _, id := range ids {
					if _, err := store.Get(tx, store.Value[int64], `select balance from bank_account where id = $1`, id); err != nil {
						t.Errorf("%q was acknowledged and is lost: %v", id, err)
					}
				}
				return nil
			}))
		}
		rows := count(t, db, `select count(*) from bank_account where id <> 'seed'`)
		if events := count(t, db, `select (select count(*) from journal_event) + (select count(*) from journal_outbox)`); events != rows {
			t.Errorf("%d rows and %d events", rows, events)
		}
		if db.Engine() == store.SQLite {
			if gap := count(t, db, `select (select position from journal_head) - count(*) from journal_event`); gap != 0 {
				t.Errorf("%d positions without an event", gap)
			}
		}
		t.Logf("%d rounds, %d rows acknowledged, %d found", rounds, acknowledged, rows)
	})
}
