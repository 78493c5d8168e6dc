package country_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"sarai/countries"
	"sarai/courtyard/country"
	"sarai/courtyard/country/strict"
)

func pk(t testing.TB) *country.Pack {
	t.Helper()
	p, err := country.Builtin("pk")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPakistanLoads(t *testing.T) {
	p := pk(t)
	total := 0
	for _, s := range p.Sectors {
		total += s.Organisations
	}
	if len(p.Offices) != 41 || len(p.Banks) != 6 || total != 60 || len(p.Personas) != 17 || len(p.Digest) != 64 {
		t.Fatalf("%d offices, %d banks, %d organisations, %d personas, digest %s", len(p.Offices), len(p.Banks), total, len(p.Personas), p.Digest)
	}
	// Other rooms and the journey name these.
	for _, id := range []string{
		"nadra.isb.registration", "nadra.isb.adjudication", "icta.dc.diary", "icta.dc.assistant", "icta.dc.ac", "icta.dc.dc",
		"moitt.secretary", "pda.commission", "pda.chair", "pkcert.soc.analyst", "pkcert.head", "sbp.rail", "agpr.treasury",
	} {
		if _, ok := p.Post(id); !ok {
			t.Errorf("no post %s", id)
		}
	}
	if c, ok := p.Client("outside-rp"); !ok || !c.Public {
		t.Error("no public client outside-rp")
	}
	if d, ok := p.Duty("incident-report"); !ok || d.Hours != 24 {
		t.Error("no duty to report an incident within 24 hours")
	}
}

// pakistan copies the pack so that a test can break it.
func pakistan(t testing.TB) fstest.MapFS {
	t.Helper()
	sub, err := countries.Pack("pk")
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	err = fs.WalkDir(sub, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sub, name)
		out[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestABrokenPackSaysFileLineAndReason plants one mistake at a time and expects
// it to be named at the line where it stands.
func TestABrokenPackSaysFileLineAndReason(t *testing.T) {
	for _, c := range []struct{ name, file, old, new, at, want string }{
		{"unknown key", "pack.yaml", "zone: Asia/Karachi", "zone: Asia/Karachi\ncapital: Islamabad", "capital:", `unknown key "capital"`},
		{"missing key", "pack.yaml", "zone: Asia/Karachi\n", "", "code: pk", `key "zone" is missing`},
		{"no such zone", "pack.yaml", "Asia/Karachi", "Asia/Karachee", "code: pk", "time zone database"},
		{"missing text", "banks.yaml", ", ur: جیب پے والٹ}", "}", "id: jebpay", `the text in "ur" is missing`},
		{"empty text", "banks.yaml", "en: JebPay wallet", `en: ""`, "id: jebpay", `the text in "en" is empty`},
		{"a language nobody speaks here", "banks.yaml", "en: JebPay wallet", "en: JebPay wallet, fr: Portefeuille", "id: jebpay", `"fr" is not a language of this pack`},
		{"bank without an office to be found", "sectors.yaml", "regulator: nepra", "regulator: nepraa", "id: energy", `regulator "nepraa" is no office`},
		{"bank id twice", "banks.yaml", "id: dastak", "id: jebpay", "kind: wallet, code: DSTK", `bank id "jebpay" is used twice`},
		{"bank code too short", "banks.yaml", "code: DSTK", "code: DST", "code: DST", "no IBAN can be made"},
		{"wrong check digits", "banks.yaml", "iban: PK", "iban: PK0", "id: treasury", "its IBAN is wrong"},
		{"office without its parent", "offices.yaml", "parent: icta\n", "parent: ictb\n", "id: icta.dc", `parent "ictb" does not stand before it`},
		{"post of another office", "offices.yaml", "id: icta.dc.dc,", "id: icta.dd.dc,", "id: icta.dd.dc", `begins with "icta.dc."`},
		{"unknown power", "offices.yaml", "powers: [office.diary]}", "powers: [office.diarise]}", "office.diarise", `power "office.diarise" is not known`},
		{"persona in a post that is not there", "personas.yaml", "post: sbp.rail", "post: sbp.track", "id: hina", `there is no post "sbp.track"`},
		{"number of a man for a woman", "personas.yaml", `number: "69901-2290517-6"`, `number: "69901-2290517-7"`, "id: nadia", "number"},
		{"a number that could be somebody's", "personas.yaml", `number: "69901-2290517-6"`, `number: "61101-2290517-6"`, "id: nadia", `has "99" after its first digit`},
		{"no such day", "calendar.yaml", "date: 2026-08-14", "date: 2026-08-41", "2026-08-41", "wanted a date like"},
		{"holiday twice", "calendar.yaml", "date: 2026-08-25", "date: 2026-08-14", "Eid Milad", "already a holiday"},
		{"holiday of another year", "calendar.yaml", "date: 2026-02-05", "date: 2025-02-05", "2025-02-05", "not in the years"},
		{"hours run backwards", "calendar.yaml", "mon: [09:00-13:00", "mon: [13:00-09:00", "mon: [13:00", "wanted hours like"},
		{"redirect in clear text", "clients.yaml", "http://127.0.0.1:7701/callback", "http://university.example/callback", "id: outside-rp", "uses http outside this machine"},
		{"redirect with a wildcard", "clients.yaml", "http://127.0.0.1:7701/callback", "http://127.0.0.1:7701/*", "id: outside-rp", "wildcard"},
		{"a number for a list", "names.yaml", "streets: #", "streets: 5\nlanes: #", "streets: 5", "wanted a list"},
		{"key twice", "pack.yaml", "zone: Asia/Karachi", "zone: Asia/Karachi\nzone: UTC", "zone: UTC", "a second time"},
		{"alias", "calendar.yaml", "years: [2026, 2027]", "years: &y [2026, 2027]", "years: &y", "anchors, aliases"},
		{"not YAML", "banks.yaml", "banks:\n", "banks: {\n", "", "not well-formed YAML"},
		{"file gone", "names.yaml", "", "", "", "the file is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pack := pakistan(t)
			text := string(pack[c.file].Data)
			if c.old == "" {
				delete(pack, c.file)
			} else {
				if !strings.Contains(text, c.old) {
					t.Fatalf("%s has no %q", c.file, c.old)
				}
				text = strings.Replace(text, c.old, c.new, 1)
				pack[c.file] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := country.Load(pack)
			for _, p := range strict.Of(err) {
				if p.File != c.file || !strings.Contains(p.Reason, c.want) {
					continue
				}
				line := strings.Split(text, "\n")[p.Line-1]
				if c.at != "" && !strings.Contains(line, c.at) {
					t.Fatalf("%s\nstands at %q, want the line of %q", p, line, c.at)
				}
				return
			}
			t.Fatalf("want %q in %s, got:\n%v", c.want, c.file, err)
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	pack := pakistan(t)
	for _, file := range []string{"banks.yaml", "offices.yaml", "personas.yaml"} {
		pack[file] = &fstest.MapFile{Data: append([]byte("surplus: 1\n"), pack[file].Data...)}
	}
	_, err := country.Load(pack)
	if n := len(strict.Of(err)); n != 3 {
		t.Fatalf("%d problems: %v", n, err)
	}
}

func FuzzAPackNeverStopsTheProgram(f *testing.F) {
	f.Add("banks: [{id: x}]\nfee_accounts: []\n")
	f.Add("banks:\n  - &a {id: *a}\n")
	f.Add("? [a]\n: b\n")
	f.Add("banks: !!binary aaaa\n")
	f.Fuzz(func(t *testing.T, text string) {
		pack := pakistan(t)
		pack["banks.yaml"] = &fstest.MapFile{Data: []byte(text)}
		if _, err := country.Load(pack); err != nil && len(strict.Of(err)) == 0 {
			t.Fatalf("an error without a place: %v", err)
		}
	})
}
