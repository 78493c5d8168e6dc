package payments

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// States of a dispute.
const (
	DisputeOpen       = "open"       // the payee has to answer
	DisputeContested  = "contested"  // the payee said no: the operator decides
	DisputeUnanswered = "unanswered" // the payee's time is over: the operator decides
	DisputeRefunded   = "refunded"
	DisputeRejected   = "rejected"
	DisputeWithdrawn  = "withdrawn"
)

// disputeReasons are what a payer can complain about, with the reason of ISO 20022's
// ExternalReturnReason1Code by which the money goes back then.
var disputeReasons = []struct{ name, code, mark string }{
	{"missing", "CUST", ""}, // nothing was delivered
	{"faulty", "CUST", ""},  // it was not what was agreed
	{"twice", "DUPL", ""},   // paid twice
	{"amount", "AM09", ""},  // more than was agreed
	{"scam", "FRAD", "scam"},
	{"stranger", "FRAD", "takeover"}, // the payer did not make this payment
}

func disputeReason(name string) (code, mark string, ok bool) {
	for _, x := range disputeReasons {
		if x.name == name {
			return x.code, x.mark, true
		}
	}
	return "", "", false
}

// Dispute is a payer's complaint about a payment. The payee answers within the
// pack's working days, or the rail's operator decides; the operator decides too when
// the payee says no. Money goes back by a [Return] and in the decision that ends the
// dispute. A payment has one dispute that stands.
type Dispute struct {
	ID            string
	Reference     string // what people read out
	Transfer      string
	Payer, Payee  string // holders
	Debit, Credit string // accounts
	Amount        int64  // asked back, minor units
	Currency      string
	Reason        string
	Words         string // what the payer says
	State         string
	Opened        time.Time
	AnswerEnd     time.Time
	Answered      time.Time // zero while the payee has not said anything
	AnswerWords   string
	DecideEnd     time.Time // zero while nothing is to be decided
	Decided       time.Time // zero while it is not at its end
	Decider       string    // pseudonym of the operator, "" when it ended otherwise
	DecisionWords string
	Refund        string // the transfer that gave the money back
	// Known after a read with parties:
	From, To *Account
}

// GateResource tells the gate between whom the dispute is.
func (d Dispute) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsDispute", ID: d.ID, Attrs: map[string]any{"payer": d.Payer, "payee": d.Payee}}
}

// waits says that nobody has decided yet.
func (d *Dispute) waits() bool {
	return d.State == DisputeOpen || d.State == DisputeContested || d.State == DisputeUnanswered
}

// judged says that it is the operator's to decide.
func (d *Dispute) judged() bool {
	return d.State == DisputeContested || d.State == DisputeUnanswered
}

const disputeColumns = "id, reference, transfer, payer, payee, debit, credit, amount, currency, reason, words, state, opened, answer_end, answered, answer_words, decide_end, decided, decider, decision_words, refund"

func scanDispute(scan store.Scan) (*Dispute, error) {
	var d Dispute
	var t [5]int64
	err := scan(&d.ID, &d.Reference, &d.Transfer, &d.Payer, &d.Payee, &d.Debit, &d.Credit, &d.Amount, &d.Currency, &d.Reason, &d.Words, &d.State,
		&t[0], &t[1], &t[2], &d.AnswerWords, &t[3], &t[4], &d.Decider, &d.DecisionWords, &d.Refund)
	for i, to := range []*time.Time{&d.Opened, &d.AnswerEnd, &d.Answered, &d.DecideEnd, &d.Decided} {
		if t[i] != 0 {
			*to = store.Time(t[i])
		}
	}
	return &d, err
}

// microsOr is a moment as a column has it, 0 for none.
func microsOr(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Micros(t)
}

func (d *Dispute) values() []any {
	return []any{d.ID, d.Reference, d.Transfer, d.Payer, d.Payee, d.Debit, d.Credit, d.Amount, d.Currency, d.Reason, d.Words, d.State,
		microsOr(d.Opened), microsOr(d.AnswerEnd), microsOr(d.Answered), d.AnswerWords, microsOr(d.DecideEnd), microsOr(d.Decided), d.Decider, d.DecisionWords, d.Refund}
}

