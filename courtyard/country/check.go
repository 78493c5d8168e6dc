package country

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a pack's zone is known on machines without zone files too

	"sarai/courtyard/country/strict"
)

// checks judges a pack after all its files could be read: what refers to what.
type checks struct {
	*strict.Reader
	*Pack
}

var idForm = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$`)

// unique reports an id that is malformed or used before.
func (c checks) unique(seen map[string]strict.Pos, at strict.Pos, what, id string) {
	if !idForm.MatchString(id) {
		c.Add(at, "%s id %q: small letters, digits, dashes and points, beginning with a letter", what, id)
	}
	if first, twice := seen[id]; twice {
		c.Add(at, "%s id %q is used twice (first at %s)", what, id, first)
		return
	}
	seen[id] = at
}

func (c checks) oneOf(at strict.Pos, what, got string, known []string) {
	if !slices.Contains(known, got) {
		c.Add(at, "%s %q is not known; one of %s", what, got, strings.Join(known, ", "))
	}
}

func (c checks) district(at strict.Pos, id string) {
	if _, ok := c.District(id); !ok {
		c.Add(at, "there is no district %q", id)
	}
}

func (c checks) pack(f packFile) {
	if !regexp.MustCompile(`^[a-z]{2}$`).MatchString(f.Code) {
		c.Add(f.Pos, "code %q is not an ISO 3166-1 code in small letters", f.Code)
	}
	if len(f.Languages) == 0 {
		c.Add(f.Pos, "a pack has at least one language")
	}
	for _, l := range f.Languages {
		if l.Dir != "ltr" && l.Dir != "rtl" {
			c.Add(f.Pos, "language %q: dir is ltr or rtl, not %q", l.Code, l.Dir)
		}
		if f.Names[l.Code] == "" {
			c.Add(f.Pos, "names: the text in %q is missing", l.Code)
		}
	}
	zone, err := time.LoadLocation(f.Zone)
	if err != nil || f.Zone == "" || f.Zone == "Local" {
		c.Add(f.Pos, "zone %q is not in the time zone database", f.Zone)
		zone = time.UTC
	}
	c.Zone = zone

	n := &c.NationalNumber
	if len(n.Groups) == 0 || n.Length() < 6 || n.Length() > 20 {
		c.Add(f.Pos, "national_number: the groups add up to %d digits; 6 to 20 can be right", n.Length())
	} else if _, err := n.Parse(n.Example); err != nil {
		c.Add(f.Pos, "national_number: the example does not follow the rules: %s", err)
	}
	if _, err := c.IBAN.Parse(c.IBAN.Example); err != nil {
		c.Add(f.Pos, "iban: the example does not follow the rules: %s", err)
	}
	if _, _, err := c.Phone.Parse(c.Phone.Example); err != nil {
		c.Add(f.Pos, "phone: the example does not follow the rules: %s", err)
	}
	if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(c.Currency.Code) || c.Currency.Decimals < 0 || c.Currency.Decimals > 4 {
		c.Add(f.Pos, "currency: wanted an ISO 4217 code and 0 to 4 decimals")
	}
	seen, digits := map[string]strict.Pos{}, map[int]string{}
	for _, p := range c.Provinces {
		c.unique(seen, p.Pos, "province", p.ID)
		if other, twice := digits[p.Digit]; twice || p.Digit < 0 || p.Digit > 9 {
			c.Add(p.Pos, "province %q: digit %d is already that of %q or is no digit", p.ID, p.Digit, other)
		}
		digits[p.Digit] = p.ID
		if !strings.Contains(n.FirstDigit, itoa(p.Digit)) {
			c.Add(p.Pos, "province %q: no national number may begin with %d", p.ID, p.Digit)
		}
	}
	seenD := map[string]strict.Pos{}
	for _, d := range c.Districts {
		c.unique(seenD, d.Pos, "district", d.ID)
		if _, ok := c.Province(d.Province); !ok {
			c.Add(d.Pos, "district %q: there is no province %q", d.ID, d.Province)
		}
		if d.Weight <= 0 {
			c.Add(d.Pos, "district %q: weight is at least 1", d.ID)
		}
	}
	if len(c.Districts) == 0 {
		c.Add(f.Pos, "a pack has at least one district")
	}
}

func (c checks) calendar(f calendarFile) {
	cal := &Calendar{Zone: c.Zone, Week: f.Week, Seasons: f.Seasons, Holidays: map[Date]Holiday{}}
	if len(f.Years) == 0 {
		c.Add(f.Pos, "years: name the years whose holidays are listed")
	} else {
		cal.First, cal.Last = slices.Min(f.Years), slices.Max(f.Years)
	}
	for _, h := range f.Holidays {
		if other, twice := cal.Holidays[h.Date]; twice {
			c.Add(h.Pos, "%s is already a holiday (%s)", h.Date, other.Pos)
		}
		if !slices.Contains(f.Years, h.Date.Year) {
			c.Add(h.Pos, "%s is not in the years this calendar covers", h.Date)
		}
		cal.Holidays[h.Date] = h
	}
	for i, s := range f.Seasons {
		if s.To.Before(s.From) {
			c.Add(s.Pos, "the season ends (%s) before it begins (%s)", s.To, s.From)
		}
		for _, o := range f.Seasons[:i] {
			if !s.To.Before(o.From) && !o.To.Before(s.From) {
				c.Add(s.Pos, "the season overlaps with the one at %s", o.Pos)
			}
		}
	}
	open := false
	for d := time.Sunday; d <= time.Saturday; d++ {
		open = open || len(f.Week.on(d)) > 0
		for _, week := range append([]Week{f.Week}, seasonWeeks(f.Seasons)...) {
			spans := week.on(d)
			for i := 1; i < len(spans); i++ {
				if spans[i].From < spans[i-1].To {
					c.Add(f.Pos, "the hours of %s overlap or are out of order", d)
				}
			}
		}
	}
	if !open {
		c.Add(f.Pos, "week: no office is ever open")
	}
	c.Calendar = cal
}

func seasonWeeks(ss []Season) (out []Week) {
	for _, s := range ss {
		out = append(out, s.Hours)
	}
	return out
}

func (c checks) officeTree() {
	seen, shorts := map[string]strict.Pos{}, map[string]strict.Pos{}
	seenPost := map[string]strict.Pos{}
	for _, o := range c.Offices {
		c.unique(seen, o.Pos, "office", o.ID)
		if first, twice := shorts[o.Short]; twice {
			c.Add(o.Pos, "office %q: short %q is already that of the office at %s", o.ID, o.Short, first)
		}
		shorts[o.Short] = o.Pos
		c.oneOf(o.Pos, "office kind", o.Kind, OfficeKinds)
		if o.Parent != "" {
			if _, ok := c.offices[o.Parent]; !ok {
				c.Add(o.Pos, "office %q: its parent %q does not stand before it", o.ID, o.Parent)
			}
		}
		if o.District != "" {
			c.district(o.Pos, o.District)
		}
		if len(o.Posts) == 0 {
			c.Add(o.Pos, "office %q has no posts; nobody could act in it", o.ID)
		}
		c.offices[o.ID] = o
		for _, p := range o.Posts {
			c.unique(seenPost, p.Pos, "post", p.ID)
			if !strings.HasPrefix(p.ID, o.ID+".") {
				c.Add(p.Pos, "post %q: the id of a post of this office begins with %q", p.ID, o.ID+".")
			}
			for _, w := range p.Powers {
				c.oneOf(p.Pos, "power", w, Powers)
			}
			p.Office = o.ID
			c.posts[p.ID] = p
		}
	}
}

func (c checks) banks() {
	seen, codes := map[string]strict.Pos{}, map[string]strict.Pos{}
	bic := regexp.MustCompile(`^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}$`)
	for _, b := range slices.Concat(c.Banks, c.Connected) {
		c.unique(seen, b.Pos, "bank", b.ID)
		c.oneOf(b.Pos, "bank kind", b.Kind, []string{"bank", "wallet"})
		if first, twice := codes[b.Code]; twice {
			c.Add(b.Pos, "bank %q: code %q is already used at %s", b.ID, b.Code, first)
		}
		codes[b.Code] = b.Pos
		if _, err := c.IBAN.Make(b.Code, "1"); err != nil {
			c.Add(b.Pos, "bank %q: no IBAN can be made with the code %q: %s", b.ID, b.Code, err)
		}
		if !bic.MatchString(b.BIC) || b.BIC[4:6] != c.IBAN.Country {
			c.Add(b.Pos, "bank %q: %q is no BIC (ISO 9362, 8 characters) of this country", b.ID, b.BIC)
		}
		if b.BIC == c.Rail.BIC {
			c.Add(b.Pos, "bank %q: its BIC is the rail's", b.ID)
		}
	}
	if !bic.MatchString(c.Rail.BIC) || c.Rail.BIC[4:6] != c.IBAN.Country {
		c.Add(c.Rail.Pos, "rail: %q is no BIC (ISO 9362, 8 characters) of this country", c.Rail.BIC)
	}
	if s := c.Rail.Settlement; s.Model != "" {
		if s.Model != "gross" && s.Model != "net" {
			c.Add(s.Pos, "settlement: model is gross or net, found %q", s.Model)
		}
		for _, at := range s.Cuts {
			if _, err := time.Parse("15:04", at); err != nil {
				c.Add(s.Pos, "settlement: wanted a time of day like 16:00, found %q", at)
			}
		}
		if s.Days != "" && s.Days != "all" && s.Days != "working" {
			c.Add(s.Pos, "settlement: days are all or working, found %q", s.Days)
		}
		for _, a := range s.Alerts {
			if a < 1 || a > 100 {
				c.Add(s.Pos, "settlement: an alert is 1 to 100 per cent, found %d", a)
			}
		}
	}
	if n := len(c.Rail.Service); n == 0 || n > 35 {
		c.Add(c.Rail.Pos, "rail: service has 1 to 35 characters")
	}
	seenF := map[string]strict.Pos{}
	for _, f := range c.FeeAccounts {
		c.unique(seenF, f.Pos, "fee account", f.ID)
		b, ok := c.Bank(f.Bank)
		if !ok {
			c.Add(f.Pos, "fee account %q: there is no bank %q", f.ID, f.Bank)
		}
		iban, err := c.IBAN.Parse(f.IBAN)
		switch {
		case err != nil:
			c.Add(f.Pos, "fee account %q: its IBAN is wrong: %s", f.ID, err)
		case ok && c.IBAN.Bank(iban) != b.Code:
			c.Add(f.Pos, "fee account %q: its IBAN is of another bank than %q", f.ID, f.Bank)
		}
		if _, isPost := c.posts[f.Post]; !isPost {
			if _, isOffice := c.offices[f.Post]; !isOffice {
				c.Add(f.Pos, "fee account %q: payee %q is no office and no post", f.ID, f.Post)
			}
		}
	}
}

// programs is about whose money is paid out, and by whom.
func (c checks) programs() {
	seen := map[string]strict.Pos{}
	for _, x := range c.Programs {
		c.unique(seen, x.Pos, "program", x.ID)
		if _, ok := c.offices[x.Office]; !ok {
			c.Add(x.Pos, "program %q: there is no office %q", x.ID, x.Office)
		}
		b, ok := c.Bank(x.Bank)
		if !ok {
			c.Add(x.Pos, "program %q: there is no bank %q", x.ID, x.Bank)
		}
		iban, err := c.IBAN.Parse(x.IBAN)
		switch {
		case err != nil:
			c.Add(x.Pos, "program %q: its IBAN is wrong: %s", x.ID, err)
		case ok && c.IBAN.Bank(iban) != b.Code:
			c.Add(x.Pos, "program %q: its IBAN is of another bank than %q", x.ID, x.Bank)
		}
		if x.Most <= 0 || x.Opening < 0 {
			c.Add(x.Pos, "program %q: the most that one person gets must be more than nothing", x.ID)
		}
	}
}

func (c checks) sectors() {
	seen := map[string]strict.Pos{}
	for _, s := range c.Sectors {
		c.unique(seen, s.Pos, "sector", s.ID)
		if _, ok := c.offices[s.Regulator]; !ok {
			c.Add(s.Pos, "sector %q: its regulator %q is no office", s.ID, s.Regulator)
		}
		if s.Organisations < 0 || s.Organisations > 0 && len(s.Forms) == 0 {
			c.Add(s.Pos, "sector %q: organisations need at least one name form", s.ID)
		}
		for _, f := range s.Forms {
			for lang, t := range f {
				if !strings.Contains(t, "{place}") {
					c.Add(s.Pos, "sector %q: the name form in %q has no {place}", s.ID, lang)
				}
			}
		}
	}
	seenD := map[string]strict.Pos{}
	for _, d := range c.Duties {
		c.unique(seenD, d.Pos, "duty", d.ID)
		if (d.Hours > 0) == (d.Days > 0) {
			c.Add(d.Pos, "duty %q: give hours or days, and the other as 0", d.ID)
		}
		if _, ok := c.offices[d.To]; !ok {
			c.Add(d.Pos, "duty %q: %q is no office", d.ID, d.To)
		}
	}
}

func (c checks) personas() {
	seen, numbers, held := map[string]strict.Pos{}, map[string]strict.Pos{}, map[string]strict.Pos{}
	for _, p := range c.Personas {
		c.unique(seen, p.Pos, "persona", p.ID)
		c.oneOf(p.Pos, "persona kind", p.Kind, []string{"citizen", "merchant", "official"})
		c.oneOf(p.Pos, "sex", p.Sex, []string{"female", "male"})
		c.district(p.Pos, p.District)
		n, err := c.NationalNumber.ParseFor(p.Number, p.Sex)
		if err != nil {
			c.Add(p.Pos, "persona %q: number: %s", p.ID, err)
		} else {
			if first, twice := numbers[n.Digits]; twice {
				c.Add(p.Pos, "persona %q: the number is already that of the persona at %s", p.ID, first)
			}
			numbers[n.Digits] = p.Pos
			if n.Digits[1:1+len(c.NationalNumber.Demo)] != c.NationalNumber.Demo {
				c.Add(p.Pos, "persona %q: a synthetic number has %q after its first digit", p.ID, c.NationalNumber.Demo)
			}
		}
		if _, _, err := c.Phone.Parse(p.Phone); err != nil {
			c.Add(p.Pos, "persona %q: phone: %s", p.ID, err)
		}
		if p.Bank != "" {
			if _, ok := c.Bank(p.Bank); !ok {
				c.Add(p.Pos, "persona %q: there is no bank %q", p.ID, p.Bank)
			}
		}
		switch {
		case (p.Kind == "official") != (p.Post != ""):
			c.Add(p.Pos, "persona %q: officials hold a post, and nobody else does", p.ID)
		case p.Post != "":
			if _, ok := c.posts[p.Post]; !ok {
				c.Add(p.Pos, "persona %q: there is no post %q", p.ID, p.Post)
			}
			if first, twice := held[p.Post]; twice {
				c.Add(p.Pos, "persona %q: the post is already held by the persona at %s", p.ID, first)
			}
			held[p.Post] = p.Pos
		}
		if (p.Kind == "merchant") != (p.Trade != "" && p.Business != nil) {
			c.Add(p.Pos, "persona %q: merchants have a trade and a business name, and nobody else does", p.ID)
		}
	}
}

func (c checks) clients() {
	seen := map[string]strict.Pos{}
	for _, x := range c.Clients {
		c.unique(seen, x.Pos, "client", x.ID)
		if len(x.RedirectURIs) == 0 || !slices.Contains(x.Scopes, "openid") {
			c.Add(x.Pos, "client %q: at least one redirect URI and the scope openid", x.ID)
		}
		for _, raw := range append(slices.Clone(x.RedirectURIs), x.PostLogoutURIs...) {
			if why := redirectProblem(strings.ReplaceAll(raw, "{base}", "https://sarai.example")); why != "" {
				c.Add(x.Pos, "client %q: redirect URI %q %s", x.ID, raw, why)
			}
		}
	}
}

// redirectProblem holds a redirect URI against RFC 9700, section 2.1: exact,
// without fragment, and in clear text only to the machine itself.
func redirectProblem(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return "is no absolute URI"
	case u.Fragment != "" || strings.Contains(raw, "*"):
		return "has a fragment or a wildcard"
	case u.Scheme == "https":
		return ""
	case u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname()):
		return ""
	}
	return fmt.Sprintf("uses %s outside this machine", u.Scheme)
}
