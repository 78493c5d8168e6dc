package services

import (
	"context"
	"sync"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// leftovers counts papers, and papers of no application.
func (w *win) leftovers(application string) (papers, orphans int64) {
	w.Helper()
	if err := w.court.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`select count(*) filter (where application = $1), count(*) filter (where application not in (select id from services_application)) from services_paper`, application).Scan(&papers, &orphans)
	}); err != nil {
		w.Fatal(err)
	}
	return papers, orphans
}

// An upload is being kept in one window while the draft is thrown away in
// another: whoever locks the draft first is done first, and nothing is left over.
func TestADraftIsWithdrawnWhileAPaperArrives(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		ctx := context.Background()
		a := w.citizen("ayesha")
		upload := func(app *Application) paper {
			p, err := w.room.takePaper(ctx, app, "proof", "lease.pdf", "application/pdf", []byte("%PDF-1.7"))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		draft := func() *Application {
			at, _ := a.post("/services/domicile/start", nil, 303)
			return w.application(refOf(at))
		}

		app := draft()
		p := upload(app)
		written, goOn, kept := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		var once sync.Once
		go func() {
			kept <- w.court.DB.Update(ctx, func(tx *store.Tx) error {
				// what save does, and then it is slow
				if _, err := tx.Exec("update services_application set version = version + 1 where id = $1 and state = 'draft'", app.ID); err != nil {
					return err
				}
				if err := p.write(tx); err != nil {
					return err
				}
				once.Do(func() { close(written); <-goOn })
				return nil
			})
		}()
		<-written
		gone := make(chan error, 1)
		go func() { gone <- w.room.withdraw(ctx, app) }()
		time.Sleep(150 * time.Millisecond) // it reaches the lock
		close(goOn)
		if err := <-kept; err != nil {
			t.Fatalf("keep the paper: %v", err)
		}
		if err := <-gone; err != nil {
			t.Fatalf("withdraw: %v", err)
		}
		if papers, orphans := w.leftovers(app.ID); papers != 0 || orphans != 0 {
			t.Fatalf("%d papers, %d orphans", papers, orphans)
		}

		for range 8 {
			app := draft()
			p := upload(app)
			var kept, gone error
			var both sync.WaitGroup
			both.Go(func() { kept = w.room.save(ctx, app, content{}, p) })
			both.Go(func() { gone = w.room.withdraw(ctx, app) })
			both.Wait()
			if gone != nil || kept != nil && !fault.Is(kept, fault.Conflict) {
				t.Fatalf("withdraw: %v; keep: %v", gone, kept)
			}
			if papers, orphans := w.leftovers(app.ID); papers != 0 || orphans != 0 {
				t.Fatalf("%d papers, %d orphans", papers, orphans)
			}
		}
	})
}
