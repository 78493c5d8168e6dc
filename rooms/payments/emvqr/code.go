package emvqr

import (
	"fmt"
	"strings"
)

// Tags of MPM 4.
const (
	tagFormat      = "00"
	tagInitiation  = "01"
	tagCategory    = "52"
	tagCurrency    = "53"
	tagAmount      = "54"
	tagCountry     = "58"
	tagName        = "59"
	tagCity        = "60"
	tagPostal      = "61"
	tagAdditional  = "62"
	tagChecksum    = "63"
	tagLanguage    = "64"
	firstTemplate  = 26 // merchant account information with an identifier
	lastTemplate   = 51
	firstFree      = 80 // unreserved templates
	lastFree       = 99
	staticCode     = "11"
	dynamicCode    = "12"
	formatOfMPM    = "01"
	subIdentifier  = "00"
	maxName        = 25 // MPM table 3.4 and 3.8
	maxCity        = 15
	maxReference   = 25
	maxAmount      = 13
	maxIdentifier  = 32
	maxPostal      = 10
	lengthLanguage = 2
)

// Template is merchant account information (tags 26 to 51) or an unreserved
// template (80 to 99): Identifier is its globally unique identifier (sub-tag
// 00), Objects the rest.
type Template struct {
	Tag        string
	Identifier string
	Objects    Message
}

// Local is the merchant's name in another language (tag 64).
type Local struct {
	Language string // ISO 639-1, two letters
	Name     string
	City     string
}

// Additional is the additional data template (tag 62), as far as it is used.
type Additional struct {
	Bill      string // 01
	Reference string // 05
	Customer  string // 06
	Terminal  string // 07
	Purpose   string // 08
}

// Code is what a merchant-presented code says.
type Code struct {
	Dynamic    bool       // true: made for one payment (12); false: for many (11)
	Accounts   []Template // where the money may go
	Category   string     // merchant category, ISO 18245, four digits
	Currency   string     // ISO 4217, three digits ("586")
	Amount     string     // major units with a point ("1250.00"); empty: the payer says
	Country    string     // ISO 3166-1, two letters
	Name       string     // in Latin letters
	City       string
	Postal     string
	Additional Additional
	Local      Local
	Free       []Template // unreserved templates
}

