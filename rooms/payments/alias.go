package payments

import (
	"context"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Kinds of aliases.
const (
	AliasMobile = "mobile" // E.164
	AliasNumber = "number" // the national number
)

// purposeAlias names the key of the directory. A name ending in ".pseudonym" is
// never rotated, because the hashes could not be made again from themselves.
const purposeAlias = "payments.alias.pseudonym"

// aliasMAC hides a number: whoever copies the table cannot try out all numbers
// without the key. Call it outside a transaction, it reads the key.
func (r *Room) aliasMAC(ctx context.Context, kind, value string) ([]byte, error) {
	return r.keys.MAC(ctx, purposeAlias, []byte(kind), []byte(value))
}

// findPayee finds the account behind what somebody typed: an IBAN, a mobile
// number or a national number. All that is not found gets the same answer, so
// that the answer tells nothing about who has an account.
func (r *Room) findPayee(ctx context.Context, typed string) (*Account, error) {
	unknown := fault.New(fault.NotFound, "payments.payee.unknown").At("to", "payments.payee.unknown")
	if iban, err := r.pack.IBAN.Parse(typed); err == nil {
		return r.account(ctx, func(tx *store.Tx) (*Account, error) { return accountByIBAN(tx, string(iban)) })
	}
	var kind, value string
	if n, err := r.pack.NationalNumber.Parse(typed); err == nil {
		kind, value = AliasNumber, n.Digits
	} else if p, what, err := r.pack.Phone.Parse(typed); err == nil && what == "mobile" {
		kind, value = AliasMobile, string(p)
	} else {
		return nil, fault.New(fault.Invalid, "payments.to.unreadable").At("to", "payments.to.unreadable")
	}
	mac, err := r.aliasMAC(ctx, kind, value)
	if err != nil {
		return nil, err
	}
	a, err := r.account(ctx, func(tx *store.Tx) (*Account, error) {
		return store.Get(tx, scanAccount, "select "+accountColumns+" from payments_account where id = (select account from payments_alias where kind = $1 and mac = $2)", kind, mac)
	})
	if fault.Is(err, fault.NotFound) {
		return nil, unknown
	}
	return a, err
}

func (r *Room) account(ctx context.Context, get func(tx *store.Tx) (*Account, error)) (a *Account, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		a, err = get(tx)
		return err
	})
	return a, err
}
