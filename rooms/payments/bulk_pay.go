package payments

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/courtyard/fault"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// payChunk is how many payments go to the ledger together; with two steps each
// they fit into one Work. Tests make it smaller.
var payChunk = 2000

const (
	// payFlight is how many chunks are on their way at once: while the ledger
	// writes one, the next is read and the one before is marked.
	payFlight = 3
	// payHold is how long a reservation of a file may hold. It is committed in
	// the same decision, so the time only has to outlast a busy ledger.
	payHold = 10 * time.Minute
)

// payLine is a line as it is paid.
type payLine struct {
	ID      int64
	Account string
	Amount  int64
	Attempt int64
}

func scanPayLine(scan store.Scan) (l payLine, err error) {
	return l, scan(&l.ID, &l.Account, &l.Amount, &l.Attempt)
}

// payKey is the key under which a line is paid: a beneficiary gets a program's money
// once a period.
func payKey(b *Bulk, l payLine) string {
	return b.Period + "/" + l.Account + "/" + strconv.FormatInt(l.Attempt, 10)
}

// transferOf is the number of the transfer of a line: a UUID of version 8 (RFC
// 9562, section 5.8) made of file, attempt and line, so that who goes on after
// a crash knows it without having written it down, and that the transfers of a
// file stand together.
func transferOf(line, attempt int64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(line/bulkLines)<<16|0x8000|uint64(attempt)&0xfff) //nolint:gosec // counts from one
	binary.BigEndian.PutUint64(b[8:], 0x8b<<56|uint64(line%bulkLines))                         //nolint:gosec // counts from one
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// bulkOfTransfer is the file whose line a transfer pays, or 0 when it pays none.
func bulkOfTransfer(id string) int64 {
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 || b[6]>>4 != 8 && b[6]>>4 != 4 || b[8] != 0x8b {
		return 0
	}
	line := int64(binary.BigEndian.Uint64(b[8:]) & (bulkLines - 1))
	no := int64(binary.BigEndian.Uint64(b[:8]) >> 16) //nolint:gosec // 48 bits
	attempt := int64(b[6]&0xf)<<8 | int64(b[7])
	if id != transferOf(no*bulkLines+line, attempt) && id != outwardOf(no*bulkLines+line, attempt) {
		return 0
	}
	return no
}

// payBulk pays the good lines of a released file. Which lines are paid is
// written after the ledger has decided; after a crash in between the ledger
// gives the same answer under the same key, and the line is marked then.
func (r *Room) payBulk(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	no, err := r.bulkOf(ctx, j, jobBulkPay)
	if err != nil {
		return nil, err
	}
	b, err := r.bulk(ctx, no)
	if err != nil {
		return nil, err
	}
	if b.State == BulkReleased {
		b.State = BulkPaying
		err = r.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update payments_bulk set state = 'paying', started = $2 where no = $1 and state = 'released'", no, store.Micros(tx.Now()))
			return err
		})
	}
	if err != nil || b.State != BulkPaying {
		return nil, err
	}
	p, err := r.program(b.Program)
	if err != nil {
		return nil, err
	}
	t := &payTurn{room: r, bulk: b, purpose: p.purpose(b.Period), until: r.clock.Now().Add(bulkTurn)}
	more, err := t.run(ctx)
	if err != nil {
		return nil, err
	}
	if more {
		return func(tx *store.Tx) error {
			// The treasury's page counts by itself what is not counted yet: not all of a large file.
			if err := job.Put(tx, job.Job{Kind: jobFlow, Key: jobFlow}); err != nil {
				return err
			}
			next := job.Job{Kind: jobBulkPay, Key: strconv.FormatInt(no, 10), Data: bulkJob{no}}
			if t.pause {
				next.At = tx.Now().Add(awayPause)
			}
			return job.Put(tx, next)
		}, nil
	}
	// Done means that everybody's balance, history and receipt are there too.
	if err := r.sequencer.Settle(ctx, b.Currency); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		if err := finishBulk(tx, no); err != nil {
			return err
		}
		return job.Put(tx, job.Job{Kind: jobFlow, Key: jobFlow})
	}, nil
}

func finishBulk(tx *store.Tx, no int64) error {
	b, err := getBulk(tx, no, true)
	if err != nil || b.State != BulkPaying {
		return err
	}
	b.State, b.Finished = BulkDone, tx.Now()
	if _, err := tx.Exec("update payments_bulk set state = 'done', finished = $2 where no = $1", no, store.Micros(tx.Now())); err != nil {
		return err
	}
	emitBulk(tx, b, BulkFinishedEvent, "system/"+jobBulkPay)
	return nil
}

// payTurn is one turn of the job that pays a file.
type payTurn struct {
	room    *Room
	bulk    *Bulk
	purpose string
	until   time.Time
	dry     atomic.Pointer[ledger.Reason] // the money ran out
	pause   bool                          // some payments have to end elsewhere first
	silent  sync.Map                      // *atomic.Int64 by participant: questions in a row without an answer
	mu      sync.Mutex
	told    time.Time
}