func getDispute(tx *store.Tx, id, lock string) (*Dispute, error) {
	d, err := store.Get(tx, scanDispute, "select "+disputeColumns+" from payments_dispute where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.dispute.unknown").Because(err)
	}
	if err != nil {
		return nil, err
	}
	if d.From, err = getAccount(tx, d.Debit); err != nil {
		return nil, err
	}
	d.To, err = getAccount(tx, d.Credit)
	return d, err
}

// ADispute reads a dispute; fault NotFound when there is none.
func (r *Room) ADispute(ctx context.Context, id string) (d *Dispute, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		d, err = getDispute(tx, id, "")
		return err
	})
	return d, err
}

// disputeAbout is the dispute that stands about a payment; nil when there is none.
func disputeAbout(tx *store.Tx, transfer, lock string) (*Dispute, error) {
	list, err := store.List(tx, scanDispute, "select "+disputeColumns+" from payments_dispute where transfer = $1 and state <> 'withdrawn'"+lock, transfer)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// disputesOf lists disputes: of a person on one side ("payer", "payee"), or with
// side "" all that are or were the operator's to decide. Those that wait come first,
// the next deadline first of all.
func disputesOf(tx *store.Tx, side, person string, limit int) ([]*Dispute, error) {
	where, args := "decide_end > 0", []any{}
	if side != "" {
		where, args = side+" = $1", []any{person}
	}
	list, err := store.List(tx, scanDispute, "select "+disputeColumns+" from payments_dispute where "+where+
		` order by case when state in ('open', 'contested', 'unanswered') then 0 else 1 end, case when state in ('open', 'contested', 'unanswered') then answer_end + decide_end else -decided end, id limit `+fmt.Sprint(limit), args...)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.From, err = getAccount(tx, d.Debit); err != nil {
			return nil, err
		}
		if d.To, err = getAccount(tx, d.Credit); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// paidBackBefore counts other disputes about the payee's account that ended with
// money back.
func (d *Dispute) paidBackBefore(tx *store.Tx) (n int64, err error) {
	err = tx.QueryRow("select count(*) from payments_dispute where credit = $1 and state = $2 and id <> $3", d.Credit, DisputeRefunded, d.ID).Scan(&n)
	return n, err
}

// OpenDispute opens a dispute of the payer about a payment. amount is what they want back, at
// most what is left of the payment. A complaint of fraud is told to the payee's
// participant as a mark too.
func (r *Room) OpenDispute(ctx context.Context, actor string, t *Transfer, amount int64, reason, words string) (d *Dispute, err error) {
	_, mark, ok := disputeReason(reason)
	switch {
	case !ok:
		return nil, fault.New(fault.Invalid, "payments.dispute.reason-missing").At("reason", "payments.dispute.reason-missing")
	case t.Phase != ledger.Committed || t.Kind != kindTransfer || t.Payer == nil || t.Payee == nil || t.Payer.Role != ledger.Customer || t.Payer.Kind == KindAgent:
		return nil, fault.New(fault.Conflict, "payments.dispute.not-paid")
	case t.Payee.Kind != KindPerson && t.Payee.Kind != KindMerchant:
		return nil, fault.New(fault.Conflict, "payments.dispute.office")
	}
	if err := checkAmount(amount); err != nil {
		return nil, err
	}
	rules := r.pack.Rules().Disputes
	id, reference := r.newID(), r.newReference()
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		now := tx.Now()
		if now.After(t.Finished.Add(time.Duration(rules.Open) * day)) {
			return fault.New(fault.Conflict, "payments.dispute.late", "days", fmt.Sprint(rules.Open))
		}
		if _, err := returnable(tx, t.ID); err != nil {
			return err
		}
		left, err := remainder(tx, t)
		switch {
		case err != nil:
			return err
		case left == 0:
			return fault.New(fault.Conflict, returnSpent)
		case amount > left:
			return fault.New(fault.Invalid, "payments.dispute.more", "left", r.pack.Currency.Digits(left)).At("amount", "payments.dispute.more", "left", r.pack.Currency.Digits(left))
		}
		d = &Dispute{ID: id, Reference: reference, Transfer: t.ID, Payer: t.Payer.Holder, Payee: t.Payee.Holder, Debit: t.Debit, Credit: t.Credit, Amount: amount, Currency: t.Currency,
			Reason: reason, Words: words, State: DisputeOpen, Opened: now, AnswerEnd: r.pack.Calendar.AddDays(now, rules.Answer), From: t.Payer, To: t.Payee}
		places := make([]string, len(d.values()))
		for i := range places {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		n, err := tx.Exec("insert into payments_dispute ("+disputeColumns+") values ("+strings.Join(places, ", ")+") on conflict (transfer) where state <> 'withdrawn' do nothing", d.values()...)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "payments.dispute.twice")
		}
		if err != nil {
			return err
		}
		d.emit(tx, actor)
		return job.Put(tx, job.Job{Kind: jobDispute, Key: d.ID, At: d.AnswerEnd, Data: disputeJob{d.ID}})
	})
	if err != nil || mark == "" {
		return d, err
	}
	// What the participants make of it is theirs; a payment that is reported already
	// stays so.
	if _, err := r.report(ctx, actor, t.Payer.Book, t, mark, ""); err != nil && !fault.Is(err, fault.Conflict) {
		return nil, err
	}
	return d, nil
}

