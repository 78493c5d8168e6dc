package country

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

// DemoSize says how large a synthetic country is.
type DemoSize struct {
	Citizens  int // personas included
	Merchants int // personas included; merchants are citizens with a business
}

// DemoNation is the size of `sarai demo`; DemoVillage is one for tests.
var (
	DemoNation  = DemoSize{Citizens: 2000, Merchants: 300}
	DemoVillage = DemoSize{Citizens: 60, Merchants: 12}
)

// Demo is a synthetic country. Nobody in it exists.
type Demo struct {
	Seed          uint64
	Citizens      []Citizen // personas first, in the order of the pack
	Merchants     []Merchant
	Organisations []Organisation
	Charges       []DemoCharge // one for each post of the pack
}

// Citizen is an invented person.
type Citizen struct {
	Key       string // stable within the seed: a persona's id, or "c0001"
	Persona   string // persona id, or ""
	Name      Text
	Given     Text
	Family    Text
	Father    Text
	Number    string // national number, digits only
	Sex       string // "female" or "male"
	Birth     Date
	District  string
	Address   Text
	Phone     Phone
	Bank      string // bank id
	IBAN      IBAN
	Balance   int64 // opening money, minor units
	Official  bool  // holds a post
	Permanent bool  // has been registered long ago; the rest are newly grown up
}

// Merchant is a citizen's business.
type Merchant struct {
	Key      string // persona id, or "m001"
	Owner    string // Citizen.Key
	Name     Text
	Trade    string
	MCC      string
	District string
	Bank     string
	IBAN     IBAN
}

// Organisation is one the nation cannot do without.
type Organisation struct {
	Key      string // "energy-03"
	Name     Text
	Sector   string
	District string
	Contact  string // Citizen.Key of its security contact
	Domain   string // reserved for examples (RFC 2606)
}

// DemoCharge says who holds a post.
type DemoCharge struct {
	Post   string
	Holder string // Citizen.Key
}

// Demo makes the synthetic country of a seed. The same pack, seed and size
// give the same country on every machine.
func (p *Pack) Demo(seed uint64, size DemoSize) *Demo {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	copy(key[8:], "sarai/demo/1")
	m := &maker{Pack: p, r: rand.New(rand.NewChaCha8(key)), taken: map[string]bool{}, phones: map[Phone]bool{}, out: &Demo{Seed: seed}}
	for _, d := range p.Districts {
		m.weight += d.Weight
	}
	m.citizens(size)
	m.merchants(size)
	m.organisations()
	m.charges()
	return m.out
}

type maker struct {
	*Pack
	r      *rand.Rand
	weight int
	taken  map[string]bool // national numbers
	phones map[Phone]bool
	out    *Demo
}

func pick[T any](m *maker, from []T) T { return from[m.r.IntN(len(from))] }

func (m *maker) citizens(size DemoSize) {
	for _, p := range m.Personas {
		n, _ := m.NationalNumber.Parse(p.Number)
		phone, _, _ := m.Phone.Parse(p.Phone)
		m.taken[n.Digits], m.phones[phone] = true, true
		c := Citizen{
			Key: p.ID, Persona: p.ID, Name: p.Name, Father: p.Father, Number: n.Digits, Sex: p.Sex, Birth: p.Birth,
			District: p.District, Address: p.Address, Phone: phone, Bank: p.Bank, Balance: p.Balance, Official: p.Post != "", Permanent: true,
		}
		c.Given, c.Family = split(p.Name)
		if c.Bank == "" {
			c.Bank = m.Banks[len(m.out.Citizens)%len(m.Banks)].ID
		}
		m.add(c)
	}
	for i := len(m.out.Citizens); i < size.Citizens; i++ {
		m.add(m.citizen(i))
	}
}

func (m *maker) add(c Citizen) {
	b, _ := m.Bank(c.Bank)
	c.IBAN, _ = m.IBAN.Make(b.Code, fmt.Sprintf("%012d", 700000000000+len(m.out.Citizens)))
	m.out.Citizens = append(m.out.Citizens, c)
}

func (m *maker) citizen(i int) Citizen {
	c := Citizen{Key: fmt.Sprintf("c%04d", i), Sex: "male", Family: pick(m, m.Lists.Families), Permanent: m.r.IntN(12) > 0}
	given := m.Lists.Male
	if m.r.IntN(2) == 0 {
		c.Sex, given = "female", m.Lists.Female
	}
	c.Given = pick(m, given)
	c.Name = m.both(c.Given, c.Family)
	c.Father = m.both(pick(m, m.Lists.Male), c.Family)
	d := m.anyDistrict()
	c.District = d.ID
	c.Birth = Date{1946 + m.r.IntN(62), 1, 1}
	c.Birth = DateOf(c.Birth.In(m.Zone).AddDate(0, 0, m.r.IntN(365)), m.Zone)
	street := pick(m, m.Lists.Streets)
	house := itoa(1 + m.r.IntN(240))
	c.Address = Text{}
	for l, s := range street {
		c.Address[l] = strings.ReplaceAll(s, "{n}", house) + comma(l) + d.Name.In(l)
	}
	c.Number = m.number(d, c.Sex)
	c.Phone = m.phone()
	c.Bank = pick(m, m.Banks).ID
	c.Balance = int64(500+m.r.IntN(60000)) * 100
	return c
}

func comma(lang string) string {
	if lang == "ur" || lang == "ar" || lang == "fa" {
		return "، "
	}
	return ", "
}

