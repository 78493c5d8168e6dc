package payments

import (
	"context"

	"github.com/a-h/templ"

	"sarai/courtyard/country"
	"sarai/courtyard/web"
)

// tailText is the end of an account's number, which reads from left to right in
// every language.
func tailText(a *Account) string { return "\u2066…" + a.Tail() + "\u2069" }

func ibanText(iban string) string { return country.IBAN(iban).String() }

func otherAccounts(ctx context.Context, v walletView) (cards []web.Card) {
	lang := web.Lang(ctx).Code
	for _, a := range v.Accounts {
		if v.Current != nil && a.ID == v.Current.ID {
			continue
		}
		title := v.bank(a, lang)
		if a.Kind != KindPerson {
			title = a.Name(lang)
		}
		cards = append(cards, web.Card{Title: title, Hint: web.Money(ctx, a.free(), a.Currency) + " · " + tailText(a), Href: "/wallet/account/" + a.ID})
	}
	return cards
}

func historyRows(ctx context.Context, v walletView) (rows []web.Row) {
	for _, l := range v.Lines {
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(l.At), lineWhat(l, v.Current.Currency), web.Amount{Minor: l.Amount, Currency: v.Current.Currency}}})
	}
	return rows
}

func participantOptions(ctx context.Context, all []Participant) (options []web.Option) {
	for _, p := range all {
		if !p.Suspended {
			options = append(options, web.Option{Value: p.ID, Label: p.Name(web.Lang(ctx).Code), Hint: web.T(ctx, "payments.participant."+p.Kind)})
		}
	}
	return options
}

func accountOptions(ctx context.Context, v walletView) (options []web.Option) {
	lang := web.Lang(ctx).Code
	for _, a := range v.Accounts {
		name := v.bank(a, lang)
		if a.Kind != KindPerson {
			name = a.Name(lang) + " · " + name
		}
		options = append(options, web.Option{Value: a.ID, Label: name + " " + tailText(a), Hint: web.T(ctx, "payments.pay.available", "amount", web.Money(ctx, a.free(), a.Currency))})
	}
	return options
}

func confirmRows(ctx context.Context, o *Order, bank string) []web.Answer {
	rows := []web.Answer{{Label: web.T(ctx, "payments.pay.bank"), Value: bank}}
	if o.unconfirmed() {
		rows = []web.Answer{{Label: web.T(ctx, "payments.pay.account"), Value: ibanText(o.IBAN), Code: true}}
	}
	if o.Purpose != "" {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.for"), Value: web.Said(ctx, o.Purpose)})
	}
	return append(rows, web.Answer{Label: web.T(ctx, "payments.pay.from-account"), Value: "…" + o.Payer.Tail(), Code: true,
		Note: web.T(ctx, "payments.pay.available", "amount", web.Money(ctx, o.Payer.free(), o.Currency))})
}

// unconfirmed says that nobody has told whose account is paid: only its participant is
// known.
func (o *Order) unconfirmed() bool { return o.payee().Kind == KindParticipant }

// where is the payee's bank, or the account number when only the bank is known.
func (o *Order) where(bank string) string {
	if o.unconfirmed() {
		return ibanText(o.IBAN)
	}
	return bank
}

// short is how much the payer's account lacks.
func (o *Order) short() int64 { return max(0, o.Amount-o.Payer.free()) }

func confirmButton(ctx context.Context, o *Order) string {
	if o.Amount == 0 {
		return web.T(ctx, "payments.confirm.pay")
	}
	return web.T(ctx, "payments.confirm.pay-amount", "amount", web.Money(ctx, o.Amount, o.Currency))
}

func paymentRows(ctx context.Context, v paymentView) []web.Answer {
	lang := web.Lang(ctx).Code
	rows := []web.Answer{{Label: web.T(ctx, "payments.pay.amount"), Body: web.Amount{Minor: v.Amount, Currency: v.Currency}}}
	if v.Payer != nil && v.Incoming {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.payer"), Value: v.Payer.Name(lang)})
	}
	switch {
	case v.Payee == nil:
	case v.Incoming:
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.payment.into"), Value: "…" + v.Payee.Tail(), Code: true, Note: v.PayeeBank})
	default:
		row := web.Answer{Label: web.T(ctx, "payments.pay.payee"), Value: v.payee().Payee(lang), Note: v.PayeeBank}
		if to := v.Outside; to != nil && to.Kind == KindParticipant {
			row.Note = ibanText(to.IBAN)
		}
		rows = append(rows, row)
	}
	if v.Purpose != "" && (v.Payer == nil || v.Payer.Kind != KindAgent) {
		rows = append(rows, web.Answer{Label: web.T(ctx, "payments.pay.for"), Value: web.Said(ctx, v.Purpose)})
	}
	return append(rows, web.Answer{Label: web.T(ctx, "payments.pay.reference"), Value: v.Reference, Code: true})
}

// feeNext is where a payer goes on: back to where they came from, else to
// their applications.
func feeNext(v feeView) string {
	if v.Back != "" {
		return v.Back
	}
	return v.next()
}

func saleRows(ctx context.Context, v tillView) (rows []web.Row) {
	for _, f := range v.Sales {
		tag := web.Tag{Status: "wait", Text: web.T(ctx, "payments.till.waiting")}
		switch {
		case f.Phase == feePaid:
			tag = web.Tag{Status: "good", Text: web.T(ctx, "payments.till.paid")}
		case !v.Now.Before(f.Expires):
			tag = web.Tag{Status: "plain", Text: web.T(ctx, "payments.till.over")}
		}
		rows = append(rows, web.Row{Cells: []templ.Component{web.When(f.Asked), web.A("/till/"+f.Account+"/"+f.ID, f.Reference), tag, web.Amount{Minor: f.Amount, Currency: f.Currency}}})
	}
	return rows
}

func checkRows(ctx context.Context, v operateView) (rows []web.Row) {
	line := func(name string, broke int64, args ...string) {
		tag := web.Tag{Status: "good", Text: web.T(ctx, "payments.operate.holds")}
		if broke != 0 {
			tag = web.Tag{Status: "bad", Text: web.N(ctx, "payments.operate.broken", broke)}
		}
		rows = append(rows, web.Row{Status: tag.Status, Cells: []templ.Component{web.Text(web.T(ctx, "payments.check."+name, args...)), tag}})
	}
	for _, c := range v.Checks {
		line(c.Name, c.Broke)
	}
	broke := int64(0)
	if v.Chain != nil {
		broke = 1
	}
	line("chain", broke, "rows", web.Number(v.Rows))
	return rows
}

func positionRows(ctx context.Context, v operateView) (rows []web.Row) {
	for _, p := range v.Positions {
		tag := standingTag(ctx, p.Participant)
		money := func(n int64) templ.Component { return web.Amount{Minor: n, Currency: v.Currency} }
		count := func(n int64) templ.Component { return web.Text(web.Number(n)) }
		rows = append(rows, web.Row{Cells: []templ.Component{participantName(p.Participant), tag, money(p.Balance), money(-p.Floor), money(p.Balance - p.Opening), money(p.Held), count(p.Sent), count(p.Received), count(p.Customers)}})
	}
	return rows
}
