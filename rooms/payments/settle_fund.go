package payments

import (
	"context"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// States of a movement of prefund.
const (
	fundAsked   = "asked"
	fundDone    = "done"
	fundRefused = "refused"
)

// Fund is prefund put into a participant's settlement account or taken out of it:
// one person asks, another approves, the ledger posts against the issuing account.
type Fund struct {
	ID          string
	Currency    string
	Participant string
	Direction   string // in, out
	Amount      int64  // minor units
	Reason      string // in the operator's words
	State       string // asked, done, refused
	Maker       string // pseudonym of who asked
	Checker     string // of who approved or refused
	Made        time.Time
	Decided     time.Time
	Why         ledger.Reason // the ledger's, when it refused
}

// GateResource tells the gate who asked: nobody approves their own.
func (f Fund) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsFund", ID: f.ID, Attrs: map[string]any{"maker": f.Maker}}
}

const fundColumns = "id, currency, participant, direction, amount, reason, state, maker, checker, made, decided, why"

func scanFund(scan store.Scan) (f Fund, err error) {
	var made, decided int64
	err = scan(&f.ID, &f.Currency, &f.Participant, &f.Direction, &f.Amount, &f.Reason, &f.State, &f.Maker, &f.Checker, &made, &decided, &f.Why)
	f.Made, f.Decided = store.Time(made), store.Time(decided)
	return f, err
}

func getFund(tx *store.Tx, id string) (Fund, error) {
	f, err := store.Get(tx, scanFund, "select "+fundColumns+" from payments_fund where id = $1", id)
	if fault.Is(err, fault.NotFound) {
		return f, fault.New(fault.NotFound, "payments.fund.unknown").Because(err)
	}
	return f, err
}

func (r *Room) fundOf(ctx context.Context, id string) (f Fund, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		f, err = getFund(tx, id)
		return err
	})
	return f, err
}

func (f Fund) data() FundData {
	return FundData{Fund: f.ID, Currency: f.Currency, Participant: f.Participant, Out: f.Direction == "out", Amount: f.Amount}
}

// AskFund writes down that prefund is to move. The key makes it one wish.
func (r *Room) AskFund(ctx context.Context, who gate.Principal, key string, f Fund) (Fund, error) {
	wrong := func(field string) error {
		return fault.New(fault.Invalid, "payments.fund."+field).At(field, "payments.fund."+field)
	}
	switch {
	case f.Direction != "in" && f.Direction != "out":
		return f, wrong("direction")
	case f.Amount <= 0 || f.Amount > ledger.MaxAmount:
		return f, wrong("amount")
	case f.Reason == "" || len(f.Reason) > 500:
		return f, wrong("reason")
	case key == "":
		return f, wrong("key")
	}
	f.ID, f.Currency, f.State, f.Maker = key, r.pack.Currency.Code, fundAsked, who.ID
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		f.Made = tx.Now()
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_account where id = $1", settlementAccount(f.Participant, f.Currency))
		if err != nil {
			return err
		}
		if n == 0 {
			return wrong("participant")
		}
		n, err = tx.Exec("insert into payments_fund ("+fundColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, 0, '') on conflict (id) do nothing",
			f.ID, f.Currency, f.Participant, f.Direction, f.Amount, f.Reason, f.State, f.Maker, store.Micros(f.Made))
		if err != nil {
			return err
		}
		if n == 0 {
			asked := f
			if f, err = getFund(tx, f.ID); err != nil {
				return err
			}
			if f.Participant != asked.Participant || f.Direction != asked.Direction || f.Amount != asked.Amount || f.Maker != asked.Maker {
				return fault.New(fault.Conflict, "payments.key.reused")
			}
			return nil
		}
		tx.Emit(store.Event{Type: FundAsked, Version: 1, Subject: "payments/fund/" + f.ID, Actor: who.Actor(), Data: f.data()})
		return nil
	})
	return f, err
}

// decide locks a wish that is still open.
func (f Fund) decide(tx *store.Tx, who gate.Principal, state string, why ledger.Reason) error {
	n, err := tx.Exec("update payments_fund set state = $2, checker = $3, decided = $4, why = $5 where id = $1 and state = $6 and maker <> $3", f.ID, state, who.ID, store.Micros(tx.Now()), string(why), fundAsked)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "payments.fund.decided")
	}
	return err
}

// ApproveFund moves the money by a row of the ledger, which keeps its promises:
// what is taken out must be there, not promised to open reservations, and not on
// credit. Windows that lacked money are settled again.
func (r *Room) ApproveFund(ctx context.Context, who gate.Principal, id string) (Fund, error) {
	f, err := r.fundOf(ctx, id)
	if err != nil {
		return f, err
	}
	if f.State != fundAsked {
		return f, fault.New(fault.Conflict, "payments.fund.decided")
	}
	step := ledger.Step{Kind: ledger.Post, Party: "fund", Key: f.ID, Debit: issuingAccount(f.Currency), Credit: settlementAccount(f.Participant, f.Currency), Amount: f.Amount, Currency: f.Currency, Memo: []byte(f.Reason)}
	if f.Direction == "out" {
		step.Debit, step.Credit = step.Credit, step.Debit
	}
	_, err = r.ledger.Do(ctx, Work{Currency: f.Currency, Actor: who.Actor(), Steps: []ledger.Step{step},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if !rows[0].Accepted() {
				if err := f.decide(tx, who, fundRefused, rows[0].Reason); err != nil {
					return err
				}
				tx.Emit(store.Event{Type: FundRefused, Version: 1, Subject: "payments/fund/" + f.ID, Actor: who.Actor(), Data: f.data()})
				return nil
			}
			if err := f.decide(tx, who, fundDone, ""); err != nil {
				return err
			}
			tx.Emit(store.Event{Type: FundDone, Version: 1, Subject: "payments/fund/" + f.ID, Actor: who.Actor(), Data: f.data()})
			return job.Put(tx, job.Job{Kind: jobReport, Key: f.Currency, At: tx.Now(), Data: f.Currency})
		}})
	if err != nil {
		return f, err
	}
	return r.fundOf(ctx, id)
}

// RefuseFund ends a wish without moving anything. Whoever asked may also take it
// back.
func (r *Room) RefuseFund(ctx context.Context, who gate.Principal, id string) (Fund, error) {
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		f, err := getFund(tx, id)
		if err != nil {
			return err
		}
		n, err := tx.Exec("update payments_fund set state = $2, checker = $3, decided = $4 where id = $1 and state = $5", id, fundRefused, who.ID, store.Micros(tx.Now()), fundAsked)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "payments.fund.decided")
		}
		tx.Emit(store.Event{Type: FundRefused, Version: 1, Subject: "payments/fund/" + f.ID, Actor: who.Actor(), Data: f.data()})
		return nil
	})
	if err != nil {
		return Fund{}, err
	}
	return r.fundOf(ctx, id)
}

// funds lists movements of prefund, open ones first, then the newest.
func funds(tx *store.Tx, currency string, limit int) ([]Fund, error) {
	return store.List(tx, scanFund, "select "+fundColumns+" from payments_fund where currency = $1 order by case when state = 'asked' then 0 else 1 end, made desc, id limit $2", currency, limit)
}
