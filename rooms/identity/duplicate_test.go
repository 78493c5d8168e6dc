package identity

import (
	"fmt"
	"sync"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
)

// within is a story told inside the room, on both engines.
func within(t *testing.T, story func(t *testing.T, court *courttest.Court, r *Room)) {
	t.Helper()
	t.Parallel()
	var room *Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = New(c, Wants{})
		return err
	}, func(t *testing.T, court *courttest.Court) { story(t, court, room) })
}

var twin = Answers{NameEn: "Zainab Rafiq", NameUr: "زینب رفیق", FatherEn: "Rafiq Ahmad", FatherUr: "رفیق احمد", Birth: "2004-03-07", Sex: "female",
	Number: "6990176543218", District: "islamabad", AddressEn: "House 1", AddressUr: "مکان 1", Phone: "+923991234567", HasPhoto: true}

// draft is an application that has all its answers.
func draft(t *testing.T, r *Room, browser string, a Answers) *Enrolment {
	t.Helper()
	e, err := r.openDraft(t.Context(), browser)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = r.enrolmentByID(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	e.Answers = a
	if err := r.keep(t.Context(), e, nil); err != nil {
		t.Fatal(err)
	}
	if e, err = r.enrolmentByID(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	return e
}

func (r *Room) resembles(t *testing.T, application string) (list []Likeness) {
	t.Helper()
	err := r.db.View(t.Context(), func(tx *store.Tx) (err error) {
		list, err = likenessesOf(tx, application)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func namesakes(n int) []NewPerson {
	out := make([]NewPerson, n)
	for i := range out {
		out[i] = NewPerson{Number: fmt.Sprintf("61101%08d", i*10+2), NameEn: "Gul Mina", NameUr: "گل مینہ", FatherEn: "Sher Zaman", Birth: twin.Birth, Sex: "female", District: "islamabad"}
	}
	return out
}

// Everybody who shares the birthday is compared before the update begins; in
// it, only who was entered in between.
func TestTheRegisterIsComparedBesideTheUpdate(t *testing.T) {
	within(t, func(t *testing.T, _ *courttest.Court, r *Room) {
		ctx := t.Context()
		if _, err := r.Seed(ctx, namesakes(120)); err != nil {
			t.Fatal(err)
		}
		e := draft(t, r, "browser", twin)
		index, err := r.numberIndex(ctx, twin.Number)
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.survey(ctx, e, index)
		if err != nil {
			t.Fatal(err)
		}
		if s.compared != 120 || len(s.found) != 0 {
			t.Fatalf("%d compared, %d found", s.compared, len(s.found))
		}
		// while the names were being compared, her double was registered (in another
		// spelling), and somebody who only shares the birthday
		double := NewPerson{Number: "6990176543226", NameEn: "Zaynab Rafique", NameUr: "زینب رفیق", FatherEn: "Rafique Ahmed", Birth: twin.Birth, Sex: "female", District: "islamabad"}
		stranger := namesakes(121)[120]
		subjects, err := r.Seed(ctx, []NewPerson{double, stranger})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.db.Update(ctx, func(tx *store.Tx) error { return send(tx, e, &s) }); err != nil {
			t.Fatal(err)
		}
		if s.compared != 2 {
			t.Errorf("%d people were compared in the update, want the two who came since", s.compared)
		}
		if got := r.resembles(t, e.ID); len(got) != 1 || got[0].Other != subjects[0] || got[0].Score < 75 {
			t.Errorf("the double was missed: %+v", got)
		}
	})
}

// The same person applies in several windows at the same moment: of any two
// applications, each knows of the other.
func TestApplicationsSentAtTheSameMomentSeeEachOther(t *testing.T) {
	within(t, func(t *testing.T, _ *courttest.Court, r *Room) {
		const windows = 4
		var sent [windows]*Enrolment
		for i := range sent {
			sent[i] = draft(t, r, fmt.Sprintf("browser-%d", i), twin)
		}
		var wait sync.WaitGroup
		for _, e := range sent {
			wait.Go(func() {
				if err := r.submit(t.Context(), e); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for i, e := range sent {
			others := map[string]bool{}
			for _, l := range r.resembles(t, e.ID) {
				if l.Kind == likeApplication && l.Score == 100 {
					others[l.Other] = true
				}
			}
			if len(others) != windows-1 {
				t.Errorf("application %d knows of %d of the other %d", i, len(others), windows-1)
			}
		}
	})
}
