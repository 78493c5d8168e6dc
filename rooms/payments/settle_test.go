package payments

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/camt052"
	"sarai/rooms/payments/iso20022/camt053"
	"sarai/rooms/payments/iso20022/camt060"
	"sarai/rooms/payments/iso20022/xsd"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// settler is a small town with a room that settles.
type settler struct {
	*Room
	t   testing.TB
	now *clock.Manual
	n   int
}

func newSettler(t testing.TB, url string) *settler {
	t.Helper()
	now := clock.At(noon)
	db, q := town(t, url, now)
	pack := &country.Pack{Zone: karachi, Currency: country.Currency{Code: "PKR", Decimals: 2}, Rail: country.Rail{BIC: "SRAIPKKA"}, Calendar: &country.Calendar{Zone: karachi}}
	must(t, db.Update(context.Background(), func(tx *store.Tx) error {
		for _, b := range []string{"a", "b"} {
			if _, err := tx.Exec("update payments_participant set bic = $2, name_en = $3 where id = $1", b, "BNK"+map[string]string{"a": "A", "b": "B"}[b]+"PKKA", "Bank "+b); err != nil {
				return err
			}
		}
		return nil
	}))
	return &settler{Room: &Room{db: db, sequencer: q, ledger: q, pack: pack, clock: now, newID: id.New, log: q.log}, t: t, now: now}
}

func (s *settler) do(steps ...ledger.Step) []ledger.Row {
	s.t.Helper()
	for i := range steps {
		steps[i].Currency = "PKR"
	}
	rows, err := s.ledger.Do(context.Background(), Work{Currency: "PKR", Actor: "test", Steps: steps})
	must(s.t, err)
	return rows
}

func (s *settler) pay(from, to string, amount int64) bool {
	s.t.Helper()
	s.n++
	name := id.New()
	rows := s.do(ledger.Step{Kind: ledger.Reserve, Transfer: name, Party: "test", Key: name, Debit: from, Credit: to, Amount: amount, Expires: s.now.Now().Add(20 * time.Second)}, ledger.Step{Kind: ledger.Commit, Transfer: name})
	return rows[1].Accepted()
}

func (s *settler) model(model string) {
	s.t.Helper()
	must(s.t, s.db.Update(context.Background(), func(tx *store.Tx) error {
		return putScheme(tx, Scheme{Currency: "PKR", Model: model, Days: "all", Alerts: []int64{70, 90}})
	}))
}

func (s *settler) cut() int64 {
	s.t.Helper()
	s.n++
	number, err := s.CloseWindow(context.Background(), "test", "test", fmt.Sprint("cut/", s.n))
	must(s.t, err)
	return number
}

func (s *settler) report(number int64) Settlement {
	s.t.Helper()
	must(s.t, s.ReportWindows(context.Background(), "test"))
	got, err := s.Settlement(context.Background(), number)
	must(s.t, err)
	return got
}

// balance reads a settlement account.
func (s *settler) balance(id string) (n int64) {
	s.t.Helper()
	must(s.t, s.sequencer.Settle(context.Background(), "PKR"))
	must(s.t, s.db.View(context.Background(), func(tx *store.Tx) error {
		a, err := getAccount(tx, id)
		if err == nil {
			n = a.Balance
		}
		return err
	}))
	return n
}

// jobs makes the queue's table, which closing a window writes into.
func (s *settler) jobs() {
	job.New(s.db, job.Options{})
	must(s.t, s.db.Migrate(context.Background()))
}