// run pays until the turn is over or nothing is left, and says which.
func (t *payTurn) run(ctx context.Context) (more bool, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(payFlight)
	next := t.bulk.first()
	for t.dry.Load() == nil && gctx.Err() == nil {
		if t.room.clock.Now().After(t.until) {
			more = true
			break
		}
		var chunk []payLine
		err := t.room.db.View(gctx, func(tx *store.Tx) (err error) {
			chunk, err = store.List(tx, scanPayLine, "select id, account, amount, attempt from payments_bulk_line where id >= $1 and id <= $2 and state = 1"+notAway+" order by id limit $3", next, t.bulk.last(), payChunk)
			return err
		})
		if err != nil {
			_ = g.Wait()
			return false, err
		}
		if len(chunk) == 0 {
			break
		}
		next = chunk[len(chunk)-1].ID + 1
		g.Go(func() error { return t.pay(gctx, chunk) })
	}
	if err := g.Wait(); err != nil || more {
		return more, err
	}
	if reason := t.dry.Load(); reason != nil {
		if err := t.giveUp(ctx, *reason); err != nil {
			return false, err
		}
	}
	return t.payAway(ctx)
}

// pay hands a chunk to the ledger and writes down what came of it.
func (t *payTurn) pay(ctx context.Context, chunk []payLine) error {
	b, r := t.bulk, t.room
	w := Work{Currency: b.Currency, Actor: "system/" + jobBulkPay, Quiet: true, Steps: make([]ledger.Step, 0, 2*len(chunk)), Notes: make(map[string]Note, len(chunk))}
	expires := r.clock.Now().Add(payHold)
	memo := []byte(t.purpose)
	for _, l := range chunk {
		id := transferOf(l.ID, l.Attempt)
		w.Notes[id] = Note{Purpose: t.purpose}
		w.Steps = append(w.Steps,
			ledger.Step{Kind: ledger.Reserve, Transfer: id, Party: "program/" + b.Program, Key: payKey(b, l),
				Debit: b.Account, Credit: l.Account, Amount: l.Amount, Currency: b.Currency, Expires: expires, Memo: memo},
			ledger.Step{Kind: ledger.Commit, Transfer: id})
	}
	rows, err := r.ledger.Do(ctx, w)
	if fault.Is(err, fault.Conflict) {
		// A key of this chunk was used for something else: that beneficiary has
		// been paid another sum in this period. Find which one it is.
		if len(chunk) == 1 {
			return t.mark(ctx, chunk, map[ledger.Reason][]int64{ledger.Duplicate: {chunk[0].ID}})
		}
		if err := t.pay(ctx, chunk[:len(chunk)/2]); err != nil {
			return err
		}
		return t.pay(ctx, chunk[len(chunk)/2:])
	}
	if err != nil {
		return err
	}
	failed := map[ledger.Reason][]int64{}
	var doubtful []payLine
	for i, l := range chunk {
		reserve, commit := rows[2*i], rows[2*i+1]
		switch {
		case reserve.Reason == ledger.Duplicate:
			// The key is forgotten, the transfer is not.
			doubtful = append(doubtful, l)
		case !reserve.Accepted():
			failed[reserve.Reason] = append(failed[reserve.Reason], l.ID)
		case reserve.Transfer != transferOf(l.ID, l.Attempt):
			failed[ledger.Duplicate] = append(failed[ledger.Duplicate], l.ID)
		case reserve.Replayed:
			doubtful = append(doubtful, l) // what became of it the transfer says
		case !commit.Accepted():
			failed[commit.Reason] = append(failed[commit.Reason], l.ID)
		}
	}
	if err := t.ask(ctx, doubtful, failed); err != nil {
		return err
	}
	for _, reason := range []ledger.Reason{ledger.NoFunds, ledger.NoSettlementFunds} {
		if len(failed[reason]) == len(chunk) {
			t.dry.Store(&reason)
		}
	}
	return t.mark(ctx, chunk, failed)
}

// ask looks what became of transfers that an earlier attempt may have made.
func (t *payTurn) ask(ctx context.Context, lines []payLine, failed map[ledger.Reason][]int64) error {
	if len(lines) == 0 {
		return nil
	}
	if err := t.room.sequencer.Settle(ctx, t.bulk.Currency); err != nil {
		return err
	}
	return t.room.db.View(ctx, func(tx *store.Tx) error {
		for _, l := range lines {
			var phase ledger.Phase
			var reason ledger.Reason
			err := tx.QueryRow("select phase, reason from payments_transfer where id = $1", transferOf(l.ID, l.Attempt)).Scan(&phase, &reason)
			switch {
			case err != nil:
				return fmt.Errorf("what became of line %d: %w", l.ID, err)
			case phase == ledger.Committed:
			case phase == ledger.Reserved:
				return fmt.Errorf("line %d is reserved and not committed", l.ID)
			default:
				failed[reason] = append(failed[reason], l.ID)
			}
		}
		return nil
	})
}

