package office_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/office"
)

// told stands for the register of persons: it remembers what it was told.
type told struct {
	looks []office.Look
	fails error
}

func (p *told) Name(context.Context, string) (en, ur string, err error) {
	return "Ayesha Khan", "عائشہ خان", nil
}

func (p *told) Looked(_ *store.Tx, l office.Look) error {
	if p.fails != nil {
		return p.fails
	}
	p.looks = append(p.looks, l)
	return nil
}

// The person a file is about is told who opens it: each post once a day, by
// its page or by one of its papers. Whom the register cannot tell because of a
// fault, nobody shows the file to.
func TestThePersonIsToldWhoOpensTheFile(t *testing.T) {
	var room *office.Room
	var person *told
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		person = &told{}
		room, err = office.New(c, office.Wants{People: person})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		h, ctx := &house{court, room, t}, context.Background()
		court.Appoint("rashid", clerk)
		court.Appoint("saima", assistant)
		file, _ := h.receive("k1")
		open := func(post string) {
			t.Helper()
			if _, err := room.Open(ctx, h.permit(post, "office.file.read", file)); err != nil {
				t.Fatal(err)
			}
		}
		open(clerk)
		open(clerk)
		if _, _, err := room.ReadPaper(ctx, h.permit(clerk, "office.file.read", file), 1); err != nil {
			t.Fatal(err)
		}
		h.forward(clerk, file, "")
		if _, _, err := room.ReadPaper(ctx, h.permit(assistant, "office.file.read", file), 1); err != nil {
			t.Fatal(err)
		}
		open(assistant)
		var actors []string
		for _, l := range person.looks {
			actors = append(actors, l.Actor)
			if l.Person != applicant || l.Purpose == "" || l.Basis == "" {
				t.Errorf("told %+v", l)
			}
		}
		if want := []string{"post/" + clerk, "post/" + assistant}; !slices.Equal(actors, want) {
			t.Errorf("the person was told of %v, not %v", actors, want)
		}
		court.Clock.Advance(24 * time.Hour)
		open(assistant)
		if len(person.looks) != 3 {
			t.Errorf("of the next day the person was told %d times in all, not 3", len(person.looks))
		}
		court.Clock.Advance(24 * time.Hour)
		person.fails = fault.New(fault.Internal, "register.away")
		if _, err := room.Open(ctx, h.permit(assistant, "office.file.read", file)); err == nil {
			t.Error("a file was shown though the person could not be told")
		}
		person.fails = fault.New(fault.NotFound, "identity.person.unknown")
		if _, err := room.Open(ctx, h.permit(assistant, "office.file.read", file)); err != nil {
			t.Errorf("a file about somebody unknown: %v", err)
		}
	})
}
