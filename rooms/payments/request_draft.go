package payments

import (
	"context"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// draft finds who is to be asked and keeps the answer, so that the asker can check
// the name before saying how much. text is a number, an account or a person's code.
func (r *Room) draft(ctx context.Context, who gate.Principal, credit *Account, text string) (id string, err error) {
	in, err := r.Read(ctx, asker(who, credit), text)
	if err != nil {
		return "", err
	}
	if in.Fee != nil || in.Checked {
		return "", fault.New(fault.Invalid, "payments.request.code").At("to", "payments.request.code")
	}
	id, reference := r.newID(), r.newReference()
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		q := &Request{ID: id, Party: "wallet/" + who.ID, Key: id, Origin: originWallet, Reference: reference, State: requestDraft, Urgency: UrgencyLater, Credit: credit.ID, Debit: in.Payee.ID,
			Made: tx.Now(), Expires: tx.Now().Add(draftTime), Changed: tx.Now(), Lookup: in.Lookup}
		if err := q.between(tx); err != nil {
			return err
		}
		if err := useLookup(tx, in.Lookup, who.Actor(), q.Debit, id); err != nil {
			return err
		}
		if _, err := tx.Exec("delete from payments_request where asker = $1 and state = $2 and expires < $3", q.Asker, requestDraft, store.Micros(tx.Now())); err != nil {
			return err
		}
		return insertRequest(tx, q)
	})
	return id, err
}

// finish asks what a draft prepared. Sending the same again gives the same request.
func (r *Room) finish(ctx context.Context, actor, id string, in RequestToPay) (q *Request, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if q, err = getRequest(tx, id, " for update"); err != nil {
			return err
		}
		switch {
		case q.State != requestDraft:
			return nil // the button was pressed twice
		case !tx.Now().Before(q.Expires):
			return fault.New(fault.Gone, "payments.request.draft-over")
		}
		if err := r.say(tx, q, actor, in); err != nil {
			return err
		}
		_, err := tx.Exec("update payments_request set state = $2, urgency = $3, amount = $4, purpose = $5, expires = $6, changed = $7, made = $7 where id = $1",
			q.ID, q.State, q.Urgency, q.Amount, q.Purpose, store.Micros(q.Expires), store.Micros(q.Changed))
		return err
	})
	return q, err
}
