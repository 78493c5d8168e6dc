package services

import (
	"fmt"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Notice tells a citizen what happened to an application. It holds no text: the
// page writes it in the reader's language from What and the service's name.
type Notice struct {
	ID      string
	What    string // "received", "paid", "moved", "approved", "refused", "issued"
	Service string
	Ref     string
	At      time.Time
	Seen    bool
}

func notify(tx *store.Tx, a *Application, what string) error {
	_, err := tx.Exec("insert into services_notice (id, owner, what, service, ref, at, seen) values ($1, $2, $3, $4, $5, $6, 0)",
		tx.NewID(), a.Owner, what, a.Service, a.Ref, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("write the notice: %w", err)
	}
	return nil
}

func noticesOf(tx *store.Tx, owner string, from web.Place, limit int) ([]Notice, error) {
	after, args := after(from, "at", owner, limit)
	return store.List(tx, func(scan store.Scan) (Notice, error) {
		var n Notice
		var at, seen int64
		err := scan(&n.ID, &n.What, &n.Service, &n.Ref, &at, &seen)
		n.At, n.Seen = store.Time(at), seen > 0
		return n, err
	}, "select id, what, service, ref, at, seen from services_notice where owner = $1"+after+" order by at desc, id desc limit $2", args...)
}

func unseen(tx *store.Tx, owner string) (n int64, err error) {
	err = tx.QueryRow("select count(*) from services_notice where owner = $1 and seen = 0", owner).Scan(&n)
	return n, err
}

func markSeen(tx *store.Tx, owner string) error {
	_, err := tx.Exec("update services_notice set seen = $2 where owner = $1 and seen = 0", owner, store.Micros(tx.Now()))
	return err
}
