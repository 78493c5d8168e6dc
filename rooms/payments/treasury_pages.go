package payments

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

const (
	treasuryHref  = "/pay/treasury"
	treasuryPower = "payments.treasury"
)

type treasuryView struct {
	Treasury
	Offices  map[string]country.Text
	Programs map[string]country.Text
}

type treasuryAccountView struct {
	TreasuryAccount
	Bank   string
	Office country.Text
	Lines  []movement
	Older  string
	Month  string // of today: "2026-11"
	Before string // the month before
}

func treasuryAccountHref(id string) string { return treasuryHref + "/account/" + id }

func (r *Room) treasuryPages(s *web.Site) {
	s.Menu(web.Entry{Title: "payments.menu.treasury", Hint: "payments.menu.treasury.hint", Href: treasuryHref, Group: "official", Order: 49,
		For: func(p gate.Principal) bool { return p.Has(treasuryPower) }})
	page := func(path string, do func(*web.Ctx, gate.Permit[gate.House]) error) {
		web.Handle(s, web.Route[gate.House]{Pattern: "GET " + treasuryHref + path, Action: "payments.treasury.read", Do: do})
	}
	page("", r.showTreasury)
	page("/summary.csv", r.sendTreasury)
	page("/account/{id}", r.showTreasuryAccount)
	page("/account/{id}/statement.csv", r.sendTreasuryStatement)
	page("/payment/{id}/receipt", r.sendTreasuryReceipt)
	// Not the many events of a file's progress: all sums are read anew each time.
	s.Topic(web.Topic{Name: "treasury", Action: "payments.treasury.read", Types: []string{FeePaid, ReturnMade, BulkUploadedEvent, BulkValidatedEvent, BulkCheckedEvent, BulkReleasedEvent, BulkFinishedEvent, BulkRejectedEvent, BulkCancelledEvent},
		Render: func(ctx context.Context, _ string, _ []store.Event) ([]templ.Component, error) {
			v, err := r.treasuryView(ctx)
			return []templ.Component{treasuryLive(v)}, err
		}})
}

func (r *Room) treasuryView(ctx context.Context) (v treasuryView, err error) {
	v.Treasury, err = r.Treasury(ctx)
	v.Offices, v.Programs = map[string]country.Text{}, map[string]country.Text{}
	for _, a := range v.Accounts {
		v.Offices[a.Office] = r.officeName(a.Office)
	}
	for _, p := range r.pack.Programs {
		v.Programs[p.ID] = p.Name
	}
	return v, err
}

func (r *Room) showTreasury(c *web.Ctx, _ gate.Permit[gate.House]) error {
	v, err := r.treasuryView(c.Context())
	if err != nil {
		return err
	}
	return c.Render(web.Page{Title: c.T("payments.treasury.title"), Wide: true, Trail: []web.Crumb{}, Live: "treasury"}, treasuryBody(v))
}

func (r *Room) showTreasuryAccount(c *web.Ctx, _ gate.Permit[gate.House]) error {
	v := treasuryAccountView{}
	err := r.db.View(c.Context(), func(tx *store.Tx) error {
		a, err := r.treasuryAccount(tx, c.Path("id"))
		if err != nil {
			return err
		}
		v.TreasuryAccount = TreasuryAccount{Account: a, Office: r.officeOf(a.Holder)}
		if v.Flows, v.Moved, err = r.flowsOf(tx, a.ID, tx.Now()); err != nil {
			return err
		}
		month := r.monthOf(tx.Now())
		v.Month, v.Before = month.Format("2006-01"), month.AddDate(0, -1, 0).Format("2006-01")
		v.Lines, err = bothSides(tx, a.ID, beforeOf(c), treasuryLines+1)
		return err
	})
	if err != nil {
		return err
	}
	v.Bank, v.Office = r.bankName(c.Context(), v.Account), r.officeName(v.TreasuryAccount.Office)
	for _, f := range r.pack.FeeAccounts {
		if feesAccount(f.ID, v.Currency) == v.ID {
			v.Head = f.Head
		}
	}
	if len(v.Lines) > treasuryLines {
		v.Lines = v.Lines[:treasuryLines]
		v.Older = fmt.Sprintf("%s?before=%d", treasuryAccountHref(v.ID), v.Lines[treasuryLines-1].Seq)
	}
	return c.Render(web.Page{Title: v.Name(web.Lang(c.Context()).Code), Wide: true, Back: treasuryHref}, treasuryAccountBody(v))
}