// Contest is the payee's no. Saying it again changes nothing.
func (r *Room) Contest(ctx context.Context, actor, id, words string) (*Dispute, error) {
	return r.stepDispute(ctx, id, func(tx *store.Tx, d *Dispute) error {
		if d.State == DisputeContested {
			return nil
		}
		if d.State != DisputeOpen {
			return fault.New(fault.Conflict, "payments.dispute.over")
		}
		d.State, d.Answered, d.AnswerWords = DisputeContested, tx.Now(), words
		d.DecideEnd = r.pack.Calendar.AddDays(tx.Now(), r.pack.Rules().Disputes.Decide)
		return d.save(tx, actor)
	})
}

// WithdrawDispute is the payer's wish to end it. The payment stands as it is.
func (r *Room) WithdrawDispute(ctx context.Context, actor, id string) (*Dispute, error) {
	d, err := r.stepDispute(ctx, id, func(tx *store.Tx, d *Dispute) error {
		if d.State == DisputeWithdrawn {
			return nil
		}
		if !d.waits() {
			return fault.New(fault.Conflict, "payments.dispute.over")
		}
		d.State, d.Decided = DisputeWithdrawn, tx.Now()
		return d.save(tx, actor)
	})
	if err != nil {
		return nil, err
	}
	return d, r.unmark(ctx, actor, d)
}

// Reject is the operator's decision against the payer.
func (r *Room) Reject(ctx context.Context, who gate.Principal, id, words string) (*Dispute, error) {
	d, err := r.stepDispute(ctx, id, func(tx *store.Tx, d *Dispute) error {
		if !d.judged() {
			return fault.New(fault.Conflict, "payments.dispute.over")
		}
		d.State, d.Decided, d.Decider, d.DecisionWords = DisputeRejected, tx.Now(), who.ID, words
		return d.save(tx, who.Actor())
	})
	if err != nil {
		return nil, err
	}
	return d, r.unmark(ctx, who.Actor(), d)
}

