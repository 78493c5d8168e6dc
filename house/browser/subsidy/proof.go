package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"sarai/courtyard/store"
	"sarai/courtyard/web/webtest"
	"sarai/rooms/payments"
)

// pictures takes a page on a phone in Urdu and on a desk in English. Without
// Chromium there are none.
func (s *story) pictures(name, persona, path string) error {
	if _, err := webtest.Chromium(); err != nil {
		fmt.Fprintf(s.say, "%12s no pictures: %v\n", "", err)
		return nil
	}
	ctx := context.Background()
	b, err := s.as(ctx, persona)
	if err != nil {
		return err
	}
	at, err := url.Parse(s.base())
	if err != nil {
		return err
	}
	chromium, err := webtest.Start(ctx)
	if err != nil {
		return err
	}
	defer chromium.Close()
	for _, v := range []webtest.View{{Name: "phone-ur", Lang: "ur", Width: 360, Height: 780, Theme: "light", Scale: 2}, {Name: "desk-en", Lang: "en", Width: 1280, Height: 900, Theme: "light"}} {
		tab, err := chromium.Tab(s.base(), v, b.Client().Jar.Cookies(at)...)
		if err != nil {
			return err
		}
		if err = tab.Go(s.base() + path); err == nil {
			err = tab.Save(filepath.Join(s.out, name+"-"+v.Name+".png"))
		}
		tab.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// verifier is a key of the log as its page prints it.
var verifier = regexp.MustCompile(`[^\s]+\+[0-9a-f]{8}\+[^\s]+`)

var payment = regexp.MustCompile(`/wallet/payment/[0-9a-f-]+`)

// look takes pictures of the end, and checks the beneficiary's receipt with
// the program itself, as somebody would who trusts nobody.
func (s *story) look(ctx context.Context) error {
	if err := s.pictures("done", "aftab", "/bulk/file/"+s.no); err != nil {
		return err
	}
	if err := s.pictures("beneficiary", "ayesha", "/wallet"); err != nil {
		return err
	}
	me, err := s.as(ctx, "ayesha")
	if err != nil {
		return err
	}
	home, err := me.Get(ctx, "/wallet")
	if err != nil {
		return err
	}
	link := payment.Find(home.Body)
	if link == nil {
		return fmt.Errorf("no payment on the beneficiary's page: %d", home.Status)
	}
	began := time.Now()
	receipt, err := me.Get(ctx, string(link)+"/receipt")
	if err != nil {
		return err
	}
	about, err := me.Get(ctx, "/log/")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.out, "receipt.tlog-proof"), receipt.Body, 0o644); err != nil { //nolint:gosec // for everybody
		return err
	}
	said, err := exec.CommandContext(ctx, s.program, "verify", "--key", string(verifier.Find(about.Body)), filepath.Join(s.out, "receipt.tlog-proof")).CombinedOutput() //nolint:gosec // what the caller named
	if err != nil {
		return fmt.Errorf("the beneficiary's receipt: %w\n%s", err, said)
	}
	s.lap(began, "a beneficiary's receipt fetched and verified offline")
	return nil
}

// prove counts in the database, without the program, and lets an auditor go
// through the whole ledger from the first row.
func (s *story) prove(ctx context.Context) error {
	where := s.database
	if where == "" {
		where = "sqlite:" + filepath.Join(s.data, "sarai.db")
	}
	db, err := store.Open(ctx, store.Config{URL: where})
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	began := time.Now()
	rows, err := payments.NewAuditor(db, "PKR").Check(ctx)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	s.lap(began, "an auditor has gone through all %d rows: sums, caps, chain, tables", rows)
	return db.View(ctx, func(tx *store.Tx) error {
		var transfers, payees, sum, wrong int64
		if err := tx.QueryRow("select count(*), count(distinct credit), coalesce(sum(amount), 0) from payments_transfer where debit = 'program-kafaalat-PKR' and phase = 'committed'").Scan(&transfers, &payees, &sum); err != nil {
			return err
		}
		if err := tx.QueryRow("select count(*) from payments_balance where id >= 'wallet-' and id < 'wallet.' and balance <> $1", int64(perLine)).Scan(&wrong); err != nil {
			return err
		}
		fmt.Fprintf(s.say, "%12s %d payments to %d accounts, %d.%02d rupees; wallets with another balance than one payment: %d\n", "", transfers, payees, sum/100, sum%100, wrong)
		if transfers != s.lines || payees != s.lines || sum != s.lines*perLine || wrong != 0 {
			return fmt.Errorf("somebody was paid twice or not at all")
		}
		return nil
	})
}