// sendTreasury writes what moved, a line for each account, side and cause.
func (r *Room) sendTreasury(c *web.Ctx, _ gate.Permit[gate.House]) error {
	t, err := r.Treasury(c.Context())
	if err != nil {
		return err
	}
	attachment(c.W, "text/csv; charset=utf-8", "treasury-"+t.At.In(r.pack.Zone).Format(time.DateOnly)+".csv")
	out := csv.NewWriter(c.W)
	_ = out.Write([]string{"account", "iban", "office", "side", "cause", "what", "today_count", "today", "month_count", "month", "balance", "held"})
	for _, a := range t.Accounts {
		_ = out.Write([]string{noFormula(a.NameEn), a.IBAN, a.Office, "balance", "", "", "", "", "", "", r.signedPlain(a.Balance), r.plain(a.Held)})
		for _, f := range a.Flows {
			_ = out.Write([]string{noFormula(a.NameEn), a.IBAN, a.Office, f.Side, f.Cause, noFormula(web.Said(c.Context(), f.What)),
				strconv.FormatInt(f.Today.Count, 10), r.plain(f.Today.Total), strconv.FormatInt(f.Month.Count, 10), r.plain(f.Month.Total), "", ""})
		}
	}
	out.Flush()
	return out.Error()
}

// sendTreasuryStatement writes the movements of an account in a month while they are
// read.
func (r *Room) sendTreasuryStatement(c *web.Ctx, _ gate.Permit[gate.House]) error {
	from, to, err := r.parseMonth(c.Query("month"), r.clock.Now())
	if err != nil {
		return err
	}
	var a *Account
	var next, last int64
	err = r.db.View(c.Context(), func(tx *store.Tx) (err error) {
		if a, err = r.treasuryAccount(tx, c.Path("id")); err != nil {
			return err
		}
		if last, err = lastIndexed(tx, a.Currency); err == nil {
			next, err = rowsFrom(tx, a.Currency, from)
		}
		return err
	})
	if err != nil {
		return err
	}
	attachment(c.W, "text/csv; charset=utf-8", "statement-"+a.Tail()+"-"+from.Format("2006-01")+".csv")
	out := csv.NewWriter(c.W)
	_ = out.Write([]string{"row", "at", "side", "amount", "cause", "purpose", "reference", "file", "fee"})
	for _, side := range []string{FlowIn, FlowOut} {
		for at := next; ; {
			var list []movement
			err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
				list, err = movements(tx, a.ID, side, at, last, false, treasuryRead)
				return err
			})
			if err != nil {
				return err // the head is out: the file ends early
			}
			for _, m := range list {
				if m.At.Before(from) || !m.At.Before(to) {
					continue
				}
				_ = out.Write([]string{strconv.FormatInt(m.Seq, 10), m.At.UTC().Format(time.RFC3339Nano), m.Side, r.plain(m.Amount), m.Cause, noFormula(web.Said(c.Context(), m.shown())), m.Reference, m.file(), m.Fee})
			}
			if len(list) < treasuryRead {
				break
			}
			at = list[len(list)-1].Seq + 1
		}
	}
	out.Flush()
	return out.Error()
}

// sendTreasuryReceipt sends the receipt of what the government paid. One of what it
// received names the payer's account, which is the payer's to show.
func (r *Room) sendTreasuryReceipt(c *web.Ctx, _ gate.Permit[gate.House]) error {
	t, err := r.transfer(c.Context(), c.Path("id"))
	if err != nil {
		return err
	}
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		_, err := r.treasuryAccount(tx, t.Debit)
		return err
	})
	if err != nil || t.Phase != ledger.Committed {
		return fault.New(fault.NotFound, "payments.receipt.none")
	}
	proof, err := r.Receipt(c.Context(), t)
	if err != nil {
		return err
	}
	return c.File("payment-"+t.Reference+".tlog-proof", "text/plain; charset=utf-8", proof, false)
}

