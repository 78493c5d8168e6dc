package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Lines of a file may name accounts at connected participants. Each is a payment of
// its own on the rail, whose participant is asked before the money moves, so they are
// paid after those that the house keeps.

// awayPrefix begins the account of such a line; the account number follows, whether
// the directory knows it or not, so that nobody is paid once by each.
const awayPrefix = "away/"

const (
	// notAway and isAway are conditions on lines.
	notAway = " and account not like 'away/%'"
	isAway  = " and account like 'away/%'"
)

const (
	// awayChunk is how many such lines are read and marked together, awayFlight how
	// many participants are asked at once for one file.
	awayChunk  = 64
	awayFlight = 32
	// awaySilent is how often in a row a participant may leave a file's question without
	// an answer before it is asked no more in the same turn of the job.
	awaySilent = 32
	// awayPause is how long a file waits for payments that another process began and
	// whose end is not known yet. A reservation that nobody ends expires.
	awayPause = 2 * time.Second
)

// outwardOf is the number of the payment of such a line: that of [transferOf] as a
// UUID of version 4, because messages take no other.
func outwardOf(line, attempt int64) string {
	id := transferOf(line, attempt)
	return id[:14] + "4" + id[15:]
}

// lineTransfer is the number of the transfer of any line.
func lineTransfer(line, attempt int64, account string) string {
	if strings.HasPrefix(account, awayPrefix) {
		return outwardOf(line, attempt)
	}
	return transferOf(line, attempt)
}

// awayVerdict is [verdict] for the accounts of connected participants: $3 is the most
// a person gets, $4 the currency, $5 now.
const awayVerdict = `case when n.calm_until > $5 then 'AC06' when o.id is null and p.id is null then 'AC03' when o.currency <> $4 then 'AM03' when l.amount > $3 then 'AM02'
	when l.name <> '' and l.name <> lower(o.name_en) and l.name <> o.name_ur then 'BE01' else '' end`

// judgeAway looks again at those of the lines from..to for which the house keeps no
// account. Of an account that the directory does not know only the participant is
// known, by the code in the account's number.
func judgeAway(tx *store.Tx, b *Bulk, most, from, to int64) error {
	strangers, err := store.Get(tx, store.Value[int64], "select count(*) from payments_bulk_line where id >= $1 and id <= $2 and state = 2 and reason = 'AC03'", from, to)
	if err != nil || strangers == 0 {
		return err
	}
	for _, way := range []string{
		`left join (select cast(0 as bigint) as calm_until) n on 1 = 1 left join payments_outside o on o.iban = l.iban
			left join payments_participant p on p.connected = $6 and p.code <> '' and p.code = substr(l.iban, 5, length(p.code)) where l.alias_kind = ''`,
		`join payments_alias n on n.kind = l.alias_kind and n.mac = l.alias join payments_outside o on o.id = n.account
			left join payments_participant p on p.connected = $6 and p.id = o.participant where l.alias_kind <> ''`,
	} {
		_, err := tx.Exec(`update payments_bulk_line set account = case when v.reason = '' then v.account else '' end, reason = v.reason, state = case when v.reason = '' then 1 else 2 end
			from (select l.id, '`+awayPrefix+`' || coalesce(o.iban, l.iban) as account, `+awayVerdict+` as reason from payments_bulk_line l `+way+`
				and l.id >= $1 and l.id <= $2 and l.state = 2 and l.reason = 'AC03') v
			where payments_bulk_line.id = v.id`, from, to, most, b.Currency, store.Micros(tx.Now()), true)
		if err != nil {
			return fmt.Errorf("judge lines that leave the house: %w", err)
		}
	}
	return nil
}

