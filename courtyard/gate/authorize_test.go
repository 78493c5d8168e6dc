package gate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarai/courtyard/clock"
	"sarai/courtyard/gate"
)

var noon = time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)

// file is what a room gives the gate to decide about.
type file struct {
	post, office, subject string
	secret                bool
}

func (f file) GateResource() gate.Resource {
	return gate.Resource{Type: "OfficeFile", ID: "f1", Attrs: map[string]any{
		"post": f.post, "office": f.office, "subject": f.subject, "secret": f.secret, "pages": int64(3), "tags": []string{},
	}}
}

type board struct{}

func (board) GateResource() gate.Resource { return gate.Resource{Type: "OfficeBoard", ID: "b"} }

func sealed(t testing.TB, o gate.Options) *gate.Gate {
	t.Helper()
	if o.Clock == nil {
		o.Clock = clock.At(noon)
	}
	g := gate.New(nil, o)
	g.Room("office", []byte(officePolicy), []byte(officeSchema))
	if err := g.Seal(); err != nil {
		t.Fatal(err)
	}
	return g
}

func holder(id string, posts ...string) gate.Principal {
	p := gate.Principal{Kind: gate.Official, ID: id, AAL: 2}
	for _, post := range posts {
		p.Posts = append(p.Posts, gate.Post{ID: post, Office: "icta.dc", Powers: []string{"office.note"}})
	}
	if len(posts) > 0 {
		p.Acting = p.Posts[0]
	}
	return p
}

func TestWhoMayDoWhat(t *testing.T) {
	g := sealed(t, gate.Options{})
	mine := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
	secret := mine
	secret.secret = true
	rashid := holder("p-rashid", "icta.dc.diary")
	late := rashid
	late.Expires = noon.Add(-time.Second)
	ended := rashid
	ended.Posts = []gate.Post{{ID: "icta.dc.diary", Office: "icta.dc", Powers: []string{"office.note"}, Until: noon}}
	weak := rashid
	weak.AAL = 1
	pretender := gate.Principal{Kind: gate.Citizen, ID: "p-x", Acting: rashid.Posts[0]}
	usurper := holder("p-y", "moitt.secretary")
	usurper.Acting = rashid.Posts[0]
	two := holder("p-z", "icta.dc.ac", "icta.dc.diary")
	diary, _ := two.As("icta.dc.diary")
	for _, c := range []struct {
		name   string
		who    gate.Principal
		action string
		what   gate.Entity
		want   bool
	}{
		{"the holder writes", rashid, "office.note.write", mine, true},
		{"the holder decides", rashid, "office.file.decide", mine, true},
		{"a decision with a weak sign-in", weak, "office.file.decide", mine, false},
		{"another post does not write", holder("p-saima", "icta.dc.assistant"), "office.note.write", mine, false},
		{"another post of the office reads", holder("p-saima", "icta.dc.assistant"), "office.file.read", mine, true},
		{"a post of elsewhere", holder("p-1", "nadra.isb.registration"), "office.note.write", mine, false},
		{"the applicant reads", gate.Principal{Kind: gate.Citizen, ID: "p-ayesha"}, "office.file.read", mine, true},
		{"another citizen does not", gate.Principal{Kind: gate.Citizen, ID: "p-bilal"}, "office.file.read", mine, false},
		{"the applicant does not write", gate.Principal{Kind: gate.Citizen, ID: "p-ayesha"}, "office.note.write", mine, false},
		{"nobody in particular", gate.Principal{}, "office.file.read", mine, false},
		{"nobody with a borrowed id", gate.Principal{ID: "p-ayesha"}, "office.file.read", mine, false},
		{"an expired session", late, "office.note.write", mine, false},
		{"an expired charge", ended, "office.note.write", mine, false},
		{"a secret file with a weak sign-in", weak, "office.note.write", secret, false},
		{"a secret file with a strong one", rashid, "office.note.write", secret, true},
		{"nobody decides about himself", holder("p-ayesha", "icta.dc.diary"), "office.file.decide", mine, false},
		{"a citizen who says he acts in a post", pretender, "office.note.write", mine, false},
		{"an official who acts in a post he lacks", usurper, "office.note.write", mine, false},
		{"powers are those of the post acted in", two, "office.note.write", mine, false},
		{"and follow when the post changes", diary, "office.note.write", mine, true},
		{"the board is public", gate.Principal{}, "office.board.see", board{}, true},
		{"the house itself is a resource", gate.Principal{}, "office.board.see", gate.House{}, true},
		{"a client is not asked for at all", gate.Principal{Kind: gate.Client, ID: "c"}, "office.board.see", board{}, false},
		{"demo actions only in a demo", gate.Principal{Kind: gate.System, ID: "seed"}, "office.demo.fill", gate.House{}, false},
		{"a resource the action is not for", rashid, "office.note.write", board{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := g.Would(c.who, c.action, c.what); got != c.want {
				t.Fatalf("the gate says %v", got)
			}
		})
	}
	if !sealed(t, gate.Options{Demo: true}).Would(gate.Principal{Kind: gate.System, ID: "seed"}, "office.demo.fill", gate.House{}) {
		t.Fatal("a demo house refuses demo actions")
	}
}

