package payments

import (
	"context"
	"math"
	"strings"

	"github.com/a-h/templ"

	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// recallPage is what the operator sees of recalls.
type recallPage struct {
	List     []*Recall
	Names    map[string]Participant
	Currency string
}

// recallsShown is how many the page has, the newest.
const recallsShown = 100

func (r *Room) recallPages(s *web.Site) {
	web.Handle(s, web.Route[gate.House]{Pattern: "GET /pay/operate/recalls", Action: "payments.recall.watch", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
		v := recallPage{Names: map[string]Participant{}, Currency: r.pack.Currency.Code}
		err := r.db.View(c.Context(), func(tx *store.Tx) (err error) {
			if v.List, err = recalls(tx, "", math.MaxInt64, "", recallsShown); err != nil {
				return err
			}
			all, err := participants(tx)
			for _, p := range all {
				v.Names[p.ID] = p
			}
			return err
		})
		if err != nil {
			return err
		}
		return c.Render(web.Page{Title: c.T("payments.recall.title"), Back: "/pay/operate", Wide: true}, recallBody(v))
	}})
}

func recallRows(ctx context.Context, v recallPage) (rows []web.Row) {
	lang := web.Lang(ctx).Code
	for _, c := range v.List {
		status := map[string]string{RecallOpen: "wait", RecallAccepted: "wait", RecallReturned: "good", RecallRefused: "plain", RecallOver: "bad"}[c.State]
		from, to := v.Names[c.Party], v.Names[c.Keeper]
		due := web.Text("–") // there is nothing to wait for any more
		if c.State == RecallOpen || c.State == RecallAccepted {
			due = web.When(c.Due)
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(c.Asked), web.Text(from.Name(lang)), web.Text(to.Name(lang)), recallReason(c), web.Amount{Minor: c.Amount, Currency: v.Currency},
			web.Tag{Status: status, Text: web.T(ctx, "payments.recall.state."+c.State)}, due}})
	}
	return rows
}

// recallReasons and recallAnswers are the codes that the page has words for; others
// stand there as they came.
var (
	recallReasons = map[string]bool{"DUPL": true, "FRAD": true, "CUST": true, "AM09": true, "TECH": true}
	recallAnswers = map[string]bool{"CUST": true, "LEGL": true, "AM04": true, "AC04": true, "NOAS": true, "ARDT": true}
)

// recallWord says a code in words; "" when there are none.
func recallWord(ctx context.Context, kind, code string, known map[string]bool) string {
	if !known[code] {
		return ""
	}
	return web.T(ctx, "payments.recall."+kind+"."+strings.ToLower(code))
}