func TestANetWindowIsSettledInOnePieceOrNotAtAll(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s := newSettler(t, url)
		s.jobs()
		s.do(ledger.Step{Kind: ledger.Set, Debit: "settle-a", Setting: ledger.Setting{Floor: -400_00}})
		s.do(ledger.Step{Kind: ledger.Post, Party: "t", Key: "rich", Debit: "own-a", Credit: "ayesha", Amount: 1000_00})
		s.model(ModelNet)
		if first := s.report(s.cut()); first.Payments != 0 || first.State != settledState {
			t.Fatalf("%+v", first)
		}
		s.pay("ayesha", "bakery", 150_00)
		s.pay("bakery", "asif", 20_00)
		if s.balance("settle-a") != 100_00 || s.balance("settle-b") != 50_00 {
			t.Fatal("a net window moves no prefund")
		}
		w := s.cut()
		if again, err := s.CloseWindow(ctx, "test", "test", fmt.Sprint("cut/", s.n)); err != nil || again != w {
			t.Fatalf("the same key ended window %d, %v", again, err)
		}
		// Bank a owes 130 and has 100.
		got := s.report(w)
		if got.State != unsettledState || got.Gross != 170_00 || got.Payments != 2 || len(got.Lines) != 2 || got.Lines[0].Due != -130_00 || got.Lines[1].Due != 130_00 || got.Lines[0].Missing != 30_00 || got.Tries == 0 {
			t.Fatalf("%+v", got)
		}
		if s.balance("settle-a") != 100_00 || s.balance("settle-b") != 50_00 || s.balance(obligationAccount("b", "PKR")) != 130_00 {
			t.Fatal("half of a settlement moved")
		}
		if err := s.SettleWindow(ctx, "test", w); !errors.Is(err, errShort) || !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		// Payments go on meanwhile, in the next window.
		s.pay("ayesha", "bakery", 5_00)
		// Money comes in; then the window is settled.
		s.do(ledger.Step{Kind: ledger.Post, Party: "t", Key: "fund", Debit: "issuing", Credit: "settle-a", Amount: 30_00})
		if got := s.report(w); got.State != settledState || got.Settled.IsZero() || got.Lines[0].Missing != 0 {
			t.Fatalf("%+v", got)
		}
		if s.balance("settle-a") != 0 || s.balance("settle-b") != 180_00 || s.balance(obligationAccount("a", "PKR")) != 0 {
			t.Fatal("the dues have not moved")
		}
		must(t, s.SettleWindow(ctx, "test", w)) // a second time changes nothing
		if s.balance("settle-b") != 180_00 {
			t.Fatal("settled twice")
		}
		s.proven()
	})
}

// proven lets the auditor and the invariants look.
func (s *settler) proven() {
	s.t.Helper()
	ctx := context.Background()
	if _, err := NewAuditor(s.db, "PKR").Check(ctx); err != nil {
		s.t.Fatal(err)
	}
	must(s.t, s.db.View(ctx, func(tx *store.Tx) error {
		checks, err := Invariants(tx, "PKR", s.now.Now())
		for _, c := range checks {
			if c.Broke != 0 {
				s.t.Fatalf("%s: %d", c.Name, c.Broke)
			}
		}
		return err
	}))
}

// TestAReportThatDoesNotFitIsNotMade: the table of positions is made by other code;
// a difference stops the report.
func TestAReportThatDoesNotFitIsNotMade(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		s := newSettler(t, url)
		s.jobs()
		s.pay("ayesha", "bakery", 10_00)
		w := s.cut()
		must(t, s.sequencer.Settle(context.Background(), "PKR"))
		must(t, s.db.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec("update payments_position set sent = sent + 1 where participant = 'a'")
			return err
		}))
		if err := s.ReportWindows(context.Background(), "test"); err == nil {
			t.Fatal("a report was made")
		}
		if _, err := s.Settlement(context.Background(), w); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	})
}

