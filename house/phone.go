package house

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
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
	Type, Issuer string
	Claims       []web.Answer
	Until        time.Time
	Raw          string
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
	v := phoneView{Type: got[0].Configuration, Issuer: got[0].Verified.Issuer, Until: got[0].Verified.Expires, Raw: got[0].Raw}
	for name, value := range got[0].Verified.Claims {
		switch name {
		case "iss", "vct", "cnf", "status", "iat", "nbf", "exp", "vct#integrity":
			continue
		}
		text, ok := value.(string)
		if !ok {
			b, err := json.Marshal(value)
			if err != nil {
				return fmt.Errorf("show a claim: %w", err)
			}
			text = string(b)
		}
		if len(text) > 300 {
			text = text[:80] + " ..." // a photograph
		}
		v.Claims = append(v.Claims, web.Answer{Label: name, Value: text})
	}
	sort.Slice(v.Claims, func(i, j int) bool { return v.Claims[i].Label < v.Claims[j].Label })
	return c.Render(web.Page{Title: c.T("demo.phone.title"), Back: "/credentials"}, phonePage(v))
}
