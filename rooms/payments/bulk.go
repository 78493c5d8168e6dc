package payments

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// KindProgram is an account out of which a program pays many people.
const KindProgram = "program"

// BulkState is where a file of payments stands.
type BulkState string

// The states. Rejected and cancelled are possible until the release; done is
// the end, whatever could not be paid.
const (
	BulkReading    BulkState = "reading" // its lines are coming in; nobody sees it
	BulkUploaded   BulkState = "uploaded"
	BulkValidating BulkState = "validating"
	BulkValidated  BulkState = "validated"
	BulkChecked    BulkState = "checked"
	BulkReleased   BulkState = "released"
	BulkPaying     BulkState = "paying"
	BulkDone       BulkState = "done"
	BulkRejected   BulkState = "rejected"  // by the checker or the releaser
	BulkCancelled  BulkState = "cancelled" // by its maker
)

// States of a line.
const (
	lineRead   = 0
	lineGood   = 1 // can be paid
	lineBad    = 2 // found wanting before anything was paid
	linePaid   = 3
	lineFailed = 4 // the ledger refused it
)

// bulkLines is the room for lines of one file within the numbers of lines.
const bulkLines = 1 << 24

// Bulk is a file of payments of one program and period.
type Bulk struct {
	No      int64
	Program string
	Office  string
	Period  string
	Source  string
	Name    string
	Digest  []byte
	Account string
	// Sums are minor units of Currency.
	Currency               string
	State                  BulkState
	Parent                 int64
	Note                   string
	Lines, Total           int64
	Looked                 int64
	Good, GoodTotal        int64
	Paid, PaidTotal        int64
	Failed, FailedTotal    int64
	Away                   int64 // good lines that pay accounts at connected participants
	Maker, MakerPost       string
	Checker, CheckerPost   string
	Releaser, ReleaserPost string
	// Zero when it has not happened yet.
	Uploaded, Validated, Checked, Released, Started, Finished time.Time
}

// GateResource tells the gate whose file it is and who has had it in hand.
func (b Bulk) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsBulk", ID: fmt.Sprint(b.No), Attrs: map[string]any{"office": b.Office, "maker": b.Maker, "checker": b.Checker}}
}

// Bad is how many lines were found wanting.
func (b Bulk) Bad() int64 {
	if b.Looked < b.Lines {
		return b.Looked - b.Good
	}
	return b.Lines - b.Good
}

// Waiting is how many lines are still to be paid.
func (b Bulk) Waiting() int64 { return b.Good - b.Paid - b.Failed }

// first and last are the numbers of the file's lines.
func (b Bulk) first() int64 { return b.No*bulkLines + 1 }
func (b Bulk) last() int64  { return b.No*bulkLines + b.Lines }

// over says whether nothing more can happen to the file.
func (b Bulk) over() bool {
	return b.State == BulkDone || b.State == BulkRejected || b.State == BulkCancelled
}

const bulkColumnList = `no, program, office, period, source, name, digest, account, currency, state, parent, note, lines, total, looked, good, good_total, paid, paid_total, failed, failed_total,
	maker, maker_post, checker, checker_post, releaser, releaser_post, uploaded, validated, checked, released, started, finished, away`

func scanBulk(scan store.Scan) (*Bulk, error) {
	var b Bulk
	var at [6]int64
	err := scan(&b.No, &b.Program, &b.Office, &b.Period, &b.Source, &b.Name, &b.Digest, &b.Account, &b.Currency, &b.State, &b.Parent, &b.Note, &b.Lines, &b.Total, &b.Looked, &b.Good, &b.GoodTotal,
		&b.Paid, &b.PaidTotal, &b.Failed, &b.FailedTotal, &b.Maker, &b.MakerPost, &b.Checker, &b.CheckerPost, &b.Releaser, &b.ReleaserPost, &at[0], &at[1], &at[2], &at[3], &at[4], &at[5], &b.Away)
	for i, t := range []*time.Time{&b.Uploaded, &b.Validated, &b.Checked, &b.Released, &b.Started, &b.Finished} {
		if at[i] > 0 {
			*t = store.Time(at[i])
		}
	}
	return &b, err
}

// getBulk reads a file; lock holds it until the transaction ends.
func getBulk(tx *store.Tx, no int64, lock bool) (*Bulk, error) {
	sql := "select " + bulkColumnList + " from payments_bulk where no = $1"
	if lock {
		sql += " for update"
	}
	b, err := store.Get(tx, scanBulk, sql, no)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.bulk.unknown").Because(err)
	}
	return b, err
}

// bulk reads a file as pages and the gate see it: not while it comes in.
func (r *Room) bulk(ctx context.Context, no int64) (b *Bulk, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		b, err = getBulk(tx, no, false)
		if err == nil && b.State == BulkReading {
			return fault.New(fault.NotFound, "payments.bulk.unknown")
		}
		return err
	})
	return b, err
}

// bulksOf lists an office's files before a number, newest first.
func bulksOf(tx *store.Tx, office string, before int64, limit int) ([]*Bulk, error) {
	return store.List(tx, scanBulk, "select "+bulkColumnList+" from payments_bulk where office = $1 and no < $2 and state <> 'reading' order by no desc limit $3", office, before, limit)
}

// Program is a country's program with the account it pays from.
type Program struct {
	country.Program
	Account string
}

// GateResource tells the gate whose program it is.
func (p Program) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsProgram", ID: p.ID, Attrs: map[string]any{"office": p.Office}}
}

func programAccount(id, currency string) string { return "program-" + id + "-" + currency }

func (r *Room) program(id string) (Program, error) {
	p, ok := r.pack.Program(id)
	if !ok {
		return Program{}, fault.New(fault.NotFound, "payments.bulk.no-program")
	}
	return Program{p, programAccount(p.ID, r.pack.Currency.Code)}, nil
}

// programsOf are the programs of an office.
func (r *Room) programsOf(office string) (list []Program) {
	for _, p := range r.pack.Programs {
		if p.Office == office {
			list = append(list, Program{p, programAccount(p.ID, r.pack.Currency.Code)})
		}
	}
	return list
}

// openPrograms makes the accounts of programs that have none yet.
func (r *Room) openPrograms(ctx context.Context) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		for _, p := range r.pack.Programs {
			iban, err := r.pack.IBAN.Parse(p.IBAN)
			if err != nil {
				return err
			}
			a := &Account{Account: ledger.Account{ID: programAccount(p.ID, r.pack.Currency.Code), Book: p.Bank, Role: ledger.Customer, Holder: p.Office, Currency: r.pack.Currency.Code},
				Kind: KindProgram, IBAN: string(iban), NameEn: p.Name.In("en"), NameUr: p.Name.In("ur"), Category: "9399", Opened: tx.Now()}
			if _, err := getAccount(tx, a.ID); !fault.Is(err, fault.NotFound) {
				if err != nil {
					return err
				}
				continue
			}
			if err := insertAccounts(tx, []*Account{a}); err != nil {
				return fmt.Errorf("account of program %s: %w", p.ID, err)
			}
		}
		return nil
	})
}

// purpose is what payer and payee read beside a payment of a file.
func (p Program) purpose(period string) string {
	return web.Both(p.Name.In("en"), p.Name.In("ur")) + " · " + period
}

// programNames are the names of all programs in the reader's language.
func (r *Room) programNames(ctx context.Context) map[string]string {
	names := map[string]string{}
	for _, p := range r.pack.Programs {
		names[p.ID] = web.Of(ctx, p.Name)
	}
	return names
}