func TestActorsAreThePostNotThePerson(t *testing.T) {
	for want, p := range map[string]gate.Principal{
		"anonymous":          {ID: "ignored"},
		"citizen/p1":         {Kind: gate.Citizen, ID: "p1"},
		"post/icta.dc.diary": holder("p1", "icta.dc.diary"),
		"official/p1":        {Kind: gate.Official, ID: "p1"},
		"system/jobs.clean":  {Kind: gate.System, ID: "jobs.clean"},
		"client/bank":        {Kind: gate.Client, ID: "bank"},
	} {
		if got := p.Actor(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAMadeUpPermitIsWorthNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a permit the gate did not give was used")
		}
	}()
	var p gate.Permit[gate.House]
	if p.Valid() {
		t.Fatal("the zero permit says it is valid")
	}
	p.Who()
}

// Whatever is asked: yes is never said without a permit policy that names the
// action, and never against a prohibition we can compute by hand.
func TestYesNeedsAPermitPolicy(t *testing.T) {
	g := sealed(t, gate.Options{})
	posts := []string{"icta.dc.diary", "icta.dc.ac", "moitt.secretary"}
	people := []string{"p1", "p2", ""}
	rapid.Check(t, func(t *rapid.T) {
		who := gate.Principal{
			Kind: gate.Kind(rapid.IntRange(0, 4).Draw(t, "kind")), //nolint:gosec // small
			ID:   rapid.SampledFrom(people).Draw(t, "person"), AAL: rapid.IntRange(0, 3).Draw(t, "aal"),
		}
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom(posts), rapid.ID).Draw(t, "posts") {
			p := gate.Post{ID: id, Office: id[:len(id)-3], Powers: rapid.SliceOf(rapid.SampledFrom([]string{"office.note", "x"})).Draw(t, "powers")}
			if rapid.Bool().Draw(t, "ended") {
				p.Until = noon
			}
			who.Posts = append(who.Posts, p)
		}
		if len(who.Posts) > 0 && rapid.Bool().Draw(t, "acting") {
			who.Acting = rapid.SampledFrom(who.Posts).Draw(t, "post")
		}
		if rapid.Bool().Draw(t, "expired") {
			who.Expires = noon.Add(-time.Minute)
		}
		f := file{
			post: rapid.SampledFrom(posts).Draw(t, "at"), office: rapid.SampledFrom([]string{"icta.dc", "moitt"}).Draw(t, "office"),
			subject: rapid.SampledFrom(people).Draw(t, "subject"), secret: rapid.Bool().Draw(t, "secret"),
		}
		action := rapid.SampledFrom([]string{"office.file.read", "office.note.write", "office.file.decide", "office.nothing"}).Draw(t, "action")
		if !g.Would(who, action, f) {
			return
		}
		acting := who.Acting
		if acting.ID == "" && len(who.Posts) == 1 {
			acting = who.Posts[0]
		}
		writes := who.Kind == gate.Official && acting.ID == f.post && slices.Contains(acting.Powers, "office.note")
		reads := who.Kind == gate.Citizen && f.subject == who.ID || who.Kind == gate.Official && acting.Office == f.office
		switch {
		case !who.Expires.IsZero(), !acting.Until.IsZero() && who.Kind == gate.Official:
			t.Fatal("allowed after the time was over")
		case action == "office.nothing":
			t.Fatal("allowed an action nobody declared")
		case action == "office.file.read" && !reads, action != "office.file.read" && !writes:
			t.Fatalf("allowed %s without a permit", action)
		case action == "office.file.decide" && f.subject == who.ID:
			t.Fatal("decided about himself")
		case action == "office.file.decide" && who.Kind == gate.Official && who.AAL < 2:
			t.Fatal("decided with a weak sign-in")
		case action != "office.file.decide" && f.secret && who.AAL < 2:
			t.Fatal("a secret was shown")
		}
	})
}

