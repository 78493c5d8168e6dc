package identity

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Key purposes of the register.
const (
	purposeSubject = "identity.person.pseudonym" // national number -> subject
	purposeIndex   = "identity.number.pseudonym" // national number -> search index
	purposeSeal    = "identity.person.seal"
)

// Person is a row of the register. What it holds is private: each fact is
// given out only against an Access to this very person, which exists only when
// the reading has been written down. The subject is no fact: it is how the
// house speaks of the person.
type Person struct {
	id, subject string
	row         personRow
	number      string // opened by load when the access names it
	photo       []byte
}

type personRow struct {
	sealed, photoSealed    []byte
	photoType              string
	nameEn, nameUr         string
	fatherEn, fatherUr     string
	birth, sex             string
	district               string
	districtEn, districtUr string
	addressEn, addressUr   string
	phone, state, source   string
	created, changed       int64
}

// Subject is the person's pseudonym in the house.
func (p *Person) Subject() string { return p.subject }

// Active says whether the identity may be used now.
func (p *Person) Active() bool { return p.row.state == stateActive }

const (
	stateActive    = "active"
	stateSuspended = "suspended"
	stateEnded     = "ended"
)

// Fact names. A fact is given by name, so that the record of a reading says
// exactly what was read.
const (
	FactName     = "name"
	FactFather   = "father_name"
	FactBirth    = "birth_date" // YYYY-MM-DD
	FactSex      = "sex"        // female, male, other
	FactNumber   = "national_number"
	FactDistrict = "district"
	FactAddress  = "address"
	FactPhone    = "phone"
	FactPhoto    = "photo" // data: URL
	FactAdult    = "adult" // yes or no: 18 years at the moment of asking
)

// FactNames lists all facts in the order they are shown.
var FactNames = []string{FactName, FactFather, FactBirth, FactAdult, FactSex, FactNumber, FactDistrict, FactAddress, FactPhone, FactPhoto}

// Fact is one thing the register knows about a person.
type Fact struct {
	Value   string    // in English, or without language
	ValueUr string    // in Urdu where there is one, else equal to Value
	Source  string    // identity.register
	At      time.Time // when it was last established
}

// fact gives one fact against an access that names it.
func (p *Person) fact(a Access, name string, now time.Time) (Fact, error) {
	if !a.opens(p.subject, name) {
		return Fact{}, fault.New(fault.Forbidden, "identity.access.missing").Because(fmt.Errorf("fact %s was read without an access that names it", name))
	}
	f := Fact{Source: "identity.register", At: store.Time(p.row.changed)}
	both := func(en, ur string) { f.Value, f.ValueUr = en, ur }
	switch name {
	case FactName:
		both(p.row.nameEn, p.row.nameUr)
	case FactFather:
		both(p.row.fatherEn, p.row.fatherUr)
	case FactBirth:
		f.Value = p.row.birth
	case FactSex:
		f.Value = p.row.sex
	case FactNumber:
		f.Value = p.number
	case FactDistrict:
		both(p.row.districtEn, p.row.districtUr)
	case FactAddress:
		both(p.row.addressEn, p.row.addressUr)
	case FactPhone:
		f.Value = p.row.phone
	case FactPhoto:
		if len(p.photo) > 0 {
			f.Value = "data:" + p.row.photoType + ";base64," + base64.StdEncoding.EncodeToString(p.photo)
		}
	case FactAdult:
		f.Value = yesNo(adult(p.row.birth, now))
	default:
		return Fact{}, fault.New(fault.Invalid, "identity.fact.unknown", "fact", name)
	}
	if f.ValueUr == "" {
		f.ValueUr = f.Value
	}
	return f, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func adult(birth string, now time.Time) bool {
	t, err := time.Parse(time.DateOnly, birth)
	return err == nil && !t.AddDate(18, 0, 0).After(now)
}

const personColumns = `id, subject, number_sealed, photo_sealed, photo_type, name_en, name_ur, father_en, father_ur, birth, sex,
	district, district_en, district_ur, address_en, address_ur, phone, state, source, created, changed`

func scanPerson(scan store.Scan) (*Person, error) {
	p := &Person{}
	r := &p.row
	err := scan(&p.id, &p.subject, &r.sealed, &r.photoSealed, &r.photoType, &r.nameEn, &r.nameUr, &r.fatherEn, &r.fatherUr, &r.birth, &r.sex,
		&r.district, &r.districtEn, &r.districtUr, &r.addressEn, &r.addressUr, &r.phone, &r.state, &r.source, &r.created, &r.changed)
	return p, err
}

// person loads a row; nothing of it can be read yet.
func person(tx *store.Tx, subject string) (*Person, error) {
	p, err := store.Get(tx, scanPerson, `select `+personColumns+` from identity_person where subject = $1`, subject)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "identity.person.unknown")
	}
	return p, err
}