// shown is the purpose, where it is a service's or a programme's: what people wrote
// beside a payment is for the two parties.
func (m movement) shown() string {
	if m.Cause == CauseFee || m.Cause == CauseSupport {
		return m.Purpose
	}
	return ""
}

// file is the number of the file whose line it paid, or "".
func (m movement) file() string {
	if no := bulkOfTransfer(m.Transfer); no > 0 && m.Side == FlowOut {
		return strconv.FormatInt(no, 10)
	}
	return ""
}

func treasuryCounters(ctx context.Context, v treasuryView) []templ.Component {
	in, _ := v.Sum(FlowIn)
	out, _ := v.Sum(FlowOut)
	return []templ.Component{
		web.Counter{ID: "treasury-money", Label: web.T(ctx, "payments.treasury.money"), Value: web.Money(ctx, v.Money(), v.Currency)},
		web.Counter{ID: "treasury-in", Label: web.T(ctx, "payments.treasury.in.today"), Value: web.Money(ctx, in.Total, v.Currency), Hint: web.N(ctx, "payments.treasury.payments", in.Count)},
		web.Counter{ID: "treasury-out", Label: web.T(ctx, "payments.treasury.out.today"), Value: web.Money(ctx, out.Total, v.Currency), Hint: web.N(ctx, "payments.treasury.payments", out.Count)},
		web.Counter{ID: "treasury-wanted", Label: web.T(ctx, "payments.treasury.wanted"), Value: web.Money(ctx, v.Wanted(), v.Currency), Hint: web.N(ctx, "payments.treasury.files", int64(len(v.Waiting)))},
	}
}

func treasuryAccountRows(ctx context.Context, v treasuryView) (rows []web.Row) {
	for _, a := range v.Accounts {
		in, inMonth := a.sum(FlowIn)
		out, outMonth := a.sum(FlowOut)
		rows = append(rows, web.Row{Status: agreement(a.Agrees()), Cells: []templ.Component{treasuryName(a, v.Offices[a.Office]), money(a.Balance, v.Currency), todayAndMonth(in, inMonth, v.Currency), todayAndMonth(out, outMonth, v.Currency), agreeTag(ctx, a.Agrees())}})
	}
	return rows
}

func agreement(agrees bool) string {
	if agrees {
		return ""
	}
	return "bad"
}

func agreeTag(ctx context.Context, agrees bool) web.Tag {
	if agrees {
		return web.Tag{Status: "good", Text: web.T(ctx, "payments.treasury.agrees")}
	}
	return web.Tag{Status: "bad", Text: web.T(ctx, "payments.treasury.differs")}
}

func flowRows(ctx context.Context, v treasuryView, side string) (rows []web.Row) {
	for _, a := range v.Accounts {
		for _, f := range a.Flows {
			if f.Side == side {
				rows = append(rows, web.Row{Cells: []templ.Component{web.Text(flowText(ctx, f.Cause, f.What)), treasuryName(a, v.Offices[a.Office]), treasurySum(f.Today, v.Currency), treasurySum(f.Month, v.Currency)}})
			}
		}
	}
	return rows
}

// flowText says what money moved for: "Fee: Domicile certificate", "Quarterly cash
// support · November 2026".
func flowText(ctx context.Context, cause, what string) string {
	kind := web.T(ctx, "payments.treasury.cause."+cause)
	switch i := strings.LastIndex(what, " · "); {
	case what == "":
		return kind
	case cause == CauseSupport && i > 0:
		return web.Said(ctx, what[:i]) + " · " + bulkPeriodText(ctx, what[i+len(" · "):])
	}
	return kind + ": " + web.Said(ctx, what)
}

