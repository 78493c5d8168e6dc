package services

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

// SeedPerson is a person of the demo country as this room needs to know them.
type SeedPerson struct {
	Subject string // pseudonym
	Citizen country.Citizen
}

// Seed lets people of a synthetic country have applications in all the states
// that need nobody else's hand: drafts, unpaid ones, and ones with the office,
// about count together. The office's files are real ones, received as any
// other; their fee is taken as paid on paper before the house opened, so none
// is asked. It does nothing when there are applications already.
func (r *Room) Seed(ctx context.Context, people []SeedPerson, count int, seed uint64) error {
	var have int64
	if err := r.c.DB.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow("select count(*) from services_application").Scan(&have)
	}); err != nil || have > 0 {
		return err
	}
	s := &seeding{Room: r, ctx: ctx, r: rand.New(rand.NewPCG(seed, 0x5e41ce5)), today: r.today()} //nolint:gosec // a demo, the same each time
	var batch []seeded
	for i := 0; i < len(people) && s.made < count; i++ {
		p := people[i]
		if p.Citizen.Persona != "" || p.Citizen.Official || p.Citizen.Birth.AgeAt(s.today) < 18 {
			continue // personas begin with a clean desk
		}
		one, ok, err := s.application(p)
		if err != nil {
			return fmt.Errorf("seed the applications: %w", err)
		}
		if !ok {
			continue
		}
		if batch = append(batch, one); len(batch) == 40 {
			if err := s.write(batch); err != nil {
				return err
			}
			batch = nil
		}
		s.made++
	}
	return s.write(batch)
}

type seeding struct {
	*Room
	ctx   context.Context
	r     *rand.Rand
	today country.Date
	made  int
}

type seeded struct {
	d       *Definition
	a       *Application
	unpaid  bool
	sent    bool
	known   int
	answers int
}

// application makes one application of a person, eligible by the rules.
func (s *seeding) application(p SeedPerson) (seeded, bool, error) {
	d := s.catalogue.now[s.r.IntN(len(s.catalogue.now))]
	c := content{Facts: map[string]held{}, Answers: map[string]string{}}
	z := p.Citizen
	known := map[string]held{
		"name": {Value: z.Name["en"], ValueUr: z.Name["ur"]}, "father_name": {Value: z.Father["en"], ValueUr: z.Father["ur"]},
		"national_number": {Value: z.Number}, "birth_date": {Value: z.Birth.String()}, "district": {Value: z.District},
		"address": {Value: z.Address["en"], ValueUr: z.Address["ur"]}, "phone": {Value: string(z.Phone)},
	}
	for _, f := range d.Facts {
		if h, ok := known[f.ID]; ok {
			h.Source, h.At = "NADRA", s.c.Clock.Now().AddDate(0, -1-s.r.IntN(30), 0)
			c.Facts[f.ID] = h
		}
	}
	for _, page := range d.Pages {
		for _, f := range page.Fields {
			c.Answers[f.ID] = s.value(f, z)
		}
	}
	v, err := d.current(s.ctx, c.values(), s.today)
	if err != nil {
		return seeded{}, false, err
	}
	for name := range c.Answers {
		if _, asked := v["answers."+name]; !asked {
			delete(c.Answers, name)
		}
	}
	if verdict, _, err := d.Eligible(s.ctx, c.values(), s.today); err != nil || verdict != Yes {
		return seeded{}, false, err
	}
	a := &Application{ID: s.c.NewID(), Ref: id.Reference(12), Service: d.ID, Definition: d.Hash, Owner: p.Subject, State: Draft, Version: 1, Consent: "yes"}
	out := seeded{d: d, a: a, known: len(c.Facts), answers: len(c.Answers)}
	switch n := s.r.IntN(10); {
	case n < 2:
		for _, f := range d.Pages[len(d.Pages)-1].Fields {
			delete(c.Answers, f.ID) // left before the last question
		}
	case n < 4 && d.Fee.Amount > 0:
		out.sent, out.unpaid = true, true
	default:
		out.sent = true
	}
	a.Content, err = s.seal(s.ctx, a.ID, c)
	return out, true, err
}

// value gives an answer that lets the person through.
func (s *seeding) value(f Field, z country.Citizen) string {
	switch f.Type {
	case "date":
		if strings.HasPrefix(f.ID, "child") {
			return country.DateOf(s.c.Clock.Now().AddDate(0, 0, -7-s.r.IntN(900)), s.c.Pack.Zone).String()
		}
		return country.DateOf(s.c.Clock.Now().AddDate(-2-s.r.IntN(12), 0, -s.r.IntN(300)), s.c.Pack.Zone).String()
	case "choice":
		return f.Options[s.r.IntN(min(len(f.Options), 3))].ID
	case "yesno":
		switch f.ID {
		case "other", "pending":
			return "no"
		}
		return "yes"
	case "phone":
		return string(z.Phone)
	case "district":
		return z.District
	case "iban":
		return string(z.IBAN)
	case "money":
		return fmt.Sprint(int64(20_000+s.r.IntN(40_000)) * 100)
	case "number":
		if f.ID == "marks" {
			return fmt.Sprint(60 + s.r.IntN(38))
		}
		return fmt.Sprint(5 + s.r.IntN(4))
	case "file":
		return ""
	}
	switch f.ID {
	case "child_name":
		return []string{"Maryam", "Hassan", "Zainab", "Ibrahim"}[s.r.IntN(4)] + " " + z.Family["en"]
	case "business":
		return z.Family["en"] + " Store"
	case "premises":
		return fmt.Sprintf("Shop %d, %s", 1+s.r.IntN(60), z.Address["en"])
	case "university":
		return []string{"Quaid-i-Azam University", "University of the Punjab", "University of Karachi", "University of Peshawar"}[s.r.IntN(4)]
	case "programme":
		return []string{"BS Physics", "BS Computer Science", "BA Economics", "BSc Nursing"}[s.r.IntN(4)]
	case "passport":
		return fmt.Sprintf("AB%07d", s.r.IntN(10_000_000))
	case "land":
		return []string{"Oman", "Malaysia", "Germany"}[s.r.IntN(3)]
	}
	return ""
}

func (s *seeding) write(batch []seeded) error {
	if len(batch) == 0 {
		return nil
	}
	err := s.c.DB.Update(s.ctx, func(tx *store.Tx) error {
		for _, one := range batch {
			a := *one.a // the function may run again
			a.Created, a.Updated = tx.Now(), tx.Now()
			data := ApplicationData{Application: a.ID, Service: a.Service, Office: one.d.Agency, Definition: a.Definition}
			tx.Emit(store.Event{Type: ApplicationStarted, Version: 1, Subject: a.subject(), Actor: "citizen/" + a.Owner, Data: data})
			if one.sent {
				a.State, a.Submitted = Submitted, tx.Now()
			}
			if one.unpaid {
				if err := s.ask(tx, &a, one.d, feePurpose(one.d, &a)); err != nil {
					return err
				}
			}
			if err := a.insert(tx, one.d); err != nil {
				return err
			}
			if !one.sent {
				continue
			}
			data.Fee, data.Known, data.Asked = a.Fee, one.known, one.answers
			tx.Emit(store.Event{Type: ApplicationSubmitted, Version: 1, Subject: a.subject(), Actor: "citizen/" + a.Owner, Data: data})
			if !one.unpaid {
				if err := s.accept(tx, &a, one.d, "citizen/"+a.Owner); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if store.IsUnique(err) {
		return fault.New(fault.Conflict, "services.application.changed").Because(err)
	}
	return err
}