func (m *maker) anyDistrict() District {
	at := m.r.IntN(m.weight)
	for _, d := range m.Districts {
		if at -= d.Weight; at < 0 {
			return d
		}
	}
	return m.Districts[0]
}

// number makes an unused national number with the pack's demo mark in it.
func (m *maker) number(d District, sex string) string {
	province, _ := m.Province(d.Province)
	head := itoa(province.Digit) + m.NationalNumber.Demo
	for {
		var b strings.Builder
		b.WriteString(head)
		for b.Len() < m.NationalNumber.Length()-1 {
			b.WriteByte('0' + byte(m.r.IntN(10)))
		}
		last := 2 * m.r.IntN(5)
		if sex == "male" {
			last++
		}
		b.WriteByte('0' + byte(last))
		if n := b.String(); !m.taken[n] {
			m.taken[n] = true
			return n
		}
	}
}

func (m *maker) phone() Phone {
	length := 10
	for _, k := range m.Phone.Kinds {
		if strings.HasPrefix(m.Phone.Demo, k.Prefixes[0]) {
			length = k.Length
		}
	}
	for {
		var b strings.Builder
		b.WriteString(m.Phone.Demo)
		for b.Len() < length {
			b.WriteByte('0' + byte(m.r.IntN(10)))
		}
		if n := Phone("+" + m.Phone.CountryCode + b.String()); !m.phones[n] {
			m.phones[n] = true
			return n
		}
	}
}

func (m *maker) both(given, family Text) Text {
	t := Text{}
	for _, l := range m.Languages {
		t[l.Code] = given.In(l.Code) + " " + family.In(l.Code)
	}
	return t
}

func split(name Text) (given, family Text) {
	given, family = Text{}, Text{}
	for l, s := range name {
		given[l], family[l] = s, ""
		if at := strings.LastIndexByte(s, ' '); at > 0 {
			given[l], family[l] = s[:at], s[at+1:]
		}
	}
	return given, family
}

func (m *maker) merchants(size DemoSize) {
	trade := func(id string) Trade {
		for _, t := range m.Lists.Trades {
			if t.ID == id {
				return t
			}
		}
		return m.Lists.Trades[0]
	}
	add := func(key string, owner Citizen, name Text, t Trade) {
		b, _ := m.Bank(owner.Bank)
		iban, _ := m.IBAN.Make(b.Code, fmt.Sprintf("%012d", 900000000000+len(m.out.Merchants)))
		m.out.Merchants = append(m.out.Merchants, Merchant{Key: key, Owner: owner.Key, Name: name, Trade: t.ID, MCC: t.MCC, District: owner.District, Bank: b.ID, IBAN: iban})
	}
	for i, p := range m.Personas {
		if p.Kind == "merchant" {
			add(p.ID, m.out.Citizens[i], p.Business, trade(p.Trade))
		}
	}
	at := len(m.Personas)
	for i := len(m.out.Merchants); i < size.Merchants && at < len(m.out.Citizens); i++ {
		owner := m.out.Citizens[at]
		at += 1 + m.r.IntN(3)
		t, form := pick(m, m.Lists.Trades), pick(m, m.Lists.Shops)
		name := Text{}
		for l, s := range form {
			name[l] = strings.NewReplacer("{family}", owner.Family.In(l), "{trade}", t.Name.In(l)).Replace(s)
		}
		add(fmt.Sprintf("m%03d", i), owner, name, t)
	}
}

func (m *maker) organisations() {
	used := map[string]bool{}
	for _, s := range m.Sectors {
		for i := range s.Organisations {
			var name Text
			d := m.Districts[(i/len(s.Forms))%len(m.Districts)]
			for range 50 { // another place when this name is taken
				name = Text{}
				for l, f := range s.Forms[i%len(s.Forms)] {
					name[l] = strings.ReplaceAll(f, "{place}", d.Name.In(l))
				}
				if !used[name.In("en")] {
					break
				}
				d = pick(m, m.Districts)
			}
			used[name.In("en")] = true
			key := fmt.Sprintf("%s-%02d", s.ID, i+1)
			m.out.Organisations = append(m.out.Organisations, Organisation{
				Key: key, Name: name, Sector: s.ID, District: d.ID, Domain: key + ".example",
				Contact: m.adult().Key,
			})
		}
	}
}

// adult gives a citizen of working age who is no persona, if there is one.
func (m *maker) adult() Citizen {
	ordinary := m.out.Citizens[len(m.Personas):]
	if len(ordinary) == 0 {
		return m.out.Citizens[0]
	}
	for range 200 {
		if c := pick(m, ordinary); !c.Official && c.Birth.Year >= 1966 && c.Birth.Year <= 2000 {
			return c
		}
	}
	return ordinary[0]
}

// charges gives every post a holder: its persona, or an official made from the
// citizens, each holding one post as long as there are enough of them.
func (m *maker) charges() {
	held := map[string]string{}
	for _, p := range m.Personas {
		if p.Post != "" {
			held[p.Post] = p.ID
		}
	}
	next := len(m.Personas)
	for _, o := range m.Offices {
		for _, p := range o.Posts {
			holder, ok := held[p.ID]
			for !ok && next < len(m.out.Citizens) {
				if c := &m.out.Citizens[next]; c.Birth.Year >= 1966 && c.Birth.Year <= 2000 {
					c.Official, holder, ok = true, c.Key, true
				}
				next++
			}
			if !ok {
				holder = m.adult().Key
			}
			m.out.Charges = append(m.out.Charges, DemoCharge{Post: p.ID, Holder: holder})
		}
	}
}
