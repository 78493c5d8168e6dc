package payments

import (
	"context"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// refundView is a payment as its payee pays it back.
type refundView struct {
	*Transfer
	Left   int64  // what may still go back, minor units
	Amount string // as it stands in the field
	Key    string // makes pressing the button twice one refund
}

// afterwards is what followed a payment: money that went back, and a dispute.
type afterwards struct {
	Of      *Transfer   // the payment whose money this one gives back
	Backs   []*Transfer // money of this one that went back
	Left    int64
	Dispute *Dispute
}

// afterwards reads what followed a payment.
func (r *Room) afterwards(ctx context.Context, t *Transfer) (a afterwards, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		of, err := originalOf(tx, t.ID)
		if err != nil {
			return err
		}
		if of != "" {
			a.Of, err = getTransfer(tx, of)
			return err
		}
		if t.Phase != ledger.Committed {
			return nil
		}
		if a.Backs, err = returnsOf(tx, t.ID); err != nil {
			return err
		}
		if a.Left, err = remainder(tx, t); err != nil {
			return err
		}
		a.Dispute, err = disputeAbout(tx, t.ID, "")
		return err
	})
	return a, err
}

func (r *Room) refundPages(s *web.Site) {
	handle := func(pattern string, do func(c *web.Ctx, p gate.Permit[Transfer]) error) {
		web.Handle(s, web.Route[Transfer]{Pattern: pattern, Action: "payments.transfer.refund", Load: r.loadTransfer, Do: do})
	}
	handle("GET /wallet/payment/{id}/refund", func(c *web.Ctx, p gate.Permit[Transfer]) error { return r.showRefund(c, p, nil) })
	handle("POST /wallet/payment/{id}/refund", func(c *web.Ctx, p gate.Permit[Transfer]) error {
		t := p.Resource()
		f, err := c.Form()
		if err != nil {
			return err
		}
		amount, reason, key := f.Money("amount", web.Required("payments.amount.missing")), f.Choice("reason", "payments.refund.reason-missing", refundReasons...), f.Text("key", saleKey)
		if err := f.Err(); err != nil {
			return r.showRefund(c, p, err)
		}
		back, err := r.Refund(c.Context(), p.Who().Actor(), &t, amount, reason, "wallet/"+p.Who().ID, key)
		if err != nil {
			return r.showRefund(c, p, err)
		}
		return c.Redirect("/wallet/payment/" + back.ID)
	})
}

func (r *Room) showRefund(c *web.Ctx, p gate.Permit[Transfer], wrong error) error {
	t := p.Resource()
	v := refundView{Transfer: &t, Key: r.newID()}
	var err error
	if v.Left, err = r.Returnable(c.Context(), t.ID); err != nil {
		return err
	}
	v.Amount = r.pack.Currency.Digits(v.Left)
	return showOr(c, web.Page{Title: c.T("payments.refund.title"), Back: "/wallet/payment/" + t.ID}, refundBody(v), wrong)
}

// backRows are the refunds of a payment.
func backRows(ctx context.Context, list []*Transfer) (rows []web.Answer) {
	for _, b := range list {
		at := b.Finished
		if b.Phase == ledger.Reserved {
			at = b.Reserved
		}
		rows = append(rows, web.Answer{Label: web.DateTime(ctx, at), Body: backLine(b)})
	}
	return rows
}
