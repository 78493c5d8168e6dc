package house

import (
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/wallet"
)

// phoneView is a credential as the demonstration's telephone shows it.
type phoneView struct {
	Title, Issuer string
	Claims        []web.Answer
	Until         time.Time
	Raw           string
}

// phone plays the part of the wallet on a citizen's telephone: it follows an
// offer of this house over HTTP, as any wallet would, proves what it got, shows
// it and forgets it.
func (h *House) phone(c *web.Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	link := f.Text("link", web.Required("demo.phone.missing"), web.Longest(2000))
	if err := f.Err(); err != nil {
		return err
	}
	// Only offers of this very house: the telephone is no way to make the
	// server fetch from elsewhere.
	offer, address, err := oid4vci.ParseLink(link)
	if err != nil || offer != nil || !strings.HasPrefix(address, h.base+"/credentials/") {
		return fault.New(fault.Invalid, "demo.phone.elsewhere").Because(err)
	}
	holder := wallet.Wallet{Client: &http.Client{Timeout: 10 * time.Second}}
	got, err := holder.Collect(c.Context(), link, "", 1)
	if err != nil {
		return fault.New(fault.Conflict, "demo.phone.refused").Because(err)
	}
	if err := holder.Verify(c.Context(), &got[0]); err != nil {
		return fault.New(fault.Conflict, "demo.phone.refused").Because(err)
	}
	lang, card := c.Lang.Code, got[0]
	v := phoneView{Title: card.Title(lang), Issuer: card.Verified.Issuer, Until: card.Verified.Expires, Raw: card.Raw}
	for _, line := range card.Lines(lang) {
		v.Claims = append(v.Claims, phoneLine(c, line))
	}
	return c.Render(web.Page{Title: c.T("demo.phone.title"), Back: "/credentials"}, phonePage(v))
}

// phoneLine shows a claim as a telephone does: pictures as pictures, days as
// days.
func phoneLine(c *web.Ctx, l wallet.Line) web.Answer {
	row := web.Answer{Label: l.Label, Value: l.Text(c.Lang.Code)}
	if yes, ok := l.Value.(bool); ok {
		row.Value = c.T("demo.phone.no")
		if yes {
			row.Value = c.T("demo.phone.yes")
		}
		return row
	}
	if strings.HasPrefix(row.Value, "data:image/jpeg;base64,") {
		row.Body = phonePicture(row.Value, l.Label)
		return row
	}
	if day, err := time.Parse(time.DateOnly, row.Value); err == nil {
		row.Value = web.Date(c.Context(), day)
	}
	row.Code = row.Value != "" && strings.Trim(row.Value, "0123456789") == ""
	return row
}