// Concede ends a dispute for the payer: the payee accepts it, or the operator
// decides so (decider, with words). The money moves in the decision that ends the
// dispute; if the book refuses, for lack of money, the dispute goes on and the
// outcome says why. key makes a second press the same decision.
func (r *Room) Concede(ctx context.Context, actor string, d *Dispute, decider, words, key string) (*Returned, error) {
	t, err := r.transfer(ctx, d.Transfer)
	if err != nil {
		return nil, err
	}
	code, _, _ := disputeReason(d.Reason)
	party := "dispute/" + d.ID
	var amount int64
	err = r.db.View(ctx, func(tx *store.Tx) error {
		// Pressed again, it is about what it was about.
		before, err := store.List(tx, store.Value[int64], "select amount from payments_return where party = $1 and key = $2", party, key)
		if err != nil {
			return err
		}
		if len(before) > 0 {
			amount = before[0]
			return nil
		}
		amount, err = d.outstanding(tx, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	if amount == 0 {
		now, err := r.ADispute(ctx, d.ID)
		if err == nil && now.waits() {
			err = fault.New(fault.Conflict, returnSpent)
		} else if err == nil {
			err = fault.New(fault.Conflict, "payments.dispute.over")
		}
		return nil, err
	}
	return r.Return(ctx, Return{Original: d.Transfer, Party: party, Key: key, Amount: amount, Reason: code, Actor: actor, Note: Note{Purpose: r.refundWords(ctx, t)},
		Before: func(tx *store.Tx) error {
			now, err := getDispute(tx, d.ID, " for update")
			switch {
			case err != nil:
				return err
			case decider == "" && !now.waits(), decider != "" && !now.judged():
				return fault.New(fault.Conflict, "payments.dispute.over")
			}
			// A refund may have come in between.
			open, err := now.outstanding(tx, t)
			if err == nil && open < amount {
				err = fault.New(fault.Conflict, returnMore).At("amount", returnMore)
			}
			return err
		},
		After: func(tx *store.Tx, transfer string) error {
			now, err := getDispute(tx, d.ID, "")
			if err != nil {
				return err
			}
			now.Decider, now.DecisionWords = decider, words
			return now.refunded(tx, actor, transfer)
		}})
}

// refunded writes that the money went back.
func (d *Dispute) refunded(tx *store.Tx, actor, transfer string) error {
	d.State, d.Decided, d.Refund = DisputeRefunded, tx.Now(), transfer
	if d.Decider == "" && d.Answered.IsZero() {
		d.Answered = tx.Now()
	}
	return d.save(tx, actor)
}

// satisfied ends a dispute of which nothing is outstanding after a refund of the payee,
// in the refund's transaction.
func (r *Room) satisfied(tx *store.Tx, actor string, t *Transfer, transfer string) error {
	d, err := disputeAbout(tx, t.ID, " for update")
	if err != nil || d == nil || !d.waits() {
		return err
	}
	open, err := d.outstanding(tx, t)
	if err != nil || open > 0 {
		return err
	}
	return d.refunded(tx, actor, transfer)
}

// outstanding is what the payer still has to get of what they asked for: the payee may
// have refunded a part since, and no more can go back than is left of the payment.
func (d *Dispute) outstanding(tx *store.Tx, t *Transfer) (int64, error) {
	left, err := remainder(tx, t)
	if err != nil {
		return 0, err
	}
	since, err := returnedSince(tx, t.ID, d.Opened)
	return max(0, min(left, d.Amount-since)), err
}

func (r *Room) stepDispute(ctx context.Context, id string, step func(tx *store.Tx, d *Dispute) error) (d *Dispute, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if d, err = getDispute(tx, id, " for update"); err != nil {
			return err
		}
		return step(tx, d)
	})
	return d, err
}

// save writes a step of a dispute and says it.
func (d *Dispute) save(tx *store.Tx, actor string) error {
	if _, err := tx.Exec("update payments_dispute set state = $2, answered = $3, answer_words = $4, decide_end = $5, decided = $6, decider = $7, decision_words = $8, refund = $9 where id = $1",
		d.ID, d.State, microsOr(d.Answered), d.AnswerWords, microsOr(d.DecideEnd), microsOr(d.Decided), d.Decider, d.DecisionWords, d.Refund); err != nil {
		return fmt.Errorf("write a dispute: %w", err)
	}
	d.emit(tx, actor)
	if d.State == DisputeUnanswered {
		return nil
	}
	return job.Cancel(tx, jobDispute, d.ID)
}

// unmark takes the report of fraud back that came with a dispute which came to
// nothing, unless the participants have closed it.
func (r *Room) unmark(ctx context.Context, actor string, d *Dispute) error {
	if _, mark, _ := disputeReason(d.Reason); mark == "" {
		return nil
	}
	var ids []string
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = store.List(tx, store.Value[string], "select id from payments_mark where transfer = $1 and details = '' and state in ('open', 'acknowledged')", d.Transfer)
		return err
	})
	for _, id := range ids {
		if _, e := r.stepMark(ctx, actor, id, markCancelled, "", ""); e != nil && !fault.Is(e, fault.Conflict) {
			err = e
		}
	}
	return err
}

// jobDispute hands a dispute to the operator when the payee's time is over.
const jobDispute = "payments.dispute.due"

type disputeJob struct {
	Dispute string `json:"dispute"`
}

func (r *Room) disputeDue(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var in disputeJob
	if err := j.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobDispute, jobDispute, gate.House{}); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		d, err := getDispute(tx, in.Dispute, " for update")
		if err != nil || d.State != DisputeOpen {
			return err
		}
		if tx.Now().Before(d.AnswerEnd) {
			return job.Put(tx, job.Job{Kind: jobDispute, Key: d.ID, At: d.AnswerEnd, Data: in})
		}
		d.State, d.DecideEnd = DisputeUnanswered, r.pack.Calendar.AddDays(d.AnswerEnd, r.pack.Rules().Disputes.Decide)
		return d.save(tx, "system/"+jobDispute)
	}, nil
}