// payAway pays the lines that leave the house, and says whether some are left.
func (t *payTurn) payAway(ctx context.Context) (more bool, err error) {
	if t.bulk.Away == 0 {
		return false, nil
	}
	open := false
	for next := t.bulk.first(); ; {
		if t.room.clock.Now().After(t.until) {
			return true, nil
		}
		var chunk []payLine
		err := t.room.db.View(ctx, func(tx *store.Tx) (err error) {
			chunk, err = store.List(tx, scanPayLine, "select id, account, amount, attempt from payments_bulk_line where id >= $1 and id <= $2 and state = 1"+isAway+" order by id limit $3", next, t.bulk.last(), awayChunk)
			return err
		})
		if err != nil || len(chunk) == 0 {
			t.pause = open
			return open, err
		}
		next = chunk[len(chunk)-1].ID + 1
		reasons := make([]ledger.Reason, len(chunk))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(awayFlight)
		for i, l := range chunk {
			g.Go(func() (err error) {
				reasons[i], err = t.payOut(gctx, l)
				return err
			})
		}
		stopped := g.Wait()
		var paid []int64
		failed := map[ledger.Reason][]int64{}
		for i, l := range chunk {
			switch reason := reasons[i]; reason {
			case undecided:
				open = true
			case ledger.Accepted:
				paid = append(paid, l.ID)
			default:
				failed[reason] = append(failed[reason], l.ID)
			}
		}
		if stopped != nil {
			return false, stopped // the ledger gives the same answers again
		}
		if err := t.markAway(ctx, paid, failed); err != nil {
			return false, err
		}
	}
}

// undecided is no reason of a payment: it has none yet.
const undecided ledger.Reason = "?"

// payOut pays one line and says why not, or that it is not known yet.
func (t *payTurn) payOut(ctx context.Context, l payLine) (ledger.Reason, error) {
	r, b := t.room, t.bulk
	iban := strings.TrimPrefix(l.Account, awayPrefix)
	var to *Account
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		to, err = payeeByIBAN(tx, iban, b.Currency)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && !to.away():
		return ledger.NoSuchCreditor, nil // the participant has left the rail
	case err != nil:
		return undecided, err
	}
	switch via, _, err := r.reach(ctx, to.Book); {
	case errors.Is(err, errNoBank) || err == nil && via == nil:
		return reasonNoAnswer, nil
	case err != nil:
		return undecided, err
	}
	silent := t.silence(to.Book)
	if silent.Load() >= awaySilent {
		return reasonNoAnswer, nil
	}
	credit, iban := creditOf(to)
	x, err := r.Pay(ctx, "system/"+jobBulkPay, Instant{UETR: outwardOf(l.ID, l.Attempt), Party: "program/" + b.Program, Key: payKey(b, l),
		Debit: b.Account, Credit: credit, Amount: l.Amount, Currency: b.Currency, Note: Note{Purpose: t.purpose}, IBAN: iban, To: to})
	switch {
	case fault.Is(err, fault.Conflict) && fault.As(err).Key == "payments.key.reused":
		return ledger.Duplicate, nil // for another sum
	case fault.Is(err, fault.Conflict):
		return reasonNoAnswer, nil // it has left since
	case err != nil:
		return undecided, err
	case x.Debit != b.Account || x.Credit != credit || x.Amount != l.Amount || x.ID != outwardOf(l.ID, l.Attempt):
		return ledger.Duplicate, nil
	case x.Phase == ledger.Committed:
		silent.Store(0)
		return ledger.Accepted, nil
	case x.Phase == ledger.Reserved:
		return undecided, nil
	}
	if x.Reason != reasonNoAnswer {
		silent.Store(0)
		return x.Reason, nil
	}
	silent.Add(1)
	return reasonNoAnswer, nil
}

// silence counts what a participant has left without an answer.
func (t *payTurn) silence(participant string) *atomic.Int64 {
	n, _ := t.silent.LoadOrStore(participant, &atomic.Int64{})
	return n.(*atomic.Int64)
}

// markAway writes which lines are paid and which failed.
func (t *payTurn) markAway(ctx context.Context, paid []int64, failed map[ledger.Reason][]int64) error {
	if len(paid)+len(failed) == 0 {
		return nil
	}
	tell := t.tell()
	return t.room.db.Update(ctx, func(tx *store.Tx) error {
		b, err := getBulk(tx, t.bulk.No, true)
		if err != nil {
			return err
		}
		if err := failLines(tx, b, failed); err != nil {
			return err
		}
		if len(paid) > 0 {
			list, args := numbers(paid)
			n, sum, err := moveLines(tx, b.No, linePaid, ledger.Accepted, "id in ("+list+") and state = 1", args...)
			if err != nil {
				return err
			}
			b.Paid, b.PaidTotal = b.Paid+n, b.PaidTotal+sum
		}
		return saveCounts(tx, b, tell)
	})
}