// TestStatementsReconcile: for any history, opening and entries make the closing,
// pages follow each other, what a window ends with the next begins with, and all
// participants together are what the issuing account gave.
func TestStatementsReconcile(t *testing.T) {
	t.Parallel()
	booked.EachURL(t, func(t *testing.T, url string) {
		s := newSettler(t, url)
		s.jobs()
		for _, bank := range []string{"a", "b"} {
			s.do(ledger.Step{Kind: ledger.Set, Debit: "settle-" + bank, Setting: ledger.Setting{Floor: -40_00}})
		}
		closing := map[string]int64{}
		valid, histories := 0, 0
		rapid.Check(t, func(rt *rapid.T) {
			if histories++; histories > 30 { // each is a window of one long history
				return
			}
			ctx := context.Background()
			s.model(rapid.SampledFrom([]string{ModelGross, ModelNet}).Draw(rt, "model"))
			var open []string
			for range rapid.IntRange(0, 12).Draw(rt, "steps") {
				from, to := "ayesha", "bakery"
				if rapid.Bool().Draw(rt, "back") {
					from, to = to, from
				}
				amount := rapid.Int64Range(1, 30_00).Draw(rt, "amount")
				switch rapid.IntRange(0, 4).Draw(rt, "what") {
				case 0:
					bank := rapid.SampledFrom([]string{"settle-a", "settle-b"}).Draw(rt, "bank")
					pair := [2]string{"issuing", bank}
					if rapid.Bool().Draw(rt, "out") {
						pair = [2]string{bank, "issuing"}
					}
					s.do(ledger.Step{Kind: ledger.Post, Debit: pair[0], Credit: pair[1], Amount: amount})
				case 1: // stays open over the cut
					name := id.New()
					s.do(ledger.Step{Kind: ledger.Reserve, Transfer: name, Debit: from, Credit: to, Amount: amount, Expires: s.now.Now().Add(20 * time.Second)})
					open = append(open, name)
				default:
					s.pay(from, to, amount)
				}
			}
			w := s.cut()
			for _, name := range open {
				s.do(ledger.Step{Kind: ledger.Commit, Transfer: name})
			}
			got := s.report(w)
			net := int64(0)
			for _, l := range got.Lines {
				net += l.Net()
				if before, ok := closing[l.Participant]; ok && l.Opening != before {
					rt.Fatalf("window %d opens with %d, the one before closed with %d", w, l.Opening, before)
				}
				closing[l.Participant] = l.Closing
				sum, n, last := l.Opening, 0, false
				err := s.Statement(ctx, StatementAsk{Participant: l.Participant, Window: w, Size: 3}, func(p StatementPage) error {
					n++
					if p.Number != n || p.Opening != sum || last {
						return fmt.Errorf("page %d of %s begins with %d after %d", p.Number, l.Participant, p.Opening, sum)
					}
					for _, e := range p.Entries {
						if sum += e.Amount; e.Balance != sum {
							return fmt.Errorf("row %d leaves %d, said %d", e.Row, sum, e.Balance)
						}
					}
					last = p.Last
					if p.Closing != sum {
						return fmt.Errorf("page %d closes with %d, its entries with %d", n, p.Closing, sum)
					}
					d, err := s.Camt053(p)
					if err != nil {
						return err
					}
					doc, err := d.Marshal()
					if err != nil {
						return err
					}
					if valid++; valid%50 == 1 {
						lint(t, camt053.ID, doc)
					}
					return nil
				})
				if err != nil || !last || sum != l.Closing {
					rt.Fatalf("statement of %s for window %d: %v, ends with %d and the report with %d", l.Participant, w, err, sum, l.Closing)
				}
			}
			if net != 0 {
				rt.Fatalf("net positions add up to %d", net)
			}
			// What participants have and owe is what the issuing account gave.
			if sum := s.balance("settle-a") + s.balance("settle-b") + s.balance("issuing") + s.balance(obligationAccount("a", "PKR")) + s.balance(obligationAccount("b", "PKR")) +
				s.balance(positionAccount("a", "PKR")) + s.balance(positionAccount("b", "PKR")); sum != 0 {
				rt.Fatalf("the rail's book adds up to %d", sum)
			}
			s.proven()
		})
	})
}