// Parse reads a payload and checks its checksum and its required objects.
func Parse(payload string) (*Code, error) {
	body, err := unseal(payload, tagChecksum)
	if err != nil {
		return nil, err
	}
	m, err := ParseTemplate(body)
	if err != nil {
		return nil, err
	}
	if len(m) == 0 || m[0].Tag != tagFormat || m[0].Value != formatOfMPM {
		return nil, fmt.Errorf("%w: it does not begin with format 01", ErrContent)
	}
	c := &Code{Category: m.Get(tagCategory), Currency: m.Get(tagCurrency), Amount: m.Get(tagAmount), Country: m.Get(tagCountry),
		Name: m.Get(tagName), City: m.Get(tagCity), Postal: m.Get(tagPostal)}
	switch m.Get(tagInitiation) {
	case dynamicCode:
		c.Dynamic = true
	case staticCode, "":
	default:
		return nil, fmt.Errorf("%w: point of initiation is neither 11 nor 12", ErrContent)
	}
	for _, o := range m {
		n := number(o.Tag)
		switch {
		case n >= firstTemplate && n <= lastTemplate, n >= firstFree && n <= lastFree:
			t, err := parseWithIdentifier(o)
			if err != nil {
				return nil, err
			}
			if n >= firstFree {
				c.Free = append(c.Free, t)
			} else {
				c.Accounts = append(c.Accounts, t)
			}
		case n >= 2 && n < firstTemplate: // card schemes' own numbers: kept as they are
			c.Accounts = append(c.Accounts, Template{Tag: o.Tag, Objects: Message{{"", o.Value}}})
		case o.Tag == tagAdditional:
			sub, err := ParseTemplate(o.Value)
			if err != nil {
				return nil, fmt.Errorf("tag 62: %w", err)
			}
			c.Additional = Additional{sub.Get("01"), sub.Get("05"), sub.Get("06"), sub.Get("07"), sub.Get("08")}
		case o.Tag == tagLanguage:
			sub, err := ParseTemplate(o.Value)
			if err != nil {
				return nil, fmt.Errorf("tag 64: %w", err)
			}
			c.Local = Local{sub.Get("00"), sub.Get("01"), sub.Get("02")}
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

func parseWithIdentifier(o Object) (Template, error) {
	sub, err := ParseTemplate(o.Value)
	if err != nil {
		return Template{}, fmt.Errorf("tag %s: %w", o.Tag, err)
	}
	if len(sub) == 0 || sub[0].Tag != subIdentifier {
		return Template{}, fmt.Errorf("%w: template %s does not begin with its identifier", ErrContent, o.Tag)
	}
	return Template{o.Tag, sub[0].Value, sub[1:]}, nil
}

// Encode writes the payload with its checksum, objects in ascending order.
func (c *Code) Encode() (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	m, err := c.message()
	if err != nil {
		return "", err
	}
	body, err := m.Encode()
	if err != nil {
		return "", err
	}
	if n, _ := characters(body); n+8 > maxCharacters {
		return "", fmt.Errorf("%w: %d characters, allowed are %d", ErrContent, n+8, maxCharacters)
	}
	return seal(body, tagChecksum), nil
}

func (c *Code) message() (Message, error) {
	initiation := staticCode
	if c.Dynamic {
		initiation = dynamicCode
	}
	m := Message{{tagFormat, formatOfMPM}, {tagInitiation, initiation}}
	for _, a := range c.Accounts {
		if err := a.add(&m); err != nil {
			return nil, err
		}
	}
	m.Add(tagCategory, c.Category)
	m.Add(tagCurrency, c.Currency)
	m.Add(tagAmount, c.Amount)
	m.Add(tagCountry, c.Country)
	m.Add(tagName, c.Name)
	m.Add(tagCity, c.City)
	m.Add(tagPostal, c.Postal)
	var sub Message
	for _, o := range []Object{{"01", c.Additional.Bill}, {"05", c.Additional.Reference}, {"06", c.Additional.Customer}, {"07", c.Additional.Terminal}, {"08", c.Additional.Purpose}} {
		sub.Add(o.Tag, o.Value)
	}
	value, err := sub.Encode()
	if err != nil {
		return nil, fmt.Errorf("tag 62: %w", err)
	}
	m.Add(tagAdditional, value)
	var local Message
	local.Add("00", c.Local.Language)
	local.Add("01", c.Local.Name)
	local.Add("02", c.Local.City)
	if value, err = local.Encode(); err != nil {
		return nil, fmt.Errorf("tag 64: %w", err)
	}
	m.Add(tagLanguage, value)
	for _, f := range c.Free {
		if err := f.add(&m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (t Template) add(m *Message) error {
	if number(t.Tag) < firstTemplate && len(t.Objects) == 1 {
		m.Add(t.Tag, t.Objects[0].Value)
		return nil
	}
	value, err := append(Message{{subIdentifier, t.Identifier}}, t.Objects...).Encode()
	if err != nil {
		return fmt.Errorf("tag %s: %w", t.Tag, err)
	}
	m.Add(t.Tag, value)
	return nil
}

// check holds the code against MPM tables 3.4 to 3.8.
func (c *Code) check() error {
	var wrong string
	runes := func(s string) int { n, _ := characters(s); return n }
	switch {
	case len(c.Accounts) == 0:
		wrong = "no merchant account information"
	case !digits(c.Category, 4):
		wrong = "merchant category is not four digits"
	case !digits(c.Currency, 3):
		wrong = "currency is not three digits"
	case !letters(c.Country):
		wrong = "country is not two capital letters"
	case runes(c.Name) == 0 || runes(c.Name) > maxName:
		wrong = "merchant name is not 1 to 25 characters"
	case runes(c.City) == 0 || runes(c.City) > maxCity:
		wrong = "merchant city is not 1 to 15 characters"
	case len(c.Amount) > maxAmount || c.Amount != "" && !decimal(c.Amount):
		wrong = "amount is not digits with at most one point"
	case runes(c.Postal) > maxPostal:
		wrong = "postal code is longer than 10 characters"
	case runes(c.Additional.Bill) > maxReference || runes(c.Additional.Reference) > maxReference || runes(c.Additional.Customer) > maxReference || runes(c.Additional.Terminal) > maxReference || runes(c.Additional.Purpose) > maxReference:
		wrong = "a reference is longer than 25 characters"
	case c.Local != (Local{}) && (len(c.Local.Language) != lengthLanguage || runes(c.Local.Name) == 0 || runes(c.Local.Name) > maxName || runes(c.Local.City) > maxCity):
		wrong = "the language template has no language, or a name that is not 1 to 25 characters"
	}
	if wrong != "" {
		return fmt.Errorf("%w: %s", ErrContent, wrong)
	}
	for _, t := range append(append([]Template{}, c.Accounts...), c.Free...) {
		if !isTag(t.Tag) || number(t.Tag) >= firstTemplate && (t.Identifier == "" || len(t.Identifier) > maxIdentifier) {
			return fmt.Errorf("%w: a template without an identifier of 1 to 32 characters", ErrContent)
		}
	}
	return nil
}

func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

func letters(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// decimal is MPM 4.5: digits, at most one point, at least one digit before it.
// "1." is allowed there; "1e3", "+5" and "-1" are not.
func decimal(s string) bool {
	whole, fraction, _ := strings.Cut(s, ".")
	return whole != "" && strings.Trim(whole, "0123456789") == "" && strings.Trim(fraction, "0123456789") == ""
}
