package payments

import (
	"context"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// ReservationTime is how long a reservation holds when nothing else is said.
// The rail promises the payee's money within 20 seconds.
const ReservationTime = 20 * time.Second

// Transfer is a payment as its two parties see it.
type Transfer struct {
	ledger.Transfer
	Kind       string // kindTransfer, kindPost
	Seq        int64  // row that made it
	Done       int64  // row that ended it, 0 while reserved
	Window     int64  // settlement window of that row
	DebitBook  string
	CreditBook string
	Reference  string
	Reserved   time.Time
	Finished   time.Time // zero while reserved
	Purpose    string
	Fee        string
	Event      string // the commit's own, when it has one; else the batch's proves it
	// Known after a read with parties:
	Payer, Payee *Account
	Outside      *Account // who was paid at a connected participant, for whose customers Payee stands
}

// payee is who was paid, as the payer is shown.
func (t *Transfer) payee() *Account {
	if t.Outside != nil {
		return t.Outside
	}
	return t.Payee
}

// Kinds of what the table of transfers holds.
const (
	kindTransfer = "transfer"
	kindPost     = "post" // money moved at once inside one book: a prefund, an opening balance
)

// GateResource tells the gate whose payment it is.
func (t Transfer) GateResource() gate.Resource {
	attrs := map[string]any{"payer": "", "payee": "", "payer_seat": "", "payee_seat": ""}
	if t.Payer != nil {
		attrs["payer"], attrs["payer_seat"] = t.Payer.Holder, t.Payer.seat()
	}
	if t.Payee != nil {
		attrs["payee"], attrs["payee_seat"] = t.Payee.Holder, t.Payee.seat()
	}
	return gate.Resource{Type: "PaymentsTransfer", ID: t.ID, Attrs: attrs}
}

const transferColumns = "id, currency, seq, done, place, kind, reference, debit, credit, debit_book, credit_book, amount, phase, reason, expires, reserved, finished, purpose, fee, event, net"

func scanTransfer(scan store.Scan) (*Transfer, error) {
	var t Transfer
	var expires, reserved, finished int64
	err := scan(&t.ID, &t.Currency, &t.Seq, &t.Done, &t.Window, &t.Kind, &t.Reference, &t.Debit, &t.Credit, &t.DebitBook, &t.CreditBook, &t.Amount, &t.Phase, &t.Reason, &expires, &reserved, &finished, &t.Purpose, &t.Fee, &t.Event, &t.Net)
	t.Expires, t.Reserved, t.Finished = store.Time(expires), store.Time(reserved), store.Time(finished)
	return &t, err
}

// transferLines are the columns of transferColumns.
func transferLines(list []*Transfer) []any {
	n := len(list)
	texts := func() []string { return make([]string, n) }
	numbers := func() []int64 { return make([]int64, n) }
	id, currency, kind, reference, debit, credit, debitBook, creditBook, phase, reason, purpose, fee, event := texts(), texts(), texts(), texts(), texts(), texts(), texts(), texts(), texts(), texts(), texts(), texts(), texts()
	seq, done, window, amount, expires, reserved, finished, net := numbers(), numbers(), numbers(), numbers(), numbers(), numbers(), numbers(), make([]bool, n)
	for i, t := range list {
		if t.Reference == "" {
			t.Reference = t.ID
		}
		id[i], currency[i], kind[i], reference[i], debit[i], credit[i], debitBook[i], creditBook[i] = t.ID, t.Currency, t.Kind, t.Reference, t.Debit, t.Credit, t.DebitBook, t.CreditBook
		phase[i], reason[i], purpose[i], fee[i], event[i] = string(t.Phase), string(t.Reason), t.Purpose, t.Fee, t.Event
		seq[i], done[i], window[i], amount[i], net[i] = t.Seq, t.Done, t.Window, t.Amount, t.Net
		expires[i], reserved[i], finished[i] = store.Micros(t.Expires), store.Micros(t.Reserved), store.Micros(t.Finished)
	}
	return []any{id, currency, seq, done, window, kind, reference, debit, credit, debitBook, creditBook, amount, phase, reason, expires, reserved, finished, purpose, fee, event, net}
}

// getTransfer reads a payment with its parties.
func getTransfer(tx *store.Tx, id string) (*Transfer, error) {
	t, err := store.Get(tx, scanTransfer, "select "+transferColumns+" from payments_transfer where id = $1", id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.transfer.unknown").Because(err)
	}
	if err != nil {
		return nil, err
	}
	if t.Payer, err = getAccount(tx, t.Debit); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if t.Payee, err = getAccount(tx, t.Credit); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if t.Payee != nil && t.Payee.away() {
		if t.Outside, err = told(tx, t.ID, t.Payee); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Instant is one payment to be made at once: reserved and, when the payee's
// side accepts, committed, in one decision of the ledger.
type Instant struct {
	Party    string // whose key it is
	Key      string
	Debit    string
	Credit   string
	Amount   int64
	Currency string
	Note     Note
	Before   func(tx *store.Tx) error
	Held     func(tx *store.Tx, transfer string) error // when its money is held, before anybody outside is asked
	Undone   func(tx *store.Tx, transfer string) error // when it came to nothing after Held
	After    func(tx *store.Tx, transfer string) error // only when it was committed now
	// IBAN is the payee's account when Credit stands for the customers of a connected
	// participant, Request the UETR of the participant's [Ask] that is paid.
	IBAN, Request string
	UETR          string   // of the message to that participant; a new one if ""
	To            *Account // who that is, as the payer was told; nil when nothing was
}

// Pay makes an instant payment. A refusal by the book is an outcome, kept and
// given again for the same key: the transfer's phase is then "refused". More than the
// payer's limits allow ([Limits]) is a Conflict.
func (r *Room) Pay(ctx context.Context, actor string, p Instant) (*Transfer, error) {
	if p.IBAN != "" {
		return r.payOut(ctx, actor, p)
	}
	id := r.newID()
	note := p.Note
	if note.Reference == "" {
		note.Reference = r.newReference()
	}
	reserve := ledger.Step{Kind: ledger.Reserve, Transfer: id, Party: p.Party, Key: p.Key, Debit: p.Debit, Credit: p.Credit, Amount: p.Amount, Currency: p.Currency, Fresh: true,
		Expires: r.clock.Now().Add(ReservationTime), Memo: []byte(note.Purpose + "\x1f" + note.Fee)}
	rows, err := r.ledger.Do(ctx, Work{
		Currency: p.Currency, Actor: actor, Notes: map[string]Note{id: note},
		Before: func(tx *store.Tx) error {
			if err := r.mayPay(tx, p.Debit, p.Credit, p.Amount); err != nil || p.Before == nil {
				return err
			}
			return p.Before(tx)
		},
		// The commit has no key: when the reservation is a repetition its
		// transfer is another one, and this id is unknown to the book.
		Steps: []ledger.Step{reserve, {Kind: ledger.Commit, Transfer: id}},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if !rows[1].Accepted() || rows[1].Seq == 0 {
				return nil
			}
			if p.Held != nil {
				if err := p.Held(tx, id); err != nil {
					return err
				}
			}
			if err := r.paid(tx, id, p.Debit, p.Credit, p.Amount); err != nil || p.After == nil {
				return err
			}
			return p.After(tx, id)
		},
	})
	if err != nil {
		return nil, err
	}
	return r.transfer(ctx, rows[0].Transfer)
}

// transfer reads a payment. One that is durable but not yet in the table is
// waited for.
func (r *Room) transfer(ctx context.Context, id string) (t *Transfer, err error) {
	for attempt := range 2 {
		err = r.db.View(ctx, func(tx *store.Tx) error {
			t, err = getTransfer(tx, id)
			return err
		})
		if attempt > 0 || !fault.Is(err, fault.NotFound) {
			break
		}
		if err := r.sequencer.Settle(ctx, r.pack.Currency.Code); err != nil {
			return nil, err
		}
	}
	return t, err
}

// Line is one movement on an account as its holder sees it.
type Line struct {
	Seq      int64
	At       time.Time
	Amount   int64  // signed
	Transfer string // "" for money put in when the account was opened
	NameEn   string // of the other party
	NameUr   string
	BankEn   string // of who was paid at a connected participant, when the name is known
	BankUr   string
	Kind     string
	Purpose  string
}

// Bank is the participant of who was paid outside the house; "" for others.
func (l Line) Bank(lang string) string {
	if lang == "ur" && l.BankUr != "" {
		return l.BankUr
	}
	return l.BankEn
}

// Name is the other party's name in a language. Who was paid keeps the mask a
// person's name had before: else a payment of one rupee would lift it.
func (l Line) Name(lang string) string {
	name := l.NameEn
	if lang == "ur" && l.NameUr != "" {
		name = l.NameUr
	}
	if l.Amount < 0 && l.Kind == KindPerson {
		return Mask(name)
	}
	return name
}

// history gives the last movements of an account before a row, newest first. A
// movement stands where its transfer began.
func history(tx *store.Tx, account string, before int64, limit int) ([]Line, error) {
	newest, err := newestRow(tx)
	if err != nil {
		return nil, err
	}
	return listByStretch(1, min(before-1, newest), true, limit, func(in stretches, limit int) ([]Line, error) {
		return store.List(tx, func(scan store.Scan) (l Line, err error) {
			var at int64
			var kind string
			err = scan(&l.Seq, &at, &l.Amount, &l.Transfer, &kind, &l.NameEn, &l.NameUr, &l.Kind, &l.Purpose)
			if l.At = store.Time(at); kind == kindPost {
				l.Transfer = ""
			}
			return l, err
		}, `select m.seq, m.finished, m.amount, m.id, m.kind, coalesce(o.name_en, ''), coalesce(o.name_ur, ''), coalesce(o.kind, ''), m.purpose from (
			select * from (select id, kind, seq, finished, -amount as amount, credit as other, purpose from payments_transfer t where `+in.in(4)+` and debit = $1 and seq < $2 and phase = 'committed' order by seq desc limit $3) d
			union all select * from (select id, kind, seq, finished, amount, debit as other, purpose from payments_transfer t where `+in.in(4)+` and credit = $1 and seq < $2 and phase = 'committed' order by seq desc limit $3) c
		) m left join payments_account o on o.id = m.other order by m.seq desc limit $3`, append([]any{account, before, limit}, in...)...)
	})
}
