package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

const (
	// BulkFile is the largest file a page takes, bytes: about a million lines.
	BulkFile = 96 << 20
	// takeChunk is how many lines are written in one transaction.
	takeChunk = 4096
	// bulkProblems is how many lines a refused file's maker is told of.
	bulkProblems = 10
)

var bulkPeriod = regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2]|Q[1-4])$`)

// BulkIntake is a file as its maker hands it in.
type BulkIntake struct {
	Program string
	Period  string // "2026-11" or "2026-Q4"
	Source  string // csv, pain001, govstack, remainder
	Name    string
	// Digest is asked for when the source has ended.
	Digest func() [32]byte
	// Lines and Total (minor units) are what the maker typed. Lines -1: the
	// source has no control totals of its own.
	Lines, Total int64
	Maker        gate.Principal
	Parent       int64 // the file whose remainder this is
}

// TakeBulk writes down all instructions of a source as a new file, or nothing
// of it: a file that cannot be read whole, whose totals are not those its maker
// told, or that came before leaves no trace.
func (r *Room) TakeBulk(ctx context.Context, in BulkIntake, src Source) (no int64, err error) {
	p, err := r.program(in.Program)
	if err != nil {
		return 0, err
	}
	if !bulkPeriod.MatchString(in.Period) {
		return 0, fault.New(fault.Invalid, "payments.bulk.period.wrong").At("period", "payments.bulk.period.wrong")
	}
	if no, err = r.beginBulk(ctx, p, in); err != nil {
		return 0, err
	}
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	lines, total, err := r.takeLines(ctx, no, src)
	if err == nil {
		err = r.endBulk(ctx, no, in, lines, total)
	}
	if err != nil {
		// Also when the maker's connection is gone.
		if e := r.forgetBulk(context.WithoutCancel(ctx), no); e != nil {
			err = errors.Join(err, e)
		}
		return 0, err
	}
	return no, nil
}

func (r *Room) beginBulk(ctx context.Context, p Program, in BulkIntake) (no int64, err error) {
	for try := 0; ; try++ {
		err = r.db.Update(ctx, func(tx *store.Tx) error {
			if err := tx.QueryRow("select coalesce(max(no), 0) + 1 from payments_bulk").Scan(&no); err != nil {
				return err
			}
			if _, err := tx.Exec("insert into payments_bulk ("+bulkColumnList+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'reading', 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, $10, $11, '', '', '', '', $12, 0, 0, 0, 0, 0, 0)",
				no, p.ID, p.Office, in.Period, in.Source, in.Name, []byte{}, p.Account, r.pack.Currency.Code, in.Maker.ID, in.Maker.Acting.ID, store.Micros(tx.Now())); err != nil {
				return err
			}
			// Whoever dies while lines come in leaves nothing behind.
			return job.Put(tx, job.Job{Kind: jobBulkForget, Key: strconv.FormatInt(no, 10), At: tx.Now().Add(bulkReadingTime), Data: bulkJob{no}})
		})
		if !store.IsUnique(err) || try == 3 {
			return no, err
		}
	}
}

// lineColumns are those of a line that is to be written; the others are the
// verdict's and the payment's.
const lineColumns = "id, amount, iban, alias_kind, alias, tail, name, reference"

// takenLines are lines on their way into the database, column by column.
type takenLines struct {
	id, amount                   []int64
	iban, kind, tail, name, refs []string
	mac                          [][]byte
}

func (t *takenLines) add(id, amount int64, to whom, name, reference string) {
	t.id, t.amount = append(t.id, id), append(t.amount, amount)
	t.iban, t.kind, t.mac, t.tail = append(t.iban, to.iban), append(t.kind, to.kind), append(t.mac, to.mac), append(t.tail, to.tail)
	t.name, t.refs = append(t.name, name), append(t.refs, reference)
}

func (t *takenLines) write(tx *store.Tx) error {
	_, err := tx.Many("insert into payments_bulk_line ("+lineColumns+", state, account, reason, attempt, at) select v.*, 0, '', '', 0, 0 from ({lines}) v", t.id, t.amount, t.iban, t.kind, t.mac, t.tail, t.name, t.refs)
	if err != nil {
		return fmt.Errorf("write lines: %w", err)
	}
	return nil
}

// takeLines reads the source to its end. When a line is wrong it goes on, to
// tell of several at once, and writes no more.
func (r *Room) takeLines(ctx context.Context, no int64, src Source) (lines, total int64, err error) {
	taken := &takenLines{}
	var problems *fault.Error
	flush := func() error {
		err := r.db.UpdateLarge(ctx, taken.write)
		taken = &takenLines{}
		return err
	}
	for {
		in, err := src.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && in.Currency != "" && in.Currency != r.pack.Currency.Code {
			in.IBAN, in.Mobile, in.Number = noCurrency, "", "" // the verdict on the line says so
		}
		var f *fault.Error
		switch {
		case err == nil:
		case errors.As(err, &f) && f.Args["line"] != "":
			if problems == nil {
				problems = fault.New(fault.Invalid, f.Key)
				problems.Args = f.Args
			}
			problems.Fields = append(problems.Fields, fault.Field{Name: "file", Key: f.Key, Args: f.Args})
			if len(problems.Fields) == bulkProblems || f.Err != nil {
				return 0, 0, problems
			}
			continue
		case problems != nil: // what is said of the whole follows from them
			return 0, 0, problems
		default:
			return 0, 0, err
		}
		lines++
		sum := total + in.Amount
		if in.Amount <= 0 || in.Amount > ledger.MaxAmount || sum < total || lines >= bulkLines {
			return 0, 0, fault.New(fault.Invalid, "payments.bulk.csv.amount.large", "line", strconv.FormatInt(in.Line, 10)).At("file", "payments.bulk.csv.amount.large", "line", strconv.FormatInt(in.Line, 10))
		}
		total = sum
		line, err := r.lineOf(ctx, in)
		if err != nil {
			return 0, 0, err
		}
		if problems == nil {
			taken.add(no*bulkLines+lines, in.Amount, line, foldName(in.Name), in.Reference)
		}
		if len(taken.id) == takeChunk {
			if err := flush(); err != nil {
				return 0, 0, err
			}
		}
	}
	if problems != nil {
		return 0, 0, problems
	}
	if lines == 0 {
		return 0, 0, fault.New(fault.Invalid, "payments.bulk.csv.empty").At("file", "payments.bulk.csv.empty")
	}
	return lines, total, flush()
}

// whom is how a line names its beneficiary.
type whom struct {
	iban, kind, tail string
	mac              []byte // nil for IBAN
}

// lineOf hides national and mobile numbers as the directory does. What is no
// such number is kept as an IBAN nobody has: the line gets its verdict with
// the others.
func (r *Room) lineOf(ctx context.Context, in Instruction) (w whom, err error) {
	switch {
	case in.IBAN == noCurrency:
		return whom{iban: noCurrency}, nil
	case in.IBAN != "":
		iban, err := r.pack.IBAN.Parse(in.IBAN)
		if err != nil {
			return whom{iban: noNumber, tail: tailOf(in.IBAN)}, nil //nolint:nilerr // the verdict on the line says so
		}
		return whom{iban: string(iban), tail: tailOf(string(iban))}, nil
	case in.Number != "":
		n, err := r.pack.NationalNumber.Parse(in.Number)
		if err != nil {
			return whom{iban: noNumber, tail: tailOf(in.Number)}, nil //nolint:nilerr // the verdict on the line says so
		}
		w.kind, w.tail = AliasNumber, tailOf(n.Digits)
		w.mac, err = r.keys.MAC(ctx, purposeAlias, []byte(AliasNumber), []byte(n.Digits))
		return w, err
	default:
		p, what, err := r.pack.Phone.Parse(in.Mobile)
		if err != nil || what != "mobile" {
			return whom{iban: noNumber, tail: tailOf(in.Mobile)}, nil //nolint:nilerr // the verdict on the line says so
		}
		w.kind, w.tail = AliasMobile, tailOf(string(p))
		w.mac, err = r.keys.MAC(ctx, purposeAlias, []byte(AliasMobile), []byte(string(p)))
		return w, err
	}
}

// noNumber stands for a number that is none, noCurrency for a payment in
// another currency than the country's.
const (
	noNumber   = "?"
	noCurrency = "$"
)

func tailOf(s string) string {
	if len(s) <= 4 {
		return ""
	}
	at := len(s) - 4
	for at < len(s) && s[at]&0xc0 == 0x80 {
		at++
	}
	return s[at:]
}

// endBulk makes the file visible, if it is what its maker said and new.
func (r *Room) endBulk(ctx context.Context, no int64, in BulkIntake, lines, total int64) error {
	if in.Lines >= 0 && (in.Lines != lines || in.Total != total) {
		f := fault.New(fault.Invalid, "payments.bulk.totals")
		if in.Lines != lines {
			_ = f.At("lines", "payments.bulk.totals.lines", "told", strconv.FormatInt(in.Lines, 10), "found", strconv.FormatInt(lines, 10))
		}
		if in.Total != total {
			_ = f.At("total", "payments.bulk.totals.sum", "told", r.pack.Currency.Digits(in.Total), "found", r.pack.Currency.Digits(total))
		}
		return f
	}
	digest := in.Digest()
	return r.db.Update(ctx, func(tx *store.Tx) error {
		b, err := getBulk(tx, no, true)
		if err != nil {
			return err
		}
		again, err := store.List(tx, store.Value[int64], "select no from payments_bulk where digest = $1 and program = $2 and period = $3 and state not in ('rejected', 'cancelled') order by no limit 1", digest[:], b.Program, b.Period)
		if err != nil {
			return err
		}
		if len(again) > 0 {
			n := strconv.FormatInt(again[0], 10)
			return fault.New(fault.Conflict, "payments.bulk.again", "no", n).At("file", "payments.bulk.again", "no", n)
		}
		if _, err := tx.Exec("update payments_bulk set state = 'uploaded', digest = $2, lines = $3, total = $4, uploaded = $5, parent = $6 where no = $1", no, digest[:], lines, total, store.Micros(tx.Now()), in.Parent); err != nil {
			return err
		}
		b.Lines, b.Total, b.State = lines, total, BulkUploaded
		emitBulk(tx, b, BulkUploadedEvent, in.Maker.Actor())
		if err := job.Cancel(tx, jobBulkForget, strconv.FormatInt(no, 10)); err != nil {
			return err
		}
		return job.Put(tx, job.Job{Kind: jobBulkValidate, Key: strconv.FormatInt(no, 10), Data: bulkJob{no}})
	})
}

// forgetBulk takes away a file whose lines did not all come in.
func (r *Room) forgetBulk(ctx context.Context, no int64) error {
	for {
		left := int64(0)
		err := r.db.UpdateLarge(ctx, func(tx *store.Tx) error {
			b, err := getBulk(tx, no, true)
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			if err != nil || b.State != BulkReading {
				return err
			}
			if left, err = tx.Exec("delete from payments_bulk_line where id in (select id from payments_bulk_line where id >= $1 and id < $2 order by id limit 20000)", no*bulkLines, (no+1)*bulkLines); err != nil || left > 0 {
				return err
			}
			if err := job.Cancel(tx, jobBulkForget, strconv.FormatInt(no, 10)); err != nil {
				return err
			}
			_, err = tx.Exec("delete from payments_bulk where no = $1", no)
			return err
		})
		if err != nil || left == 0 {
			return err
		}
	}
}

func (r *Room) forget(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	no, err := r.bulkOf(ctx, j, jobBulkForget)
	if err != nil {
		return nil, err
	}
	return nil, r.forgetBulk(ctx, no)
}
