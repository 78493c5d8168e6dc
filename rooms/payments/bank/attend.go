package bank

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Wish is what a customer wants of a bank that runs in a process of its own, as a
// line of JSON.
type Wish struct {
	ID      string    `json:"id"` // comes back in the [Outcome]
	Do      string    `json:"do"` // one of those below
	Account string    `json:"account"`
	Name    string    `json:"name"`           // of the account's holder (open), else of the other one
	To      string    `json:"to,omitempty"`   // IBAN, or without Bank whatever the directory knows
	Bank    string    `json:"bank,omitempty"` // BIC of the other participant
	Amount  int64     `json:"amount"`         // minor units
	Note    string    `json:"note,omitempty"`
	Until   time.Time `json:"until,omitzero"` // of a request to pay

	Contact *Contact `json:"contact,omitempty"` // of whom the account is opened for: the directory may know
}

// What a customer may want.
const (
	WishOpen  = "open"  // an account, with Amount
	WishEnrol = "enrol" // the directory shall know the customers, see [Bank.Enrol]
	WishPay   = "pay"   // To, at Bank
	WishAsk   = "ask"   // To, at Bank, to pay

	WishAnswer = "answer" // pay what To asks Account for
	WishRefuse = "refuse" // not pay it
)

// Outcome is what became of a [Wish]; the first one of all, without ID, says where
// the bank takes messages.
type Outcome struct {
	ID      string `json:"id,omitempty"`
	Address string `json:"address,omitempty"`
	UETR    string `json:"uetr,omitempty"`
	State   string `json:"state,omitempty"`
	Reason  string `json:"reason,omitempty"` // ISO 20022 ExternalStatusReason1Code
	Error   string `json:"error,omitempty"`  // nothing was done

	Enrolled *Enrolled `json:"enrolled,omitempty"`
}

// ErrLeft: whoever started this bank is gone.
var ErrLeft = errors.New("bank: nobody is there any more")

// Attend takes wishes, a line each, and says what became of them, in the order in
// which they end. It ends with [ErrLeft] when there are no more lines, which is also
// how a process learns that the one that started it has died.
func (b *Bank) Attend(ctx context.Context, address string, in io.Reader, out io.Writer) error {
	var mu sync.Mutex
	say := func(o Outcome) {
		text, err := json.Marshal(o)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(out, "%s\n", text)
	}
	say(Outcome{Address: address})
	// Reading cannot be broken off; what waits there ends with the process.
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		for r := bufio.NewScanner(in); r.Scan(); {
			select {
			case lines <- append([]byte(nil), r.Bytes()...):
			case <-ctx.Done():
				return
			}
		}
	}()
	var work sync.WaitGroup
	defer work.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return ErrLeft
			}
			work.Go(func() { say(b.grant(ctx, line)) })
		}
	}
}

// grant does what a line says.
func (b *Bank) grant(ctx context.Context, line []byte) Outcome {
	var w Wish
	if err := json.Unmarshal(line, &w); err != nil {
		return Outcome{Error: "a wish is a JSON object in one line: " + err.Error()}
	}
	o := Outcome{ID: w.ID}
	var err error
	if w.Bank == "" && (w.Do == WishPay || w.Do == WishAsk) {
		var p Payee
		if p, err = b.LookUp(ctx, w.Account, w.To); err != nil {
			return Outcome{ID: w.ID, Error: err.Error()}
		}
		w.To, w.Bank, w.Name = p.IBAN, p.Bank, p.Name
	}
	switch w.Do {
	case WishOpen:
		if err = b.OpenAccount(w.Account, w.Name, w.Amount); err == nil && w.Contact != nil {
			err = b.Let(w.Account, *w.Contact)
		}
	case WishEnrol:
		var done Enrolled
		if done, err = b.Enrol(ctx); err == nil {
			o.Enrolled = &done
		}
	case WishPay:
		var p Payment
		p, err = b.Pay(ctx, Order{From: w.Account, To: w.To, Bank: w.Bank, Name: w.Name, Amount: w.Amount, Note: w.Note})
		o.UETR, o.State, o.Reason = p.UETR, p.State, p.Reason
	case WishAsk:
		var a Ask
		a, err = b.Ask(ctx, AskFor{From: w.To, Bank: w.Bank, Name: w.Name, To: w.Account, Amount: w.Amount, Note: w.Note, Until: w.Until})
		o.UETR, o.State, o.Reason = a.UETR, a.State, a.Reason
	case WishAnswer, WishRefuse:
		o.UETR, o.State, o.Reason, err = b.answerWish(ctx, w)
	default:
		err = fmt.Errorf("do is %s, %s, %s, %s, %s or %s", WishOpen, WishEnrol, WishPay, WishAsk, WishAnswer, WishRefuse)
	}
	if err != nil {
		o.Error = err.Error()
	}
	return o
}

// answerWish pays or refuses what somebody asks a customer for.
func (b *Bank) answerWish(ctx context.Context, w Wish) (uetr, state, reason string, err error) {
	a, err := b.Asked(w.Account, w.To)
	if err != nil {
		return "", "", "", err
	}
	if w.Do == WishRefuse {
		return a.UETR, AskRefused, refusedByCustomer, b.RefuseAsk(ctx, a.UETR, refusedByCustomer)
	}
	p, err := b.PayAsk(ctx, a.UETR)
	return p.UETR, p.State, p.Reason, err
}

// refusedByCustomer is the reason of a customer who does not want to pay.
const refusedByCustomer = "CUST"