// stateOf gives the state of a person's identity. With lock the row is held
// until the update ends.
func stateOf(tx *store.Tx, subject string, lock bool) (string, error) {
	q := `select state from identity_person where subject = $1`
	if lock {
		q += ` for update`
	}
	state, err := store.Get(tx, store.Value[string], q, subject)
	if fault.Is(err, fault.NotFound) {
		return "", fault.New(fault.NotFound, "identity.person.unknown")
	}
	return state, err
}

func setState(tx *store.Tx, subject, state string) error {
	if _, err := tx.Exec(`update identity_person set state = $2 where subject = $1`, subject, state); err != nil {
		return fmt.Errorf("set the state of an identity: %w", err)
	}
	return nil
}

// mayUse refuses a person whose identity is suspended or over. The row is held
// until the update ends: what is begun here is ended by a suspension that comes
// after it. Somebody the register does not know has no identity to suspend.
func mayUse(tx *store.Tx, subject string) error {
	state, err := stateOf(tx, subject, true)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && state == stateActive:
		return nil
	case err == nil && state == stateSuspended:
		return fault.New(fault.Forbidden, "identity.person.suspended")
	case err == nil:
		return fault.New(fault.Gone, "identity.person.ended")
	}
	return err
}

// canUse is mayUse as a question.
func canUse(tx *store.Tx, subject string) (bool, error) {
	err := mayUse(tx, subject)
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Gone) {
		return false, nil
	}
	return err == nil, err
}

// open unseals what an access names. It uses keys and so runs outside updates.
func (r *Room) open(ctx context.Context, p *Person, a Access) error {
	if a.opens(p.subject, FactNumber) {
		plain, err := r.keys.Open(ctx, purposeSeal, p.row.sealed, []byte(p.subject))
		if err != nil {
			return fmt.Errorf("open a national number: %w", err)
		}
		p.number = string(plain)
	}
	if a.opens(p.subject, FactPhoto) && len(p.row.photoSealed) > 0 {
		plain, err := r.keys.Open(ctx, purposeSeal, p.row.photoSealed, []byte("photo/"+p.subject))
		if err != nil {
			return fmt.Errorf("open a photograph: %w", err)
		}
		p.photo = plain
	}
	return nil
}

// NewPerson is what must be known to register somebody.
type NewPerson struct {
	Number               string // national number, digits only
	NameEn, NameUr       string
	FatherEn, FatherUr   string
	Birth                string // YYYY-MM-DD
	Sex                  string // female, male or other
	District             string // id of the country pack
	AddressEn, AddressUr string
	Phone                string // E.164, may be empty
	Photo                []byte // may be empty
	PhotoType            string // its media type
	Source               string // seed or enrolment
}

// Prepared is a person whose number is hashed and sealed, ready for Register.
type Prepared struct {
	Subject string
	np      NewPerson
	index   string
	sealed  []byte
	photo   []byte
	id      string

	districtEn, districtUr string
}

// Prepare derives the pseudonym and seals what must be sealed. It uses keys and
// so must run before the update that calls Register.
func (r *Room) Prepare(ctx context.Context, np NewPerson) (Prepared, error) {
	p := Prepared{np: np, id: r.newID()}
	number, err := r.pack.NationalNumber.Parse(np.Number)
	if err != nil {
		return p, err
	}
	p.np.Number = number.Digits
	if _, err := time.Parse(time.DateOnly, np.Birth); err != nil {
		return p, fault.New(fault.Invalid, "identity.birth.format")
	}
	if np.NameEn == "" || np.NameUr == "" {
		return p, fault.New(fault.Invalid, "identity.name.missing")
	}
	d, ok := r.pack.District(np.District)
	if !ok {
		return p, fault.New(fault.Invalid, "identity.district.unknown")
	}
	p.districtEn, p.districtUr = d.Name.In("en"), d.Name.In("ur")
	if p.Subject, err = r.subject(ctx, number.Digits); err != nil {
		return p, err
	}
	if p.index, err = r.numberIndex(ctx, number.Digits); err != nil {
		return p, err
	}
	if p.sealed, err = r.keys.Seal(ctx, purposeSeal, []byte(number.Digits), []byte(p.Subject)); err != nil {
		return p, fmt.Errorf("seal a national number: %w", err)
	}
	if len(np.Photo) > 0 {
		if p.photo, err = r.keys.Seal(ctx, purposeSeal, np.Photo, []byte("photo/"+p.Subject)); err != nil {
			return p, fmt.Errorf("seal a photograph: %w", err)
		}
	}
	return p, nil
}

