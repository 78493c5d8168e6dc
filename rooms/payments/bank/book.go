package bank

import (
	"fmt"
	"strings"
	"sync"
)

// Account is a customer's account.
type Account struct {
	IBAN    string
	Name    string
	Balance int64 // minor units
	Held    int64 // of orders whose outcome is not known
	State   string

	Listed bool // the directory may know it, and the contact
	Contact
}

// The states of an account.
const (
	StateOpen    = "open"
	StateBlocked = "blocked"
	StateClosed  = "closed"
)

// Payment is one that a customer of ours sends or receives.
type Payment struct {
	UETR     string // of a return: of its payment, and behind a slash its own RtrId
	Outgoing bool
	Own      string // our customer's IBAN
	Other    string
	Name     string // of the other one
	Bank     string // BIC of the other participant
	Amount   int64  // minor units
	Ref      string
	Note     string
	State    string
	Reason   string // why it was refused or came back
	Request  string // UETR of the request to pay that it answers

	made     string // CreDtTm
	hash     string // of the document that came in
	returned int64  // what went back of it
}

// original is the UETR of the payment that a return is about, and the return's own
// identification; "" when it is a payment itself.
func (p Payment) original() (uetr, rtrID string) {
	uetr, rtrID, isReturn := strings.Cut(p.UETR, "/")
	if !isReturn {
		return "", ""
	}
	return uetr, rtrID
}

// The states of a payment.
const (
	Pending = "pending" // nobody knows yet
	Settled = "settled" // the rail said ACSC
	Back    = "back"    // the rail said RJCT, or we refused it
)

// book is the bank's own book in memory. Whatever changes it goes through apply,
// at the time and when the file is read again.
type book struct {
	mu       sync.Mutex
	accounts map[string]*Account
	payments map[string]*Payment
	open     map[string]*Payment
	recalls  map[string]*Recall // the last one of a payment
	asks     map[string]*Ask
	aliases  map[string]Alias // by kind and account
	total    Total
}

// Total is what the bank's book comes to, minor units.
type Total struct {
	Opened   int64 // put in when accounts were opened
	Customer int64 // what customers have, held money included
	Held     int64
	Sent     int64 // settled
	Received int64
	SentN    int64 // numbers of payments
	Receives int64
	Returned int64 // orders that came back
	Refused  int64 // payments to us that we refused
	Open     int64
}

// Position is what the settlement account at the rail must have moved by.
func (t Total) Position() int64 { return t.Received - t.Sent }

func newBook() *book {
	return &book{accounts: map[string]*Account{}, payments: map[string]*Payment{}, open: map[string]*Payment{}, recalls: map[string]*Recall{}, asks: map[string]*Ask{}, aliases: map[string]Alias{}}
}

// apply changes the book; the caller holds mu and has checked that it may.
func (b *book) apply(e *entry) error {
	a := b.accounts[e.Own]
	p := b.payments[e.UETR]
	switch e.Kind {
	case "end":
		return nil
	case entryAccount:
		b.accounts[e.Own] = &Account{IBAN: e.Own, Name: e.Name, Balance: e.Amount, State: StateOpen}
		b.total.Opened += e.Amount
		b.total.Customer += e.Amount
		return nil
	case entryState:
		if a == nil {
			return fmt.Errorf("the state of an account that is not there")
		}
		a.State = e.State
		return nil
	case entryContact:
		if a == nil {
			return fmt.Errorf("the contact of a customer who is not there")
		}
		a.Listed, a.Contact = true, Contact{NameUrdu: e.Name, Mobile: e.Mobile, Number: e.Number}
		return nil
	case entryAlias:
		l := Alias{Kind: e.State, ID: e.Ref, CID: e.Hash, Own: e.Own}
		b.aliases[l.key()] = l
		return nil
	case entryUnalias:
		delete(b.aliases, Alias{Kind: e.State, Own: e.Own}.key())
		return nil
	case entryAsk, entryAskIn:
		b.asks[e.UETR] = &Ask{UETR: e.UETR, Ours: e.Kind == entryAsk, Own: e.Own, Other: e.Other, Bank: e.Bank, Name: e.Name, Amount: e.Amount, Note: e.Note, Ref: e.Ref, Until: e.Made, State: AskOpen, hash: e.Hash}
		return nil
	case entryAskEnd:
		if b.asks[e.UETR] == nil {
			return fmt.Errorf("the end of a request that is not there")
		}
		b.asks[e.UETR].State, b.asks[e.UETR].Reason = e.State, e.Reason
		return nil
	case entryRecall, entryAsked:
		b.recalls[e.UETR] = &Recall{UETR: e.UETR, Ours: e.Kind == entryRecall, Ref: e.Ref, Reason: e.Reason, State: RecallOpen}
		return nil
	case entryRecalled:
		if b.recalls[e.UETR] == nil {
			return fmt.Errorf("the answer to a recall that is not there")
		}
		b.recalls[e.UETR].State, b.recalls[e.UETR].Answer = e.State, e.Reason
		return nil
	case entrySend, entryTake:
		if p != nil || e.Kind == entrySend && a == nil || e.Kind == entryTake && e.Reason == "" && a == nil {
			return fmt.Errorf("a payment twice, or without an account")
		}
		p = &Payment{UETR: e.UETR, Outgoing: e.Kind == entrySend, Own: e.Own, Other: e.Other, Name: e.Name, Bank: e.Bank, Amount: e.Amount, Ref: e.Ref, Note: e.Note, Request: e.Request, State: Pending, made: e.Made, hash: e.Hash}
		b.payments[e.UETR] = p
		if e.Reason != "" {
			p.State, p.Reason = Back, e.Reason
			b.total.Refused++
			return nil
		}
		b.open[e.UETR] = p
		b.total.Open++
		if p.Outgoing {
			a.Held += p.Amount
			b.total.Held += p.Amount
		}
		return nil
	}
	if p == nil || p.State != Pending {
		return fmt.Errorf("the end of a payment that is not open")
	}
	a = b.accounts[p.Own]
	delete(b.open, p.UETR)
	b.total.Open--
	p.State, p.Reason = Back, e.Reason
	if e.Kind == entrySettled {
		p.State = Settled
		if a := b.asks[p.Request]; a != nil {
			a.State = AskPaid
		}
		if uetr, _ := p.original(); uetr != "" && b.payments[uetr] != nil {
			b.payments[uetr].returned += p.Amount
		}
	}
	switch {
	case p.Outgoing:
		a.Held -= p.Amount
		b.total.Held -= p.Amount
		if p.State == Settled {
			a.Balance -= p.Amount
			b.total.Customer -= p.Amount
			b.total.Sent += p.Amount
			b.total.SentN++
		} else {
			b.total.Returned++
		}
	case p.State == Settled:
		a.Balance += p.Amount
		b.total.Customer += p.Amount
		b.total.Received += p.Amount
		b.total.Receives++
	}
	return nil
}
