package country

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"sarai/countries"
	"sarai/courtyard/country/strict"
)

// Text is a sentence or name by language code.
type Text = strict.Text

// Pack is one country. It is read once and never changed.
type Pack struct {
	Code           string // ISO 3166-1 alpha-2 in lower case
	Names          Text
	Languages      []Language // the first is the one used when nothing else is known
	Zone           *time.Location
	Calendar       *Calendar
	NationalNumber NationalNumberRules
	Currency       Currency
	IBAN           IBANRules
	Phone          PhoneRules
	Provinces      []Province
	Districts      []District
	Offices        []*Office // parents before children, as in the file
	Banks          []Bank    // their customers' accounts are kept in the house
	Connected      []Bank    // take part by messages only, in a demonstration; see Bank.Synthetic
	FeeAccounts    []FeeAccount
	Programs       []Program // paid to many people at once
	Rail           Rail
	Customers      Customers
	Sectors        []Sector
	Duties         []Duty
	Personas       []Persona // demo only
	Clients        []Client  // OpenID relying parties known from the start
	Services       fs.FS     // the services folder: one YAML file a service
	Lists          Lists     // names the synthetic country is made of
	Digest         string    // SHA-256 (hex) over names and contents of all files of the pack

	offices map[string]*Office
	posts   map[string]*Post
}

// Language is one the nation's pages are written in.
type Language struct {
	Code   string `yaml:"code"`   // BCP 47
	Dir    string `yaml:"dir"`    // "ltr" or "rtl"
	Script string `yaml:"script"` // ISO 15924
	Name   string `yaml:"name"`   // in the language itself
}

// Province is a first-level part of the country. Digit is the one its national
// numbers begin with.
type Province struct {
	strict.Pos
	ID    string `yaml:"id"`
	Digit int    `yaml:"digit"`
	Name  Text   `yaml:"name"`
}

// District is where people live and are domiciled.
type District struct {
	strict.Pos
	ID       string `yaml:"id"`
	Province string `yaml:"province"`
	Name     Text   `yaml:"name"`
	Weight   int    `yaml:"weight"` // share of the synthetic population
}

type packFile struct {
	strict.Pos
	Code           string              `yaml:"code"`
	Names          map[string]string   `yaml:"names"`
	Languages      []Language          `yaml:"languages"`
	Zone           string              `yaml:"zone"`
	NationalNumber NationalNumberRules `yaml:"national_number"`
	Currency       Currency            `yaml:"currency"`
	IBAN           IBANRules           `yaml:"iban"`
	Phone          PhoneRules          `yaml:"phone"`
	Provinces      []Province          `yaml:"provinces"`
	Districts      []District          `yaml:"districts"`
}

// Load reads a pack. The error is a strict.Problems: every line of it is
// "file:line: reason".
func Load(fsys fs.FS) (*Pack, error) {
	// The languages are needed before any text can be checked.
	var probe packFile
	(&strict.Reader{}).File(fsys, "pack.yaml", &probe)
	r := &strict.Reader{}
	for _, l := range probe.Languages {
		r.Languages = append(r.Languages, l.Code)
	}

	var (
		pf  packFile
		cal calendarFile
		off officesFile
		ban banksFile
		sec sectorsFile
		per personasFile
		cli clientsFile
		lis listsFile
	)
	r.File(fsys, "pack.yaml", &pf)
	r.File(fsys, "calendar.yaml", &cal)
	r.File(fsys, "offices.yaml", &off)
	r.File(fsys, "banks.yaml", &ban)
	r.File(fsys, "sectors.yaml", &sec)
	r.File(fsys, "personas.yaml", &per)
	r.File(fsys, "clients.yaml", &cli)
	r.File(fsys, "names.yaml", &lis)
	if err := r.Err(); err != nil {
		return nil, err // references cannot be judged while files cannot be read
	}

	p := &Pack{
		Code: pf.Code, Names: Text(pf.Names), Languages: pf.Languages,
		NationalNumber: pf.NationalNumber, Currency: pf.Currency, IBAN: pf.IBAN, Phone: pf.Phone,
		Provinces: pf.Provinces, Districts: pf.Districts,
		Offices: off.Offices, Banks: ban.Banks, Connected: ban.Connected, FeeAccounts: ban.FeeAccounts, Programs: ban.Programs, Rail: ban.Rail, Customers: ban.Customers,
		Sectors: sec.Sectors, Duties: sec.Duties, Personas: per.Personas, Clients: cli.Clients,
		Lists:   Lists(lis),
		offices: map[string]*Office{}, posts: map[string]*Post{},
	}
	c := checks{Reader: r, Pack: p}
	c.pack(pf)
	c.calendar(cal)
	c.officeTree()
	c.banks()
	c.programs()
	c.customers()
	c.sectors()
	c.personas()
	c.clients()
	c.lists(lis)
	if err := r.Err(); err != nil {
		return nil, err
	}
	sub, err := fs.Sub(fsys, "services")
	if err != nil {
		return nil, fmt.Errorf("open the services of the pack: %w", err)
	}
	p.Services = sub
	if p.Digest, err = digest(fsys); err != nil {
		return nil, fmt.Errorf("digest the pack: %w", err)
	}
	return p, nil
}

// Builtin loads the pack of a country that the program carries in itself: "pk".
func Builtin(code string) (*Pack, error) {
	sub, err := countries.Pack(code)
	if err != nil {
		return nil, fmt.Errorf("open the pack %q: %w", code, err)
	}
	return Load(sub)
}

// Office gives the office with this id.
func (p *Pack) Office(id string) (*Office, bool) { o, ok := p.offices[id]; return o, ok }

// Post gives the post with this id.
func (p *Pack) Post(id string) (*Post, bool) { o, ok := p.posts[id]; return o, ok }

// Bank gives the bank or wallet with this id.
func (p *Pack) Bank(id string) (Bank, bool) {
	i := slices.IndexFunc(p.Banks, func(b Bank) bool { return b.ID == id })
	if i < 0 {
		return Bank{}, false
	}
	return p.Banks[i], true
}

// District gives the district with this id.
func (p *Pack) District(id string) (District, bool) {
	i := slices.IndexFunc(p.Districts, func(d District) bool { return d.ID == id })
	if i < 0 {
		return District{}, false
	}
	return p.Districts[i], true
}

// Province gives the province with this id.
func (p *Pack) Province(id string) (Province, bool) {
	i := slices.IndexFunc(p.Provinces, func(d Province) bool { return d.ID == id })
	if i < 0 {
		return Province{}, false
	}
	return p.Provinces[i], true
}

// Language gives the language with this code.
func (p *Pack) Language(code string) (Language, bool) {
	i := slices.IndexFunc(p.Languages, func(l Language) bool { return l.Code == code })
	if i < 0 {
		return Language{}, false
	}
	return p.Languages[i], true
}

// Persona gives the demo persona with this id.
func (p *Pack) Persona(id string) (Persona, bool) {
	i := slices.IndexFunc(p.Personas, func(x Persona) bool { return x.ID == id })
	if i < 0 {
		return Persona{}, false
	}
	return p.Personas[i], true
}

// LanguageCodes lists the codes in the pack's order.
func (p *Pack) LanguageCodes() []string {
	out := make([]string, len(p.Languages))
	for i, l := range p.Languages {
		out[i] = l.Code
	}
	return out
}

func digest(fsys fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%d:%s%d:", len(name), name, len(data))
		h.Write(data)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