// mark writes which lines of a chunk are paid and which failed, and counts
// them. What is marked already is left alone, so that nothing counts twice.
func (t *payTurn) mark(ctx context.Context, chunk []payLine, failed map[ledger.Reason][]int64) error {
	from, to := chunk[0].ID, chunk[len(chunk)-1].ID
	tell := t.tell()
	return t.room.db.UpdateLarge(ctx, func(tx *store.Tx) error {
		b, err := getBulk(tx, t.bulk.No, true)
		if err != nil {
			return err
		}
		if err := failLines(tx, b, failed); err != nil {
			return err
		}
		n, sum, err := moveLines(tx, b.No, linePaid, ledger.Accepted, "id >= $1 and id <= $2 and state = 1"+notAway, from, to)
		if err != nil {
			return err
		}
		b.Paid, b.PaidTotal = b.Paid+n, b.PaidTotal+sum
		return saveCounts(tx, b, tell)
	})
}

// tell says whether it is time to tell screens of the progress.
func (t *payTurn) tell() bool {
	now := t.room.clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.told) <= bulkPace {
		return false
	}
	t.told = now
	return true
}

// failLines writes why lines were not paid, and counts them.
func failLines(tx *store.Tx, b *Bulk, failed map[ledger.Reason][]int64) error {
	for reason, ids := range failed {
		for part := range slices.Chunk(ids, 500) {
			list, args := numbers(part)
			n, sum, err := moveLines(tx, b.No, lineFailed, reason, "id in ("+list+") and state = 1", args...)
			if err != nil {
				return err
			}
			b.Failed, b.FailedTotal = b.Failed+n, b.FailedTotal+sum
		}
	}
	return nil
}

// moveLines gives those lines of a file that meet a condition a state, and says how many there
// were and their sum.
func moveLines(tx *store.Tx, no int64, state int, reason ledger.Reason, where string, args ...any) (n, sum int64, err error) {
	if err := tx.QueryRow("select count(*), cast(coalesce(sum(amount), 0) as bigint) from payments_bulk_line where "+where, args...).Scan(&n, &sum); err != nil || n == 0 {
		return 0, 0, err
	}
	if state == lineFailed {
		if err := countReason(tx, no, lineFailed, string(reason), n, sum); err != nil {
			return 0, 0, err
		}
	}
	_, err = tx.Exec(fmt.Sprintf("update payments_bulk_line set state = %d, reason = $%d, at = $%d where %s", state, len(args)+1, len(args)+2, where), append(slices.Clone(args), string(reason), store.Micros(tx.Now()))...)
	return n, sum, err
}

func saveCounts(tx *store.Tx, b *Bulk, tell bool) error {
	if _, err := tx.Exec("update payments_bulk set paid = $2, paid_total = $3, failed = $4, failed_total = $5 where no = $1", b.No, b.Paid, b.PaidTotal, b.Failed, b.FailedTotal); err != nil {
		return err
	}
	if tell {
		emitBulk(tx, b, BulkProgressedEvent, "system/"+jobBulkPay)
	}
	return nil
}

// numbers gives "$1, $2 ..." for the values.
func numbers(values []int64) (string, []any) {
	list := make([]byte, 0, 6*len(values))
	args := make([]any, len(values))
	for i, v := range values {
		if i > 0 {
			list = append(list, ", "...)
		}
		list = append(list, '$')
		list = strconv.AppendInt(list, int64(i+1), 10)
		args[i] = v
	}
	return string(list), args
}

// giveUp ends a file whose money ran out: when the ledger has refused a whole
// chunk for it, the lines behind are not tried. Those that leave the house are: one of
// them may have been reserved before.
func (t *payTurn) giveUp(ctx context.Context, reason ledger.Reason) error {
	for {
		done := false
		err := t.room.db.UpdateLarge(ctx, func(tx *store.Tx) error {
			b, err := getBulk(tx, t.bulk.No, true)
			if err != nil {
				return err
			}
			var to int64
			if err := tx.QueryRow("select coalesce(max(id), 0) from (select id from payments_bulk_line where id >= $1 and id <= $2 and state = 1"+notAway+" order by id limit 20000) s", b.first(), b.last()).Scan(&to); err != nil {
				return err
			}
			if done = to == 0; done {
				return nil
			}
			n, sum, err := moveLines(tx, b.No, lineFailed, reason, "id >= $1 and id <= $2 and state = 1"+notAway, b.first(), to)
			if err != nil {
				return err
			}
			b.Failed, b.FailedTotal = b.Failed+n, b.FailedTotal+sum
			return saveCounts(tx, b, false)
		})
		if err != nil || done {
			return err
		}
	}
}