// lint asks xmllint about a message, with ISO's schema.
func lint(t testing.TB, name string, doc []byte) {
	t.Helper()
	base := os.Getenv("SARAI_TEST_DATA")
	if base == "" {
		return
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		return
	}
	file := filepath.Join(t.TempDir(), "message.xml")
	must(t, os.WriteFile(file, doc, 0o600))
	if out, err := exec.Command("xmllint", "--noout", "--schema", filepath.Join(base, "iso20022", name+".xsd"), file).CombinedOutput(); err != nil { //nolint:gosec // of the test's own files
		t.Fatalf("%s\n%s\n%s", name, out, doc)
	}
	if _, err := iso20022.Parse(doc); err != nil {
		t.Fatal(err)
	}
}

// TestAReportIsAskedForOverTheRail: camt.060 is answered by camt.052 page by page,
// and by camt.053 once the day is over.
func TestAReportIsAskedForOverTheRail(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s := newSettler(t, url)
		s.jobs()
		s.pay("ayesha", "bakery", 10_00)
		rail := &Rail{room: s.Room}
		who := &peer{Participant: Participant{ID: "a", BIC: "BNKAPKKA"}}
		ask := func(message, page string, day country.Date) (iso20022.Message, error) {
			d := &camt060.Document{}
			d.AcctRptgReq.GrpHdr.MsgId, d.AcctRptgReq.GrpHdr.CreDtTm = "ask-1", wire.DateTime(noon)
			q := camt060.ReportingRequest5{ReqdMsgNmId: message, RptgPrd: &camt060.ReportingPeriod2{Tp: camt060.QueryType3CodeALLL}}
			q.RptgPrd.FrToDt.FrDt = xsd.Date(day.String())
			q.RptgSeq = &camt060.SequenceRange1Choice{EQSeq: []string{page}}
			q.AcctOwnr.Agt = agent("BNKAPKKA")
			d.AcctRptgReq.RptgReq = []camt060.ReportingRequest5{q}
			must(t, d.Validate())
			return rail.account(ctx, who, d)
		}
		today := country.DateOf(noon, karachi)
		m, err := ask(camt052.ID, "1", today)
		must(t, err)
		doc, err := m.Marshal()
		must(t, err)
		lint(t, camt052.ID, doc)
		if r := m.(*camt052.Document).BkToCstmrAcctRpt.Rpt[0]; len(r.Ntry) != 2 || r.Bal[1].Amt.Value != "90.00" || r.Ntry[1].NtryDtls[0].TxDtls[0].RltdAgts.CdtrAgt.FinInstnId.BICFI != "BNKBPKKA" {
			t.Fatalf("%s", doc)
		}
		var reason *wire.Reason
		if _, err = ask(camt053.ID, "1", today); !errors.As(err, &reason) || reason.Code != "NOTREADY" {
			t.Fatal(err)
		}
		if _, err = ask(camt052.ID, "2", today); !errors.As(err, &reason) || reason.Code != wire.CodeSchema {
			t.Fatal(err)
		}
		if _, err = ask("camt.086.001.01", "1", today); !errors.As(err, &reason) || reason.Code != wire.CodeUnknown {
			t.Fatal(err)
		}
		s.now.Advance(24 * time.Hour)
		m, err = ask(camt053.ID, "1", today)
		must(t, err)
		if b := m.(*camt053.Document).BkToCstmrStmt.Stmt[0].Bal; b[0].Amt.Value != "0.00" || b[1].Amt.Value != "90.00" {
			t.Fatalf("%+v", b)
		}
	})
}

