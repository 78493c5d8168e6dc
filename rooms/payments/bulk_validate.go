package payments

import (
	"context"
	"fmt"
	"strconv"

	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// validateChunk is how many lines get their verdict in one transaction.
const validateChunk = 8192

// validate gives each line of a file its verdict, chunk by chunk. What has been
// looked at is written with each chunk, so it goes on where it was stopped.
func (r *Room) validate(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	no, err := r.bulkOf(ctx, j, jobBulkValidate)
	if err != nil {
		return nil, err
	}
	told := r.clock.Now()
	until := told.Add(bulkTurn)
	for {
		tell := r.clock.Now().Sub(told) > bulkPace
		more := false
		err := r.db.UpdateLarge(ctx, func(tx *store.Tx) (err error) {
			more, err = r.validateNext(tx, no, tell)
			return err
		})
		if err != nil {
			return nil, err
		}
		if tell {
			told = r.clock.Now()
		}
		if !more {
			return nil, nil
		}
		if r.clock.Now().After(until) {
			return func(tx *store.Tx) error {
				return job.Put(tx, job.Job{Kind: jobBulkValidate, Key: strconv.FormatInt(no, 10), Data: bulkJob{no}})
			}, nil
		}
	}
}

// validateNext looks at the next lines of a file and says whether there are
// more.
func (r *Room) validateNext(tx *store.Tx, no int64, tell bool) (more bool, err error) {
	b, err := getBulk(tx, no, true)
	if err != nil {
		return false, err
	}
	if b.State != BulkUploaded && b.State != BulkValidating {
		return false, nil // cancelled meanwhile, or done by another process
	}
	p, err := r.program(b.Program)
	if err != nil {
		return false, err
	}
	b.State = BulkValidating
	if b.Looked < b.Lines {
		from, to := b.first()+b.Looked, min(b.first()+b.Looked+validateChunk-1, b.last())
		if err := judge(tx, b, p.Most, from, to); err != nil {
			return false, err
		}
		if err := countVerdicts(tx, b, from, to); err != nil {
			return false, err
		}
		away, err := store.Get(tx, store.Value[int64], "select count(*) from payments_bulk_line where id >= $1 and id <= $2 and state = 1"+isAway, from, to)
		if err != nil {
			return false, err
		}
		b.Away, b.Looked = b.Away+away, b.Looked+to-from+1
	}
	validated := int64(0)
	if b.Looked == b.Lines {
		b.State, validated = BulkValidated, store.Micros(tx.Now())
	}
	if _, err := tx.Exec("update payments_bulk set state = $2, looked = $3, good = $4, good_total = $5, validated = $6, away = $7 where no = $1", no, string(b.State), b.Looked, b.Good, b.GoodTotal, validated, b.Away); err != nil {
		return false, err
	}
	switch {
	case b.State == BulkValidated:
		emitBulk(tx, b, BulkValidatedEvent, "system/"+jobBulkValidate)
	case tell:
		emitBulk(tx, b, BulkProgressedEvent, "system/"+jobBulkValidate)
	}
	return b.State == BulkValidating, nil
}

// countVerdicts adds the verdicts on the lines from..to to the file's counts.
func countVerdicts(tx *store.Tx, b *Bulk, from, to int64) error {
	type verdicts struct {
		state, lines, total int64
		reason              string
	}
	list, err := store.List(tx, func(scan store.Scan) (x verdicts, err error) {
		return x, scan(&x.state, &x.reason, &x.lines, &x.total)
	}, "select state, reason, count(*), cast(sum(amount) as bigint) from payments_bulk_line where id >= $1 and id <= $2 group by state, reason", from, to)
	if err != nil {
		return err
	}
	for _, x := range list {
		if x.state == lineGood {
			b.Good, b.GoodTotal = b.Good+x.lines, b.GoodTotal+x.total
		} else if err := countReason(tx, b.No, x.state, x.reason, x.lines, x.total); err != nil {
			return err
		}
	}
	return nil
}

// verdict is the reason of ISO 20022's ExternalStatusReason1Code why line l
// cannot be paid into account a, or nothing. $3 is the most a person gets, $4 the
// program's own account, $5 the currency, $6 now: an alias in its cool-off may be
// in a thief's hands.
const verdict = `case when a.id is null and l.iban = '?' then 'AC01' when a.id is null and l.iban = '$' then 'AM03' when a.id is null then 'AC03' when a.closed then 'AC07' when a.blocked or n.calm_until > $6 then 'AC06' when a.role <> 'customer' or a.id = $4 then 'AG01'
	when a.currency <> $5 then 'AM03' when l.amount > $3 then 'AM02' when l.name <> '' and l.name <> lower(a.name_en) and l.name <> a.name_ur then 'BE01' else '' end`

// judge gives the lines from..to their accounts and verdicts with one statement
// for each way of naming somebody, and lets every good line claim its
// beneficiary for the program's period. A claim that is taken makes the line a
// duplicate, be it within the file or of another one.
func judge(tx *store.Tx, b *Bulk, most, from, to int64) error {
	for _, way := range []string{
		"left join (select cast(0 as bigint) as calm_until) n on 1 = 1 left join payments_account a on a.iban = l.iban where l.alias_kind = ''",
		"left join payments_alias n on n.kind = l.alias_kind and n.mac = l.alias left join payments_account a on a.id = n.account where l.alias_kind <> ''",
	} {
		_, err := tx.Exec(`update payments_bulk_line set account = v.account, reason = v.reason, state = case when v.reason = '' then 1 else 2 end
			from (select l.id, coalesce(a.id, '') as account, `+verdict+` as reason from payments_bulk_line l `+way+` and l.id >= $1 and l.id <= $2) v
			where payments_bulk_line.id = v.id`, from, to, most, b.Account, b.Currency, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("judge lines: %w", err)
		}
	}
	if err := judgeAway(tx, b, most, from, to); err != nil {
		return err
	}
	// Who has a claim keeps it while their payment may still be made or was
	// made; a claim of a file or a line that came to nothing passes on.
	got, err := tx.Exec(`insert into payments_bulk_claim (account, program, period, line) select account, $3, $4, id from payments_bulk_line where id >= $1 and id <= $2 and state = 1 order by id
		on conflict (account, program, period) do nothing`, from, to, b.Program, b.Period)
	if err != nil {
		return fmt.Errorf("claim beneficiaries: %w", err)
	}
	var good int64
	if err := tx.QueryRow("select count(*) from payments_bulk_line where id >= $1 and id <= $2 and state = 1", from, to).Scan(&good); err != nil || got == good {
		return err
	}
	return contest(tx, b, from, to)
}

// contest decides about lines whose beneficiary was claimed before.
func contest(tx *store.Tx, b *Bulk, from, to int64) error {
	type rival struct {
		line, other int64
		account     string
	}
	rivals, err := store.List(tx, func(scan store.Scan) (x rival, err error) {
		return x, scan(&x.line, &x.account, &x.other)
	}, `select l.id, l.account, c.line from payments_bulk_line l join payments_bulk_claim c on c.account = l.account and c.program = $3 and c.period = $4
		where l.id >= $1 and l.id <= $2 and l.state = 1 and c.line <> l.id order by l.id`, from, to, b.Program, b.Period)
	if err != nil {
		return err
	}
	for _, x := range rivals {
		// The claim may have passed to an earlier line of this very chunk.
		var state, attempt, holder int64
		var file BulkState
		err := tx.QueryRow(`select c.line, l.state, l.attempt, f.state from payments_bulk_claim c join payments_bulk_line l on l.id = c.line join payments_bulk f on f.no = c.line / 16777216
			where c.account = $1 and c.program = $2 and c.period = $3`, x.account, b.Program, b.Period).Scan(&holder, &state, &attempt, &file)
		if err != nil {
			return fmt.Errorf("whose claim: %w", err)
		}
		free := state == lineFailed || state != linePaid && (file == BulkRejected || file == BulkCancelled)
		if !free {
			if _, err := tx.Exec("update payments_bulk_line set state = 2, reason = 'AM05' where id = $1", x.line); err != nil {
				return err
			}
			continue
		}
		// A failed attempt has been answered under its key; the next one has
		// a key of its own.
		if state == lineFailed {
			attempt++
		}
		if _, err := tx.Exec("update payments_bulk_claim set line = $4 where account = $1 and program = $2 and period = $3", x.account, b.Program, b.Period, x.line); err != nil {
			return err
		}
		if _, err := tx.Exec("update payments_bulk_line set attempt = $2 where id = $1", x.line, attempt); err != nil {
			return err
		}
	}
	return nil
}
