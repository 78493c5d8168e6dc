package payments

import (
	"context"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// VoucherUse is a merchant asking to be paid with a voucher.
type VoucherUse struct {
	Actor, Source string
	Number        string
	Merchant      string
	Details       string
	Group         string // that the merchant takes part in; "" is the voucher's own
	// Override lets a merchant of another group be paid. That group's pool pays
	// then, and the voucher's own money goes back to where it came from.
	Override bool
}

// RedeemVoucher pays the merchant. Which number was asked for is known by its
// keyed hash alone, and a source that sends wrong ones has to wait.
func (r *Room) RedeemVoucher(ctx context.Context, use VoucherUse) (*Transfer, error) {
	mac, err := r.voucherMAC(ctx, use.Number)
	if err != nil {
		return nil, err
	}
	var v *Voucher
	var own, pays VoucherGroup
	var to *Account
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if err := mayGuess(tx, use.Source); err != nil {
			return err
		}
		if mistyped(use.Number) {
			return errVoucherNumber
		}
		if v, err = getVoucher(tx, "mac = $1", mac); err != nil {
			return unless(err, errVoucherNumber)
		}
		if own, err = voucherGroup(tx, v.Group, v.Currency); err != nil {
			return err
		}
		if pays = own; use.Group != "" && use.Group != v.Group {
			if !use.Override {
				return errVoucherGroup
			}
			if pays, err = voucherGroup(tx, use.Group, v.Currency); err != nil {
				return err
			}
		}
		if to, err = merchantOf(tx, use.Merchant, use.Details, pays.ID); err != nil {
			return err
		}
		pool, err := getAccount(tx, pays.Pool)
		if err != nil {
			return err
		}
		if free, _ := pool.Available(); pays != own && free < v.Amount {
			return errVoucherFunds
		}
		return v.is(tx.Now(), VoucherActivated)
	})
	if fault.Is(err, fault.NotFound) {
		return nil, r.guessed(ctx, use.Source, err)
	}
	if err != nil {
		return nil, err
	}
	return r.redeem(ctx, use, v, own, pays, to)
}

// unless gives f for something that is not there.
func unless(err error, f *fault.Error) error {
	if fault.Is(err, fault.NotFound) {
		return f
	}
	return err
}

// merchantOf finds the account of a merchant who can be credited.
func merchantOf(tx *store.Tx, name, details, group string) (*Account, error) {
	id, err := store.Get(tx, store.Value[string], "select account from payments_voucher_merchant where name = $1 and details = $2 and grp = $3", name, details, group)
	if err != nil {
		return nil, unless(err, errVoucherMerchant)
	}
	a, err := getAccount(tx, id)
	if err == nil && (a.Closed || a.Blocked) {
		return nil, errVoucherMerchant
	}
	return a, err
}

func (r *Room) redeem(ctx context.Context, use VoucherUse, v *Voucher, own, pays VoucherGroup, to *Account) (*Transfer, error) {
	transfer, back := r.newID(), r.newID()
	until := r.clock.Now().Add(ReservationTime)
	steps := []ledger.Step{{Kind: ledger.Reserve, Transfer: transfer, Party: "voucher/" + v.Source, Key: "use/" + v.Serial + "/" + to.ID, Debit: pays.Pool, Credit: to.ID, Amount: v.Amount, Currency: v.Currency, Expires: until},
		{Kind: ledger.Commit, Transfer: transfer}}
	if pays != own {
		steps = append(steps, ledger.Step{Kind: ledger.Reserve, Transfer: back, Party: "voucher/" + v.Source, Key: "back/" + v.Serial, Debit: own.Pool, Credit: own.Funding, Amount: v.Amount, Currency: v.Currency, Expires: until},
			ledger.Step{Kind: ledger.Commit, Transfer: back})
	}
	note := Note{Reference: r.newReference(), Purpose: "voucher " + v.Serial}
	rows, err := r.ledger.Do(ctx, Work{Currency: v.Currency, Actor: use.Actor, Steps: steps, Notes: map[string]Note{transfer: note, back: {Reference: r.newReference(), Purpose: note.Purpose}},
		Before: func(tx *store.Tx) error {
			now, err := getVoucher(tx, "serial = $1 for update", v.Serial)
			if err != nil {
				return err
			}
			return now.is(tx.Now(), VoucherActivated)
		},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			for _, row := range rows {
				if !row.Accepted() { // nothing moves unless all of it does
					if row.Reason == ledger.NoFunds || row.Reason == ledger.NoSettlementFunds {
						return errVoucherFunds
					}
					return errVoucherMerchant
				}
			}
			v.State, v.Merchant, v.Transfer = VoucherUsed, to.ID, transfer
			if _, err := tx.Exec("update payments_voucher set state = 'used', changed = $2, merchant = $3, transfer = $4 where serial = $1", v.Serial, store.Micros(tx.Now()), to.ID, transfer); err != nil {
				return err
			}
			emitVoucher(tx, v, "payments.voucher.used", use.Actor)
			return job.Cancel(tx, jobVoucher, v.Serial)
		}})
	if err != nil {
		return nil, err
	}
	if rows[0].Replayed {
		return nil, errVoucherUsed
	}
	return r.transfer(ctx, rows[0].Transfer)
}

// mayGuess refuses a source that has sent too many wrong numbers this hour.
func mayGuess(tx *store.Tx, source string) error {
	var wrong int64
	err := tx.QueryRow("select coalesce(sum(wrong), 0) from payments_voucher_guess where source = $1 and hour = $2", source, tx.Now().Unix()/int64(time.Hour/time.Second)).Scan(&wrong)
	if err == nil && wrong >= voucherGuesses {
		return errVoucherLimit
	}
	return err
}

// guessed counts a wrong number and gives the fault back.
func (r *Room) guessed(ctx context.Context, source string, cause error) error {
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		hour := tx.Now().Unix() / int64(time.Hour/time.Second)
		if _, err := tx.Exec("delete from payments_voucher_guess where hour < $1", hour-24); err != nil {
			return err
		}
		_, err := tx.Exec("insert into payments_voucher_guess (source, hour, wrong) values ($1, $2, 1) on conflict (source, hour) do update set wrong = payments_voucher_guess.wrong + 1", source, hour)
		return err
	})
	if err != nil {
		return err
	}
	return cause
}