// TestANotificationIsAboutOnesOwnPayments: camt.054 names what the participant sent
// or received and nothing else.
func TestANotificationIsAboutOnesOwnPayments(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s := newSettler(t, url)
		s.jobs()
		uetr, within := "0d6c3b7e-1f0a-4c6e-9a55-3a2a3c1d2e4f", id.New()
		for name, to := range map[string]string{uetr: "bakery", within: "asif"} {
			s.do(ledger.Step{Kind: ledger.Reserve, Transfer: name, Party: "t", Key: name, Debit: "ayesha", Credit: to, Amount: 3_21, Expires: noon.Add(time.Minute)}, ledger.Step{Kind: ledger.Commit, Transfer: name})
		}
		for _, bank := range []string{"a", "b"} {
			d, err := s.Camt054(ctx, bank, []string{uetr, within, "nothing"})
			must(t, err)
			doc, err := d.Marshal()
			must(t, err)
			lint(t, d.ID(), doc)
			n := d.BkToCstmrDbtCdtNtfctn.Ntfctn[0].Ntry
			if side := map[string]string{"a": "DBIT", "b": "CRDT"}[bank]; len(n) != 1 || string(n[0].CdtDbtInd) != side || n[0].NtryDtls[0].TxDtls[0].Refs.UETR != uetr || n[0].Amt.Value != "3.21" {
				t.Fatalf("%s", doc)
			}
		}
		if _, err := s.Camt054(ctx, "c", []string{uetr}); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	})
}

// TestTheNextCut: times of day, rising, over free days and in the country's zone.
func TestTheNextCut(t *testing.T) {
	calendar := &country.Calendar{Zone: karachi, Week: country.Week{Mon: []country.Hours{{To: time.Hour}}, Sat: []country.Hours{{To: time.Hour}}}}
	s := Scheme{Model: ModelGross, Days: "all", Cuts: []string{"11:00", "23:30"}}
	for _, c := range []struct{ days, at, want string }{
		{"all", "2026-11-21T10:59:59+05:00", "2026-11-21T11:00:00+05:00"},
		{"all", "2026-11-21T11:00:00+05:00", "2026-11-21T23:30:00+05:00"},
		{"all", "2026-11-21T18:40:00Z", "2026-11-22T11:00:00+05:00"},
		{"working", "2026-11-21T23:30:00+05:00", "2026-11-23T11:00:00+05:00"},
	} {
		s.Days = c.days
		at, _ := time.Parse(time.RFC3339, c.at)
		if got := s.next(at, calendar).In(karachi).Format(time.RFC3339); got != c.want {
			t.Errorf("after %s on %s days: %s, want %s", c.at, c.days, got, c.want)
		}
	}
	if s.Cuts = nil; !s.next(noon, calendar).IsZero() {
		t.Error("no times, and yet a cut")
	}
	for _, bad := range []Scheme{{Model: "both", Days: "all"}, {Model: ModelNet, Days: "some"}, {Model: ModelNet, Days: "all", Cuts: []string{"24:30"}}, {Model: ModelNet, Days: "all", Alerts: []int64{101}}} {
		if bad.check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestAlertsRiseAndEnd: above a threshold an alert stands, once, and ends well
// below it.
func TestAlertsRiseAndEnd(t *testing.T) {
	booked.EachURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s := newSettler(t, url)
		s.jobs()
		s.model(ModelGross)
		alerts := func() (n int64) {
			t.Helper()
			must(t, s.sequencer.Settle(ctx, "PKR"))
			must(t, s.WatchLiquidity(ctx))
			must(t, s.WatchLiquidity(ctx))
			_, l, err := s.liquidityOf(ctx, "a")
			must(t, err)
			return l.Alert
		}
		s.pay("ayesha", "bakery", 69_00)
		if got := alerts(); got != 0 {
			t.Fatal(got)
		}
		s.pay("ayesha", "bakery", 1_00) // 70 of 100
		if got := alerts(); got != 70 {
			t.Fatal(got)
		}
		s.pay("asif", "bakery", 25_00)
		if got := alerts(); got != 90 {
			t.Fatal(got)
		}
		s.pay("bakery", "asif", 7_00) // 88: not yet well below 90
		if got := alerts(); got != 90 {
			t.Fatal(got)
		}
		s.pay("bakery", "asif", 60_00)
		if got := alerts(); got != 0 {
			t.Fatal(got)
		}
		var n int64
		must(t, s.db.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow("select count(*) from payments_alert").Scan(&n)
		}))
		if n != 0 {
			t.Fatal(n, "alerts are left")
		}
	})
}
