package bank

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// Kinds of entries in the rail's directory.
const (
	AliasIBAN   = "iban"
	AliasMobile = "mobile"
	AliasNumber = "number"
)

var aliasKinds = []string{AliasIBAN, AliasMobile, AliasNumber}

// directoryPath is where the directory's interface begins on the rail's listener.
const directoryPath = "/api/payments/directory/"

// Contact is what a customer lets the directory know, besides the account's number and
// the holder's name: by what others may pay them.
type Contact struct {
	NameUrdu string `json:"name_ur,omitempty"`
	Mobile   string `json:"mobile,omitempty"` // "" for none
	Number   string `json:"number,omitempty"` // national number, "" for none
}

// Alias is our copy of an entry of the directory that leads to a customer of ours.
type Alias struct {
	Kind string
	ID   string // in the directory
	CID  string // its content id, hexadecimal
	Own  string // our customer's IBAN
}

func (a Alias) key() string { return a.Kind + " " + a.Own }

// Refusal is the directory's answer to what it does not do.
type Refusal struct {
	Status int
	Code   string // of the problem (RFC 9457), as the interface documents it
	Detail string
}

func (r *Refusal) Error() string { return "bank: the directory refuses: " + r.Code + ": " + r.Detail }

// ErrNoDirectory: nobody has said by which id the directory knows this bank.
var ErrNoDirectory = errors.New("bank: its id at the rail is needed to use the directory")

// Let writes what a customer lets the directory know; [Bank.Enrol] tells it.
func (b *Bank) Let(iban string, c Contact) error {
	return b.do(func() (*entry, error) {
		a := b.book.accounts[iban]
		if a == nil {
			return nil, ErrAccount
		}
		if a.Listed && a.Contact == c {
			return nil, nil
		}
		return &entry{Kind: entryContact, Own: iban, Name: c.NameUrdu, Mobile: c.Mobile, Number: c.Number}, nil
	})
}

// Aliases is our copy of the directory, in the order of accounts and kinds.
func (b *Bank) Aliases() []Alias {
	b.book.mu.Lock()
	defer b.book.mu.Unlock()
	out := make([]Alias, 0, len(b.book.aliases))
	for _, a := range b.book.aliases {
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y Alias) int { return cmp.Or(cmp.Compare(x.Own, y.Own), cmp.Compare(x.Kind, y.Kind)) })
	return out
}

// Enrolled is what [Bank.Enrol] did.
type Enrolled struct {
	Linked  int // entries that are new
	Kept    int // entries that were there
	Refused int // numbers that lead to somebody else, or that the directory does not take
}

// Enrol makes the directory know the customers who let it. It compares the copy with the
// directory first and tells only what is missing there; numbers that somebody else has
// are counted and left alone: they would have to be claimed. It may be called as often as
// one likes.
func (b *Bank) Enrol(ctx context.Context) (done Enrolled, err error) {
	b.enrol.Lock()
	defer b.enrol.Unlock()
	for _, kind := range aliasKinds {
		if err := b.verify(ctx, kind); err != nil {
			return done, err
		}
	}
	b.book.mu.Lock()
	var listed []Account
	for _, a := range b.book.accounts {
		if a.Listed && a.State == StateOpen {
			listed = append(listed, *a)
		}
	}
	b.book.mu.Unlock()
	slices.SortFunc(listed, func(x, y Account) int { return cmp.Compare(x.IBAN, y.IBAN) })
	for _, a := range listed {
		for _, kind := range aliasKinds {
			value := map[string]string{AliasIBAN: a.IBAN, AliasMobile: a.Mobile, AliasNumber: a.Number}[kind]
			if value == "" {
				continue
			}
			b.book.mu.Lock()
			_, there := b.book.aliases[Alias{Kind: kind, Own: a.IBAN}.key()]
			b.book.mu.Unlock()
			if there {
				done.Kept++
				continue
			}
			err := b.link(ctx, a, kind, value)
			var no *Refusal
			switch {
			case err == nil:
				done.Linked++
			case errors.As(err, &no) && kind != AliasIBAN && no.Status < http.StatusInternalServerError && no.Status != http.StatusTooManyRequests:
				done.Refused++
				b.cfg.Log.WarnContext(ctx, "a customer's number was not linked", "kind", kind, "code", no.Code)
			default:
				return done, err
			}
		}
	}
	return done, nil
}