func BenchmarkDecision(b *testing.B) {
	// about 90 policies of 15 rooms, of which a decision looks at its own few
	g := gate.New(nil, gate.Options{Clock: clock.At(noon)})
	g.Room("office", []byte(officePolicy), []byte(officeSchema))
	for i := range 14 {
		name := fmt.Sprintf("room%d", i)
		policy, schema := "", fmt.Sprintf(`entity Thing%d { owner: String };`, i)
		for j := range 6 {
			schema += fmt.Sprintf(`action "%s.a%d" appliesTo { principal: [Citizen, Official], resource: Thing%d };`, name, j, i)
			policy += fmt.Sprintf(`@id("%s.p%d") @reason("x") permit (principal, action == Action::"%s.a%d", resource) when { resource.owner == principal.id };`, name, j, name, j)
		}
		g.Room(name, []byte(policy), []byte(schema))
	}
	if err := g.Seal(); err != nil {
		b.Fatal(err)
	}
	who, f := holder("p-rashid", "icta.dc.diary"), file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
	b.ReportAllocs()
	for b.Loop() {
		if !g.Would(who, "office.note.write", f) {
			b.Fatal("refused")
		}
	}
}

// Cedar skips a policy that fails. Here the failing policy is a forbid; if it
// were skipped, the permit would stand.
func TestAnErrorIsARefusal(t *testing.T) {
	g := gate.New(nil, gate.Options{Clock: clock.At(noon)})
	overflow := `
@id("office.too-thick") @reason("office.too-thick")
forbid (principal, action == Action::"office.note.write", resource)
when { resource.pages + 9223372036854775807 > 5 };`
	g.Room("office", []byte(officePolicy+overflow), []byte(officeSchema))
	if err := g.Seal(); err != nil {
		t.Fatal(err)
	}
	f := file{post: "icta.dc.diary", office: "icta.dc", subject: "p-ayesha"}
	if g.Would(holder("p-rashid", "icta.dc.diary"), "office.note.write", f) {
		t.Fatal("a prohibition that failed was skipped")
	}
	if !g.Would(holder("p-rashid", "icta.dc.diary"), "office.file.read", f) {
		t.Fatal("a policy for another action stood in the way")
	}
}

// A loader that forgets an attribute, or gives one of another type, is a
// defect; the gate must not guess.
func TestAResourceThatDoesNotFitIsRefused(t *testing.T) {
	g := sealed(t, gate.Options{})
	for name, attrs := range map[string]map[string]any{
		"an attribute missing":   {"post": "icta.dc.diary"},
		"an attribute too many":  {"post": "icta.dc.diary", "office": "icta.dc", "subject": "s", "secret": false, "pages": 1, "tags": []string{}, "x": "y"},
		"an attribute of a kind": {"post": "icta.dc.diary", "office": "icta.dc", "subject": "s", "secret": "no", "pages": 1, "tags": []string{}},
		"an attribute we cannot": {"post": "icta.dc.diary", "office": "icta.dc", "subject": "s", "secret": false, "pages": 1.5, "tags": []string{}},
	} {
		if g.Would(holder("p", "icta.dc.diary"), "office.file.read", made(attrs)) {
			t.Errorf("%s: allowed", name)
		}
	}
	if !g.Would(holder("p", "icta.dc.diary"), "office.file.read", made{"post": "icta.dc.diary", "office": "icta.dc", "subject": "s", "secret": false, "pages": 1, "tags": []string{"a"}}) {
		t.Error("the whole resource is refused")
	}
}

type made map[string]any

func (m made) GateResource() gate.Resource {
	return gate.Resource{Type: "OfficeFile", ID: "m", Attrs: m}
}