// waitingRows are the files with what is left for each: those before it in the list
// are paid out of the same money.
func waitingRows(ctx context.Context, v treasuryView) (rows []web.Row) {
	left := map[string]int64{}
	for _, a := range v.Accounts {
		left[a.ID] = a.free()
	}
	for _, b := range v.Waiting {
		left[b.Account] -= b.wanted()
		row := web.Row{Cells: []templ.Component{bulkFileCell(b), web.Text(web.Of(ctx, v.Programs[b.Program]) + " · " + bulkPeriodText(ctx, b.Period)), bulkTag(ctx, b), web.Text(web.Number(b.Lines)), money(b.wanted(), b.Currency), money(v.Free(b.Account), b.Currency), money(left[b.Account], b.Currency)}}
		if left[b.Account] < 0 {
			row.Status = "bad"
		}
		rows = append(rows, row)
	}
	return rows
}

func restReasonRows(ctx context.Context, v treasuryView) (rows []web.Row) {
	for _, b := range v.Rests {
		for _, x := range b.Reasons {
			rows = append(rows, web.Row{Cells: []templ.Component{web.A(b.href(), web.T(ctx, "payments.bulk.no", "no", strconv.FormatInt(b.No, 10))), web.Text(web.Of(ctx, v.Programs[b.Program]) + " · " + bulkPeriodText(ctx, b.Period)),
				web.Text(why(ctx, x.Reason)), web.Code(x.Reason), web.Text(web.Number(x.Lines)), money(x.Total, b.Currency)}})
		}
	}
	return rows
}

func feeCheckRows(ctx context.Context, v treasuryView) (rows []web.Row) {
	for _, a := range v.Accounts {
		if a.Kind != KindGovernment {
			continue
		}
		_, arrived := a.sum(FlowIn, CauseFee)
		rows = append(rows, web.Row{Status: agreement(a.FeesAgree()), Cells: []templ.Component{treasuryName(a, v.Offices[a.Office]), treasurySum(a.Fees, v.Currency), treasurySum(arrived, v.Currency), money(arrived.Total-a.Fees.Total, v.Currency), agreeTag(ctx, a.FeesAgree())}})
	}
	return rows
}

func treasuryLineRows(ctx context.Context, v treasuryAccountView) (rows []web.Row) {
	for _, m := range v.Lines {
		amount := m.Amount
		if m.Side == FlowOut {
			amount = -amount
		}
		reference := m.Reference
		if m.Cause == CauseSupport {
			reference = "–" // a long number, which the receipt has
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(m.At), web.Text(flowText(ctx, m.Cause, m.shown())), web.Code(reference), treasuryEvidence(m), money(amount, v.Currency)}})
	}
	return rows
}

func treasuryAbout(ctx context.Context, v treasuryAccountView) []web.Answer {
	in, inMonth := v.sum(FlowIn)
	out, outMonth := v.sum(FlowOut)
	balance := func(n int64) templ.Component { return money(n, v.Currency) }
	rows := []web.Answer{{Label: web.T(ctx, "payments.treasury.balance"), Body: balance(v.Balance)}}
	if v.Held > 0 {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.operate.held"), Body: balance(v.Held)})
	}
	rows = append(rows,
		web.Answer{Label: web.T(ctx, "payments.treasury.opening.today"), Body: balance(v.Balance - in.Total + out.Total)},
		web.Answer{Label: web.T(ctx, "payments.treasury.opening.month"), Body: balance(v.Balance - inMonth.Total + outMonth.Total)},
		web.Answer{Label: web.T(ctx, "payments.treasury.office"), Value: web.Of(ctx, v.Office)},
		web.Answer{Label: web.T(ctx, "payments.treasury.bank"), Value: v.Bank},
		web.Answer{Label: "IBAN", Value: ibanText(v.IBAN), Code: true})
	if v.Head != "" {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.treasury.head"), Value: v.Head, Code: true})
	}
	return append(rows, web.Answer{Label: web.T(ctx, "payments.treasury.check"), Body: agreeTag(ctx, v.Agrees())})
}
