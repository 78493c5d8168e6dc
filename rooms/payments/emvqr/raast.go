package emvqr

import (
	"fmt"
	"strings"
	"time"
)

// Profile is what a national scheme prescribes for merchant codes.
type Profile struct {
	Tag         string // template the account stands in when we write ("28")
	Identifier  string // its globally unique identifier
	Accept      []string
	Account     string // sub-tag of the payee's account
	Participant string // sub-tag of the payee's bank (BIC)
	Currency    string // ISO 4217, three digits
	Country     string
	Free        string // identifier of our own unreserved templates
}

// Raast is the Pakistani person-to-merchant profile. The State Bank's standard
// is not public; tag 28 and the identifier are those of the public sandbox text
// TSD-Acq-API-GW v1.17, and other issuers are seen to use tag 26 and the
// shorter name. So the template is written as here and read from 26 to 51.
var Raast = Profile{Tag: "28", Identifier: "PK.RAAST.P2M", Accept: []string{"pk.raast.p2m", "pk.raast"}, Account: "01", Participant: "02",
	Currency: "586", Country: "PK", Free: "SARAI"}

// Template makes the account template.
func (p Profile) Template(account, participant string) Template {
	var m Message
	m.Add(p.Account, account)
	m.Add(p.Participant, participant)
	return Template{p.Tag, p.Identifier, m}
}

// Payee gives the account and the participant a code names in this profile. A
// code of another scheme, country or currency has none and is refused.
func (p Profile) Payee(c *Code) (account, participant string, err error) {
	if c.Currency != p.Currency || c.Country != p.Country {
		return "", "", fmt.Errorf("%w: a code of another country or currency", ErrContent)
	}
	for _, t := range c.Accounts {
		for _, name := range p.Accept {
			if strings.EqualFold(t.Identifier, name) && t.Objects.Get(p.Account) != "" {
				return t.Objects.Get(p.Account), t.Objects.Get(p.Participant), nil
			}
		}
	}
	return "", "", fmt.Errorf("%w: no account of the scheme", ErrContent)
}

// P2P is the Pakistani person-to-person code: data objects with tags of their
// own (00 version "02", 01 initiation, 02 kind "00", 04 IBAN, 05 amount, 07
// expiry, 10 checksum). It is not an EMV code.
type P2P struct {
	IBAN    string    // 24 characters
	Amount  string    // major units; empty: the payer says
	Expires time.Time // to the minute, in the country's time; zero: never
}

const (
	p2pChecksum = "10"
	p2pTime     = "020120061504" // ddMMyyyyHHmm
)

// IsP2P says whether a payload is of the person-to-person kind.
func IsP2P(payload string) bool { return strings.HasPrefix(strings.TrimSpace(payload), "000202") }

// Encode writes the payload; zone is the country's, in which the expiry is said.
func (p P2P) Encode(zone *time.Location) (string, error) {
	if len(p.IBAN) != 24 || p.Amount != "" && !decimal(p.Amount) {
		return "", fmt.Errorf("%w: an IBAN of 24 characters and an amount in digits", ErrContent)
	}
	m := Message{{"00", "02"}, {"01", staticCode}, {"02", "00"}, {"04", p.IBAN}}
	if p.Amount != "" || !p.Expires.IsZero() {
		m[1].Value = dynamicCode
	}
	m.Add("05", p.Amount)
	if !p.Expires.IsZero() {
		m.Add("07", p.Expires.In(zone).Format(p2pTime))
	}
	body, err := m.Encode()
	if err != nil {
		return "", err
	}
	return seal(body, p2pChecksum), nil
}

// ParseP2P reads a payload and checks its checksum.
func ParseP2P(payload string, zone *time.Location) (*P2P, error) {
	body, err := unseal(payload, p2pChecksum)
	if err != nil {
		return nil, err
	}
	m, err := ParseTemplate(body)
	if err != nil {
		return nil, err
	}
	p := &P2P{IBAN: m.Get("04"), Amount: m.Get("05")}
	if m.Get("00") != "02" || len(p.IBAN) != 24 || p.Amount != "" && !decimal(p.Amount) || m.Get("01") != staticCode && m.Get("01") != dynamicCode {
		return nil, fmt.Errorf("%w: not a person-to-person code of version 02 with an IBAN", ErrContent)
	}
	if text := m.Get("07"); text != "" {
		if p.Expires, err = time.ParseInLocation(p2pTime, text, zone); err != nil {
			return nil, fmt.Errorf("%w: expiry is not ddMMyyyyHHmm", ErrContent)
		}
		if p.Expires.Format(p2pTime) != text {
			return nil, fmt.Errorf("%w: expiry is no date", ErrContent)
		}
	}
	return p, nil
}
