package payments

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/fault"
)

// post keeps what was sent, as a telephone does.
type post struct {
	to, text string
	broken   bool
}

func (p *post) Send(_ context.Context, to, text string) error {
	if p.broken {
		return errors.New("no line")
	}
	p.to, p.text = to, text
	return nil
}

// TestACodeProvesPossession links a mobile number by a code that came to it.
func TestACodeProvesPossession(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		key := h.demo.Citizens[30].Key
		phone := &post{}
		h.room.wants.Messages = phone
		b := h.AsCitizen("s-" + key)
		begin := func() (at string) {
			h.t.Helper()
			words, raw, at := h.page(b, "/wallet/aliases/mobile", "mobile", "۰۳۹۹ ۷۶۵ ۴۳۲۱", "account", "person-"+key)
			if code(raw) != "" || !strings.Contains(words, "ending in 21") {
				h.t.Fatal("the page shows the code, or not whither it went:", words)
			}
			return at
		}
		sent := func() string { return regexp.MustCompile(`\d{6}`).FindString(phone.text) }

		at := begin()
		if phone.to != "+923997654321" || sent() == "" {
			h.t.Fatalf("sent to %s: %s", phone.to, phone.text)
		}
		wrong := fmt.Sprintf("%06d", 1)
		if sent() == wrong {
			wrong = "000002"
		}
		for left := 4; left >= 0; left-- {
			if words, _, _ := h.page(b, at, "code", wrong); !strings.Contains(words, fmt.Sprintf("Tries left: %d", left)) {
				h.t.Error("a wrong code:", words)
			}
		}
		if words, _, _ := h.page(b, at, "code", sent()); !strings.Contains(words, "has been used or its time is over") {
			h.t.Error("the right code after five wrong ones:", words)
		}
		at = begin()
		if words, _, _ := h.page(h.AsCitizen("s-ayesha"), at, "code", sent()); !strings.Contains(words, "only by the person who asked for it") {
			h.t.Error("somebody else entered the code:", words)
		}
		h.Clock.Advance(proofTime)
		if words, _, _ := h.page(b, at, "code", sent()); !strings.Contains(words, "time is over") {
			h.t.Error("a code after ten minutes:", words)
		}
		at = begin()
		if words, _, _ := h.page(b, at, "code", sent()); !strings.Contains(words, "The number leads to your account now") || !strings.Contains(words, "Mobile number ending in 21") {
			h.t.Error("the right code:", words)
		}
		if words, _, _ := h.page(b, at, "code", sent()); !strings.Contains(words, "has been used") {
			h.t.Error("a code served twice:", words)
		}
		// a telephone is not made to ring without end
		for range 3 {
			begin()
		}
		phone.text = ""
		if words, _, _ := h.page(b, "/wallet/aliases/mobile", "mobile", "0399 7654321", "account", "person-"+key); phone.text != "" || !strings.Contains(words, "Many codes were asked for") {
			h.t.Error("a seventh code was sent:", words)
		}
		h.Clock.Advance(3 * time.Hour)
		phone.broken = true
		b = h.AsCitizen("s-" + key)
		if words, _, _ := h.page(b, "/wallet/aliases/mobile", "mobile", "0399 7654321", "account", "person-"+key); !strings.Contains(words, "could not be sent") {
			h.t.Error("a message that was not sent:", words)
		}
		// without a service for messages, and no demonstration, the house says so
		h.room.wants.Messages, h.room.demo = nil, false
		words, _, _ := h.page(b, "/wallet/aliases/mobile")
		if !strings.Contains(words, "cannot be linked at the moment") || strings.Contains(words, "Send me a code") {
			h.t.Error("the page without messages:", words)
		}
		if _, err := h.room.prove(context.Background(), "s-"+key, proofLink, "0399 7654321", "person-"+key, "", func(string) string { return "" }); !fault.Is(err, fault.Unavailable) {
			h.t.Error("a code without messages:", err)
		}
		h.room.demo = true
	})
}

// TestOnesOwnNumbers links the national number, moves it between one's own
// accounts at once, and takes it out.
func TestOnesOwnNumbers(t *testing.T) {
	inHall(t, 40, func(h *hall) {
		ctx := context.Background()
		c := h.demo.Citizens[30]
		subject := "s-" + c.Key
		b := h.AsCitizen(subject)
		bank := h.third(c.Bank, c.Bank)
		second, err := h.room.openWallet(ctx, subject, "test", bank, nil)
		h.fine(err)
		k, err := h.room.keyOf(ctx, AliasNumber, c.Number)
		h.fine(err)
		leads := func() string {
			found, err := h.ask(person("s-observer"), c.Number)
			if err != nil {
				return fault.As(err).Key
			}
			return found.Account.ID
		}
		if words, _, _ := h.page(b, "/wallet/alias/"+k.id+"/move", "account", second); !strings.Contains(words, "leads to the other account now") || leads() != second {
			h.t.Error("the number was not moved:", words)
		}
		if words, _, _ := h.page(b, "/wallet/alias/"+k.id+"/move", "account", "person-ayesha"); !strings.Contains(words, "Choose one of your own open accounts") {
			h.t.Error("moved to somebody else's account:", words)
		}
		if words, _, _ := h.page(h.AsCitizen("s-ayesha"), "/wallet/alias/"+k.id+"/unlink", "x", "y"); !strings.Contains(words, "Only the holder of a number decides") {
			h.t.Error("somebody else took it out:", words)
		}
		if words, _, _ := h.page(b, "/wallet/alias/"+k.id+"/unlink", "x", "y"); !strings.Contains(words, "leads nowhere any more") || leads() != "payments.payee.unknown" {
			h.t.Error("the number was not taken out:", words)
		}
		if words, _, _ := h.page(b, "/wallet/aliases/number", "account", "person-"+c.Key); !strings.Contains(words, "Tick the box") {
			h.t.Error("linked without consent:", words)
		}
		if words, _, _ := h.page(b, "/wallet/aliases/number", "account", "person-"+c.Key, "consent", "yes"); !strings.Contains(words, "leads to your account now") || leads() != "person-"+c.Key {
			h.t.Error("the number was not linked:", words)
		}
		// by the interface
		entries := h.want(h.call(b, "GET", "/entries", nil), 200, "list")
		if len(entries.list) != 2 || strings.Contains(entries.text, c.Number) {
			h.t.Error(entries.text)
		}
		h.want(h.call(b, "PUT", "/entries/"+k.id, fields{"iban": string(h.citizen("ayesha").IBAN)}), 422, "move to somebody else's account")
		h.want(h.call(h.AsCitizen("s-ayesha"), "DELETE", "/entries/"+k.id, nil), 403, "remove somebody else's")
		h.want(h.call(b, "DELETE", "/entries/"+k.id, nil), 204, "remove")
		// nobody links more numbers than a person has telephones
		for i := range maxMobiles {
			k, err := h.room.keyOf(ctx, AliasMobile, fmt.Sprintf("+92399111000%d", i))
			h.fine(err)
			_, err = h.room.link(ctx, "test", subject, k, second, true)
			if want := i == maxMobiles-1; fault.Is(err, fault.Conflict) != want {
				h.t.Errorf("mobile number %d: %v", i+2, err)
			}
		}
		for _, lang := range []string{"en", "ur"} {
			for _, path := range []string{"/wallet/aliases", "/wallet/aliases/mobile", "/wallet/aliases/number", "/wallet"} {
				if words, _, _ := h.page(b, path+"?lang="+lang); strings.Contains(words, "payments.") {
					h.t.Errorf("%s in %s: %s", path, lang, words)
				}
			}
		}
	})
}
