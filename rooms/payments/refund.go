package payments

import (
	"context"
	"slices"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// refundReasons are why a payee pays back, by ISO 20022's
// ExternalReturnReason1Code.
var refundReasons = []string{"CUST", "DUPL", "AM09", "FRAD"}

// Refund pays money of a payment back as its payee decides: all that is left or a
// part. party and key make a second press the same refund, for ever. It is a
// [Return], so it never exceeds what is left however many ask at once. A refund that
// covers what the payer disputes ends the dispute.
func (r *Room) Refund(ctx context.Context, actor string, t *Transfer, amount int64, reason, party, key string) (*Returned, error) {
	if !slices.Contains(refundReasons, reason) {
		return nil, fault.New(fault.Invalid, "payments.refund.reason-missing").At("reason", "payments.refund.reason-missing")
	}
	if err := checkAmount(amount); err != nil {
		return nil, err
	}
	return r.Return(ctx, Return{Original: t.ID, Party: party, Key: key, Amount: amount, Reason: reason, Actor: actor, Note: Note{Purpose: r.refundWords(ctx, t)},
		After: func(tx *store.Tx, transfer string) error { return r.satisfied(tx, actor, t, transfer) }})
}

// refundWords is what both sides read beside a refund, in both languages.
func (r *Room) refundWords(ctx context.Context, t *Transfer) string {
	return web.Both(web.T(r.site.In(ctx, "en"), "payments.refund.purpose"), web.T(r.site.In(ctx, "ur"), "payments.refund.purpose")) + " · " + t.Reference
}