// subject derives the pseudonym: "p" and 25 hexadecimal digits (100 bits), which
// say nothing about the number without the key.
func (r *Room) subject(ctx context.Context, digits string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeSubject, []byte(digits))
	if err != nil {
		return "", fmt.Errorf("derive a pseudonym: %w", err)
	}
	return "p" + hex.EncodeToString(mac[:13])[:25], nil
}

func (r *Room) numberIndex(ctx context.Context, digits string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeIndex, []byte(digits))
	if err != nil {
		return "", fmt.Errorf("index a national number: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(mac), nil
}

// Register enters a prepared person in the register. A number that is there
// already is a Conflict "identity.number.taken".
func (r *Room) Register(tx *store.Tx, p Prepared, actor string) error {
	n, err := insertPerson(tx, p)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "identity.number.taken")
	}
	tx.Emit(store.Event{Type: EventPersonIssued, Subject: "identity/person/" + p.Subject, Actor: actor, Data: Issued{Source: p.np.Source, District: p.np.District}})
	return nil
}

func insertPerson(tx *store.Tx, p Prepared) (int64, error) {
	now := store.Micros(tx.Now())
	np := p.np
	cohort, err := enter(tx, birthday(np.Birth))
	if err != nil {
		return 0, err
	}
	n, err := tx.Exec(`insert into identity_person (id, subject, number_index, number_sealed, photo_sealed, photo_type, name_en, name_ur, father_en, father_ur,
		birth, sex, district, district_en, district_ur, address_en, address_ur, phone, state, source, created, changed, cohort)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21, $22) on conflict do nothing`,
		p.id, p.Subject, p.index, p.sealed, p.photo, np.PhotoType, np.NameEn, np.NameUr, np.FatherEn, np.FatherUr,
		np.Birth, np.Sex, np.District, p.districtEn, p.districtUr, np.AddressEn, np.AddressUr, np.Phone, stateActive, np.Source, now, cohort)
	if err != nil {
		return 0, fmt.Errorf("register a person: %w", err)
	}
	return n, nil
}

// Find gives the subject a national number belongs to, or NotFound. Only who
// already knows the number can ask, and nothing else is given away.
func (r *Room) Find(ctx context.Context, number string) (string, error) {
	n, err := r.pack.NationalNumber.Parse(number)
	if err != nil {
		return "", err
	}
	index, err := r.numberIndex(ctx, n.Digits)
	if err != nil {
		return "", err
	}
	var subject string
	err = r.db.View(ctx, func(tx *store.Tx) error {
		subject, err = store.Get(tx, store.Value[string], `select subject from identity_person where number_index = $1`, index)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return "", fault.New(fault.NotFound, "identity.person.unknown")
	}
	return subject, err
}

// Name gives the person's name for the head of a page and for letters to them.
// It is the one thing that is given without a record: a name beside an action
// everybody in the room can see is no look into the register.
func (r *Room) Name(ctx context.Context, subject string) (en, ur string, err error) {
	var name [2]string
	err = r.db.View(ctx, func(tx *store.Tx) error {
		name, err = store.Get(tx, func(scan store.Scan) (n [2]string, err error) { return n, scan(&n[0], &n[1]) },
			`select name_en, name_ur from identity_person where subject = $1`, subject)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return "", "", fault.New(fault.NotFound, "identity.person.unknown")
	}
	return name[0], name[1], err
}

// Names is Name in the form the gate and the pages want.
func (r *Room) Names(ctx context.Context, subject string) map[string]string {
	if !strings.HasPrefix(subject, "p") {
		return nil
	}
	en, ur, err := r.Name(ctx, subject)
	if err != nil {
		return nil
	}
	return map[string]string{"en": en, "ur": ur}
}
