package services

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/country/strict"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
)

func pack(t testing.TB) *country.Pack {
	t.Helper()
	p, err := country.Builtin("pk")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func domicile(t testing.TB, p *country.Pack) string {
	t.Helper()
	data, err := fs.ReadFile(p.Services, "domicile.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTheNationsServicesLoadAndPassTheirOwnTests(t *testing.T) {
	p := pack(t)
	ds, err := LoadAll(p.Services, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(ds) != 5 {
		t.Fatalf("%d services", len(ds))
	}
}

// TestABrokenServiceIsNotLoadedAndSaysWhere plants one mistake at a time.
func TestABrokenServiceIsNotLoadedAndSaysWhere(t *testing.T) {
	p := pack(t)
	good := domicile(t, p)
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "agency: icta.dc", "agency: icta.dc\nagancy: x", `unknown key "agancy"`},
		{"missing key", "agency: icta.dc\n", "", `key "agency" is missing`},
		{"missing Urdu", "name: {en: Domicile certificate, ur: ڈومیسائل سرٹیفکیٹ}\nsummary", "name: {en: Domicile certificate}\nsummary", `the text in "ur" is missing`},
		{"no such office", "agency: icta.dc", "agency: icta.cd", `there is no office "icta.cd"`},
		{"no such post", "post: icta.dc.ac,", "post: icta.dc.acc,", `there is no post "icta.dc.acc"`},
		{"a post that cannot decide", "{post: icta.dc.dc,", "{post: icta.dc.ac,", "does not have the power office.decide"},
		{"no such law", "law: act\n", "law: acts\n", `there is no law "acts"`},
		{"a slip in a rule", "facts.birth_date, today) >= 18", "facts.birthdate, today) >= 18", "undeclared reference"},
		{"a rule of the wrong type", "rule: years(facts.birth_date, today) >= 18", "rule: years(facts.birth_date, today)", "wanted yes or no (bool)"},
		{"a rule that compares a date with a number", "facts.district == 'islamabad'", "facts.birth_date == 5", "no matching overload"},
		{"a page that depends on a later one", "when: answers.home == 'rented'", "when: answers.purpose == 'job'", "is asked only here or later"},
		{"an own test that fails", "years(facts.birth_date, today) >= 18", "years(facts.birth_date, today) >= 21", `test "on the eighteenth birthday" fails: eligible is "no", the test wants "yes"`},
		{"the same id twice", "- id: home\n    question", "- id: residence\n    question", `page id "residence" is used twice`},
		{"a fact that is not there", "known: phone", "known: telephone", `there is no fact "telephone"`},
		{"the public sees a number", "public: [facts.name,", "public: [facts.name, facts.national_number,", "never shown to the public"},
		{"a hole in the certificate", "{facts.father_name}, holder", "{facts.fathername}, holder", `no "facts.fathername"`},
		{"an anchor", "working_days: 5", "working_days: &n 5", "anchors, aliases"},
		{"not YAML", "facts:\n", "facts: [\n", "not well-formed YAML"},
		{"the file is called otherwise", "id: domicile\n", "id: domicil\n", `so the id is "domicile"`},
		{"no fee account", "account: ict", "account: itc", `there is no fee account "itc"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(good, c.old) == 0 {
				t.Fatalf("the file has no %q", c.old)
			}
			at := strings.Count(good[:strings.Index(good, c.old)], "\n") + 1
			_, err := Load("services/domicile.yaml", []byte(strings.Replace(good, c.old, c.new, 1)), p)
			ps := strict.Of(err)
			if len(ps) == 0 {
				t.Fatalf("loaded, or no place named: %v", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want %q in:\n%s", c.want, err)
			}
			if !strings.HasPrefix(err.Error(), "services/domicile.yaml:") {
				t.Fatalf("no file: %s", err)
			}
			_ = at
		})
	}
}

func TestAProblemNamesItsLine(t *testing.T) {
	p := pack(t)
	text := strings.Replace(domicile(t, p), "facts.district == 'islamabad'", "facts.distrct == 'islamabad'", 1)
	_, err := Load("services/domicile.yaml", []byte(text), p)
	ps := strict.Of(err)
	if len(ps) != 1 {
		t.Fatalf("%v", err)
	}
	line := strings.Split(text, "\n")[ps[0].Line-1]
	if !strings.Contains(line, "- id: district") {
		t.Fatalf("line %d is %q", ps[0].Line, line)
	}
}

func TestAllMistakesOfAFileAreToldAtOnce(t *testing.T) {
	p := pack(t)
	text := strings.NewReplacer("agency: icta.dc", "agency: nowhere", "post: icta.dc.ac,", "post: nobody,", "law: act\n", "law: none\n").Replace(domicile(t, p))
	_, err := Load("services/domicile.yaml", []byte(text), p)
	if n := len(strict.Of(err)); n != 3 {
		t.Fatalf("%d problems: %v", n, err)
	}
}

func TestARuleCannotRunAway(t *testing.T) {
	p := pack(t)
	long := strings.Repeat("1,", 400) + "1"
	text := strings.Replace(domicile(t, p), "rule: facts.district == 'islamabad'",
		fmt.Sprintf("rule: \"[%s].all(x, [%s].all(y, x == y))\"", long, long), 1)
	start := time.Now()
	_, err := Load("services/domicile.yaml", []byte(text), p)
	if err == nil || time.Since(start) > 5*time.Second {
		t.Fatalf("after %v: %v", time.Since(start), err)
	}
}

func TestARuleKnowsWhatItNeedNotKnow(t *testing.T) {
	p := pack(t)
	d, err := Load("services/domicile.yaml", []byte(domicile(t, p)), p)
	if err != nil {
		t.Fatal(err)
	}
	today, _ := country.ParseDate("2026-11-21")
	for _, c := range []struct {
		v    Values
		rule string
		want Verdict
	}{
		{Values{}, "one", Unknown},
		{Values{"answers.other": "no"}, "one", Yes}, // surrender is not asked then
		{Values{"answers.other": "yes"}, "one", Unknown},
		{Values{"answers.surrender": "yes"}, "one", Yes},
		{Values{"answers.other": "yes", "answers.surrender": "no"}, "one", No},
	} {
		_, findings, err := d.Eligible(context.Background(), c.v, today)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			if f.Check.ID == c.rule && f.Verdict != c.want {
				t.Errorf("%v: %s is %s, want %s", c.v, c.rule, f.Verdict, c.want)
			}
		}
	}
}

const newPage = `  - id: siblings
    question: {en: How many brothers and sisters do you have?, ur: آپ کے کتنے بہن بھائی ہیں؟}
    fields:
      - {id: siblings, type: number, min: "0", max: "30", label: {en: Brothers and sisters, ur: بہن بھائی}}
`

// TestAFieldInTheFileIsAQuestionOnTheScreen adds a page to domicile.yaml and
// changes nothing else. An application that was open before keeps its form.
func TestAFieldInTheFileIsAQuestionOnTheScreen(t *testing.T) {
	var room *Room
	f := newFakes()
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = New(c, f.wants())
		return err
	}, func(t *testing.T, court *courttest.Court) {
		w := &win{T: t, court: court, room: room, fakes: f}
		b := w.citizen("bilal")
		old, _ := b.post("/services/domicile/start", nil, 303) // before the change
		oldHash := w.application(refOf(old)).Definition

		changed := strings.Replace(domicile(t, court.Pack), "  - id: phone\n    question", newPage+"  - id: phone\n    question", 1)
		changed = strings.ReplaceAll(changed, "purpose, phone]", "purpose, siblings, phone]") // its own tests list the pages
		p := *court.Pack
		p.Services = fstest.MapFS{"domicile.yaml": {Data: []byte(changed)}}
		cat, err := newCatalogue(&p)
		if err != nil {
			t.Fatal(err)
		}
		room.catalogue = cat // as after a restart with the new file

		a := w.citizen("ayesha")
		ref := a.apply()
		if _, to := a.do("GET", "/applications/"+ref+"/check", "", nil, 303); to != "/applications/"+ref+"/q/siblings" {
			t.Fatalf("the new question is not asked: %s", to)
		}
		if page := plainText(a.get("/applications/"+ref+"/q/siblings", 200)); !strings.Contains(page, "How many brothers and sisters do you have?") {
			t.Fatal(page)
		}
		a.post("/applications/"+ref+"/q/siblings", url.Values{"siblings": {"۳"}}, 303)
		if page := plainText(a.get("/applications/"+ref+"/check", 200)); !strings.Contains(page, "Brothers and sisters 3") {
			t.Fatal(page)
		}

		ref = b.apply() // takes the old draft up: no new question
		b.get("/applications/"+ref+"/check", 200)
		if w.application(ref).Definition != oldHash {
			t.Fatal("an open application changed its definition")
		}
	})
}

func TestSeedingFillsTheWindow(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		demo := w.court.Pack.Demo(7, country.DemoSize{Citizens: 300, Merchants: 10})
		var people []SeedPerson
		for _, c := range demo.Citizens {
			people = append(people, SeedPerson{Subject: "p-" + c.Key, Citizen: c})
		}
		ctx := context.Background()
		if err := w.room.Seed(ctx, people, 60, 7); err != nil {
			t.Fatal(err)
		}
		if err := w.room.Seed(ctx, people, 60, 7); err != nil { // again: nothing
			t.Fatal(err)
		}
		states := func() map[string]int {
			out := map[string]int{}
			_ = w.court.DB.View(ctx, func(tx *store.Tx) error {
				_, err := store.List(tx, func(scan store.Scan) (int, error) {
					var s string
					var n int
					err := scan(&s, &n)
					out[s] = n
					return n, err
				}, "select state, count(*) from services_application group by state")
				return err
			})
			return out
		}
		w.eventually("the offices have their files", func() bool { return states()[Paid] == 0 })
		s := states()
		if s[Draft]+s[Submitted]+s[InOffice] != 60 || s[Draft] == 0 || s[Submitted] == 0 || s[InOffice] < 20 {
			t.Fatalf("%v", s)
		}
	})
}

func FuzzLoad(f *testing.F) {
	p := pack(f)
	names, _ := fs.Glob(p.Services, "*.yaml")
	for _, n := range names {
		data, _ := fs.ReadFile(p.Services, n)
		f.Add(string(data))
	}
	f.Add("a: &a [*a]")
	f.Add("- - - - -")
	f.Add("id: x\nfacts: {a: b}\npages: 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Load("services/domicile.yaml", []byte(text), p)
		if (d == nil) == (err == nil) {
			t.Fatal("neither a definition nor a reason")
		}
		if err != nil && len(strict.Of(err)) == 0 {
			t.Fatalf("a reason without a place: %v", err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	p := pack(f)
	today, _ := country.ParseDate("2026-11-21")
	for _, s := range []string{"", "17-4-2001", "۱۷/۰۴/۲۰۰۱", "0300 1234567", "Rs 1,250.50", "PK36SCBL0000001123456702", "\u202egnp.exe", "yes", "999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range fieldTypes {
			fld := Field{ID: "x", Type: kind, Options: []Option{{ID: "yes"}}}
			v, err := fld.parse(p, s, "x", today)
			if err != nil {
				continue
			}
			// what was taken is canonical: taken again it is the same
			if again, err := fld.parse(p, v, "x", today); v != "" && kind != "money" && (err != nil || again != v) {
				t.Fatalf("%s: %q gives %q, and that gives %q (%v)", kind, s, v, again, err)
			}
			if strings.ContainsAny(v, "\u202e\u202d\u2066\x00") {
				t.Fatalf("%s: kept a mark that reorders text: %q", kind, v)
			}
		}
	})
}
