package payments

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// decide changes a file whose row is locked, and tells.
func (r *Room) decide(ctx context.Context, no int64, event, actor string, rule func(tx *store.Tx, b *Bulk) error) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		b, err := getBulk(tx, no, true)
		if err != nil {
			return err
		}
		if err := rule(tx, b); err != nil {
			return err
		}
		_, err = tx.Exec("update payments_bulk set state = $2, note = $3, checker = $4, checker_post = $5, releaser = $6, releaser_post = $7, checked = $8, released = $9, finished = $10 where no = $1",
			no, string(b.State), b.Note, b.Checker, b.CheckerPost, b.Releaser, b.ReleaserPost, orZero(b.Checked), orZero(b.Released), orZero(b.Finished))
		if err == nil {
			emitBulk(tx, b, event, actor)
		}
		return err
	})
}

func orZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Micros(t)
}

// moved is the fault of somebody who decides about a file that has gone on.
func moved(b *Bulk) error {
	return fault.New(fault.Conflict, "payments.bulk.moved", "state", string(b.State))
}

// CheckBulk is the second official's yes. The gate has seen to the powers; that
// maker, checker and releaser are three persons is a rule of the file as well.
func (r *Room) CheckBulk(ctx context.Context, who gate.Principal, no int64) error {
	return r.decide(ctx, no, BulkCheckedEvent, who.Actor(), func(tx *store.Tx, b *Bulk) error {
		switch {
		case b.State != BulkValidated:
			return moved(b)
		case b.Good == 0:
			return fault.New(fault.Conflict, "payments.bulk.nobody")
		case who.ID == b.Maker:
			return fault.New(fault.Forbidden, "payments.bulk.same-person")
		}
		b.State, b.Checker, b.CheckerPost, b.Checked = BulkChecked, who.ID, who.Acting.ID, tx.Now()
		return nil
	})
}

// ReleaseBulk is the third official's yes: from here on the file is paid. The
// program's account must hold the sum now.
func (r *Room) ReleaseBulk(ctx context.Context, who gate.Principal, no int64) error {
	return r.decide(ctx, no, BulkReleasedEvent, who.Actor(), func(tx *store.Tx, b *Bulk) error {
		switch {
		case b.State != BulkChecked:
			return moved(b)
		case who.ID == b.Maker || who.ID == b.Checker:
			return fault.New(fault.Forbidden, "payments.bulk.same-person")
		}
		a, err := getAccount(tx, b.Account)
		if err != nil {
			return err
		}
		if free, _ := a.Available(); free < b.GoodTotal {
			return fault.New(fault.Conflict, "payments.bulk.funds", "missing", r.pack.Currency.Digits(b.GoodTotal-max(free, 0)))
		}
		b.State, b.Releaser, b.ReleaserPost, b.Released = BulkReleased, who.ID, who.Acting.ID, tx.Now()
		return job.Put(tx, job.Job{Kind: jobBulkPay, Key: strconv.FormatInt(no, 10), Data: bulkJob{no}})
	})
}

// RejectBulk sends a file back for good, with the reason. Only who could say
// yes can say no.
func (r *Room) RejectBulk(ctx context.Context, who gate.Principal, no int64, note string) error {
	return r.decide(ctx, no, BulkRejectedEvent, who.Actor(), func(tx *store.Tx, b *Bulk) error {
		switch b.State {
		case BulkValidated:
			b.Checker, b.CheckerPost, b.Checked = who.ID, who.Acting.ID, tx.Now()
		case BulkChecked:
			b.Releaser, b.ReleaserPost = who.ID, who.Acting.ID
		default:
			return moved(b)
		}
		b.State, b.Note, b.Finished = BulkRejected, note, tx.Now()
		return nil
	})
}

// CancelBulk is the maker taking a file back before it is released.
func (r *Room) CancelBulk(ctx context.Context, who gate.Principal, no int64, note string) error {
	return r.decide(ctx, no, BulkCancelledEvent, who.Actor(), func(tx *store.Tx, b *Bulk) error {
		switch b.State {
		case BulkUploaded, BulkValidating, BulkValidated, BulkChecked:
		default:
			return moved(b)
		}
		b.State, b.Note, b.Finished = BulkCancelled, note, tx.Now()
		return nil
	})
}

// ResubmitBulk makes a new file of everything in a finished one that was not
// paid. It goes the whole way again: validated, checked, released. At most one
// such file of a parent is under way or done.
func (r *Room) ResubmitBulk(ctx context.Context, who gate.Principal, parent int64) (no int64, err error) {
	old, err := r.bulk(ctx, parent)
	if err != nil {
		return 0, err
	}
	if old.State != BulkDone || old.Paid == old.Lines {
		return 0, moved(old)
	}
	p, err := r.program(old.Program)
	if err != nil {
		return 0, err
	}
	if no, err = r.beginBulk(ctx, p, BulkIntake{Program: p.ID, Period: old.Period, Source: "remainder", Name: old.Name, Maker: who}); err != nil {
		return 0, err
	}
	lines, total, err := r.copyRemainder(ctx, old, no)
	if err == nil {
		err = r.endBulk(ctx, no, BulkIntake{Lines: lines, Total: total, Maker: who, Parent: parent, Digest: func() [32]byte {
			return sha256.Sum256(fmt.Appendf(nil, "remainder of file %d", parent))
		}}, lines, total)
	}
	if err != nil {
		if e := r.forgetBulk(context.WithoutCancel(ctx), no); e != nil {
			return 0, e
		}
		return 0, err
	}
	return no, nil
}

// copyRemainder writes what was not paid as lines of a new file. Claims and
// attempts follow when the new file is validated.
func (r *Room) copyRemainder(ctx context.Context, old *Bulk, no int64) (lines, total int64, err error) {
	after := old.first() - 1
	for {
		var n, sum, last int64
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			part := "select id from payments_bulk_line where id > $1 and id <= $2 and state in (2, 4) order by id limit 20000"
			if err := tx.QueryRow("select count(*), cast(coalesce(sum(amount), 0) as bigint), coalesce(max(id), 0) from payments_bulk_line where id in ("+part+")", after, old.last()).Scan(&n, &sum, &last); err != nil || n == 0 {
				return err
			}
			_, err := tx.Exec("insert into payments_bulk_line ("+lineColumns+`, state, account, reason, attempt, at) select $3 + row_number() over (order by id), amount, iban, alias_kind, alias, tail, name, reference, 0, '', '', 0, 0
				from payments_bulk_line where id in (`+part+")", after, old.last(), no*bulkLines+lines)
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		if n == 0 {
			return lines, total, nil
		}
		lines, total, after = lines+n, total+sum, last
	}
}
