package payments

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// statementAPI registers the downloads: the operator's of everybody, a
// participant's of its own account.
func (r *Room) statementAPI(c *courtyard.Courtyard) {
	seat := func(q *http.Request) (Seat, error) { return Seat{Participant: q.PathValue("participant")}, nil }
	web.Handle(c.Site, web.Route[gate.House]{Pattern: "GET /pay/operate/settlement/statement/{participant}/{file}", Action: "payments.settlement.read", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		return r.sendStatement(c)
	}})
	web.Handle(c.Site, web.Route[Seat]{Pattern: "GET /api/payments/participants/{participant}/statements/{file}", Action: "payments.settlement.own", Load: seat, Protocol: true,
		Principal: func(q *http.Request) (gate.Principal, error) { return c.API.Authenticator(q) },
		Do:        func(c *web.Ctx, _ gate.Permit[Seat]) error { return r.sendStatement(c) }})
}

// statementAsk reads what is asked for: ?window=7 or ?day=2026-11-21.
func statementAsk(c *web.Ctx) (ask StatementAsk, err error) {
	ask.Participant = c.Path("participant")
	if day := c.Query("day"); day != "" {
		d, err := country.ParseDate(day)
		if err != nil {
			return ask, fault.New(fault.Invalid, "payments.statement.ask").Because(err)
		}
		ask.Day = &d
		return ask, nil
	}
	if ask.Window, err = strconv.ParseInt(c.Query("window"), 10, 64); err != nil || ask.Window < 1 {
		return ask, fault.New(fault.Invalid, "payments.statement.ask")
	}
	return ask, nil
}

// errShown says that the page that was asked for has been found.
var errShown = errors.New("payments: the page was found")

// sendStatement sends a statement: camt.053.xml or camt.052.xml is one page (page=1
// when nothing is said; the answer's Link leads to the next), camt.053.zip all
// pages, statement.csv all entries. ZIP and CSV are written while the ledger is
// read.
func (r *Room) sendStatement(c *web.Ctx) error {
	ask, err := statementAsk(c)
	if err != nil {
		return err
	}
	switch c.Path("file") {
	case "camt.053.xml", "camt.052.xml":
		return r.sendPage(c, ask)
	case "camt.053.zip":
		return r.sendZIP(c, ask)
	case "statement.csv":
		return r.sendCSV(c, ask)
	}
	return fault.New(fault.NotFound, "payments.statement.ask")
}

func (r *Room) xml(message string, p StatementPage) ([]byte, error) {
	if message == "camt.052.xml" {
		d, err := r.Camt052(p)
		if err != nil {
			return nil, err
		}
		return d.Marshal()
	}
	d, err := r.Camt053(p)
	if err != nil {
		return nil, err
	}
	return d.Marshal()
}

func (r *Room) sendPage(c *web.Ctx, ask StatementAsk) error {
	want := 1
	if n, err := strconv.Atoi(c.Query("page")); err == nil && n > 0 {
		want = n
	}
	var page StatementPage
	err := r.Statement(c.Context(), ask, func(p StatementPage) error {
		if p.Number != want {
			return nil
		}
		page = p
		return errShown
	})
	if err == nil {
		return fault.New(fault.NotFound, "payments.statement.page")
	}
	if !errors.Is(err, errShown) {
		return err
	}
	doc, err := r.xml(c.Path("file"), page)
	if err != nil {
		return err
	}
	if !page.Last {
		q := c.R.URL.Query()
		q.Set("page", strconv.Itoa(want+1))
		c.W.Header().Set("Link", "<"+c.R.URL.Path+"?"+q.Encode()+`>; rel="next"`)
	}
	return c.File(fmt.Sprintf("%s-%s-%d.xml", c.Path("file")[:8], ask.Participant, want), "application/xml", doc, false)
}

func attachment(w http.ResponseWriter, media, name string) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", "attachment; filename="+name)
}

func (r *Room) sendZIP(c *web.Ctx, ask StatementAsk) error {
	var out *zip.Writer
	err := r.Statement(c.Context(), ask, func(p StatementPage) error {
		doc, err := r.xml("camt.053.xml", p)
		if err != nil {
			return err
		}
		if out == nil { // the head goes out when the first page is good
			attachment(c.W, "application/zip", "camt.053-"+ask.Participant+".zip")
			out = zip.NewWriter(c.W)
		}
		f, err := out.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("camt.053-%s-%05d.xml", ask.Participant, p.Number), Method: zip.Deflate, Modified: r.clock.Now()})
		if err != nil {
			return err
		}
		_, err = f.Write(doc)
		return err
	})
	if err != nil {
		return err // a file that ends early is no ZIP: readers notice
	}
	return out.Close()
}

func (r *Room) sendCSV(c *web.Ctx, ask StatementAsk) error {
	var out *csv.Writer
	err := r.Statement(c.Context(), ask, func(p StatementPage) error {
		if out == nil {
			attachment(c.W, "text/csv; charset=utf-8", "statement-"+ask.Participant+".csv")
			out = r.beginCSV(c.W, p)
		}
		for _, e := range p.Entries {
			_ = out.Write([]string{strconv.FormatInt(e.Row, 10), e.At.UTC().Format(time.RFC3339Nano), e.Kind, r.signedPlain(e.Amount), r.signedPlain(e.Balance), e.Transfer, noFormula(e.Reference), p.Banks[e.Debtor].BIC, p.Banks[e.Creditor].BIC})
		}
		if p.Last {
			_ = out.Write([]string{"", p.To.UTC().Format(time.RFC3339Nano), "closing", "", r.signedPlain(p.Closing), "", "", "", ""})
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func (r *Room) beginCSV(w io.Writer, p StatementPage) *csv.Writer {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"row", "at", "kind", "amount", "balance", "uetr", "reference", "debtor", "creditor"})
	_ = out.Write([]string{"", p.From.UTC().Format(time.RFC3339Nano), "opening", "", r.signedPlain(p.Opening), "", "", "", ""})
	return out
}