// link tells the directory of one number of a customer.
func (b *Bank) link(ctx context.Context, a Account, kind, value string) error {
	type holder struct {
		Name     string `json:"name"`
		NameUrdu string `json:"name_ur,omitempty"`
		Kind     string `json:"kind"`
		Number   string `json:"number,omitempty"`
	}
	in := struct {
		Kind   string  `json:"kind"`
		Value  string  `json:"value,omitempty"`
		IBAN   string  `json:"iban"`
		Holder *holder `json:"holder,omitempty"`
	}{Kind: kind, Value: value, IBAN: a.IBAN}
	if kind == AliasIBAN {
		in.Value, in.Holder = "", &holder{a.Name, a.NameUrdu, "natural", a.Number}
	}
	var out struct{ ID, CID string }
	if err := b.ours(ctx, http.MethodPost, "/entries", in, &out); err != nil {
		return err
	}
	return b.do(func() (*entry, error) {
		return &entry{Kind: entryAlias, State: kind, Own: a.IBAN, Ref: out.ID, Hash: out.CID}, nil
	})
}

// Unlink ends an entry of a customer: lookups do not find it any more. What is not there
// is no error.
func (b *Bank) Unlink(ctx context.Context, iban, kind string) error {
	b.book.mu.Lock()
	a, there := b.book.aliases[Alias{Kind: kind, Own: iban}.key()]
	b.book.mu.Unlock()
	if !there {
		return nil
	}
	err := b.ours(ctx, http.MethodDelete, "/entries/"+url.PathEscape(a.ID), nil, nil)
	var no *Refusal
	if err != nil && (!errors.As(err, &no) || no.Status != http.StatusNotFound) {
		return err
	}
	return b.forget(a)
}

// forget takes an entry out of our copy.
func (b *Bank) forget(a Alias) error {
	return b.do(func() (*entry, error) {
		if _, there := b.book.aliases[a.key()]; !there {
			return nil, nil
		}
		return &entry{Kind: entryUnalias, State: a.Kind, Own: a.Own}, nil
	})
}

// verify compares our copy with the directory, all entries of a kind in one number, and
// drops what is not there any more.
func (b *Bank) verify(ctx context.Context, kind string) error {
	var sum [32]byte
	ours := b.Aliases()
	for _, a := range ours {
		if cid, err := hex.DecodeString(a.CID); err == nil && a.Kind == kind && len(cid) == len(sum) {
			for i := range sum {
				sum[i] ^= cid[i]
			}
		}
	}
	in := map[string]string{"kind": kind, "vsync": hex.EncodeToString(sum[:])}
	var out struct{ Result string }
	if err := b.ours(ctx, http.MethodPost, "/sync-verifications", in, &out); err != nil || out.Result == "ok" {
		return err
	}
	there := map[string]bool{}
	for cursor := ""; ; {
		var page struct {
			Items []string
			Next  string
		}
		if err := b.ours(ctx, http.MethodGet, "/cids?limit=100&kind="+kind+cursor, nil, &page); err != nil {
			return err
		}
		for _, cid := range page.Items {
			there[cid] = true
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
	for _, a := range ours {
		if a.Kind == kind && !there[a.CID] {
			if err := b.forget(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// Payee is the directory's answer to a lookup.
type Payee struct {
	Name      string `json:"payee"` // of persons the first letters
	Confirmed bool   `json:"confirmed"`
	IBAN      string `json:"iban"`
	Bank      string `json:"participant_bic"`
	Tokens    int64  `json:"tokens_left"` // of our customer
}

// LookUp asks for a customer who is behind a mobile number, a national number or an
// account number. It costs a token of the customer.
func (b *Bank) LookUp(ctx context.Context, customer, to string) (p Payee, err error) {
	err = b.ours(ctx, http.MethodPost, "/lookups", map[string]string{"to": to, "payer": customer}, &p)
	return p, err
}

// mostAnswer is how long an answer of the directory may be.
const mostAnswer = 1 << 20

// ours calls the directory about our own part of it.
func (b *Bank) ours(ctx context.Context, method, path string, in, out any) error {
	if b.cfg.Participant == "" {
		return ErrNoDirectory
	}
	return b.Directory(ctx, method, "participants/"+b.cfg.Participant+path, in, out)
}

// Directory calls the directory's interface on the rail's listener, with the certificate
// by which the rail knows us: claims, for one, are made so. path is below the directory's
// own; in and out are JSON, out may be nil. What the directory does not do is a [Refusal].
func (b *Bank) Directory(ctx context.Context, method, path string, in, out any) error {
	at, err := url.Parse(b.cfg.RailURL)
	if err != nil {
		return fmt.Errorf("bank: the rail's address: %w", err)
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, at.Scheme+"://"+at.Host+directoryPath+path, body)
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "application/json")
	if in != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		q.Header.Set("Idempotency-Key", newUUID())
	}
	client, err := b.party.Client(b.rail)
	if err != nil {
		return err
	}
	res, err := client.Do(q)
	if err != nil {
		return fmt.Errorf("bank: ask the directory: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("bank: the directory's answer: %w", err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		no := &Refusal{Status: res.StatusCode}
		_ = json.Unmarshal(text, no) // whatever it says: the status counts
		return no
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("bank: the directory's answer: %w", err)
	}
	return nil
}
