package services

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/country/strict"
)

// Load reads and judges one definition: its form, its references into the
// pack, its rules and its own tests. The error is a strict.Problems; every
// line of it is "file:line: reason". A definition that fails one of its own
// tests is not loaded.
func Load(name string, data []byte, pack *country.Pack) (*Definition, error) {
	r := &strict.Reader{Languages: pack.LanguageCodes()}
	d := &Definition{}
	r.Bytes(name, data, d)
	if err := r.Err(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	d.Hash, d.Body = hex.EncodeToString(sum[:]), data
	l := loading{Reader: r, Definition: d, pack: pack}
	l.top(name)
	l.fields()
	l.compile()
	l.route()
	l.outcome()
	if err := r.Err(); err != nil {
		return nil, err
	}
	l.selfTests()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// LoadAll reads every definition of a folder, in the order of their names.
func LoadAll(fsys fs.FS, pack *country.Pack) ([]*Definition, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the services: %w", err)
	}
	sort.Strings(names)
	var out []*Definition
	var problems strict.Problems
	seen := map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read service %s: %w", name, err)
		}
		d, err := Load("services/"+name, data, pack)
		if err != nil {
			ps := strict.Of(err)
			if ps == nil {
				return nil, err
			}
			problems = append(problems, ps...)
			continue
		}
		if first, twice := seen[d.ID]; twice {
			problems = append(problems, strict.Problem{Pos: d.Pos, Reason: fmt.Sprintf("service id %q is already that of %s", d.ID, first)})
		}
		seen[d.ID] = name
		out = append(out, d)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return out, nil
}

type loading struct {
	*strict.Reader
	*Definition
	pack *country.Pack
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func (l loading) named(seen map[string]strict.Pos, at strict.Pos, what, id string) {
	if !nameForm.MatchString(id) {
		l.Add(at, "%s id %q: small letters, digits and _, at most 40, beginning with a letter", what, id)
	}
	if first, twice := seen[id]; twice {
		l.Add(at, "%s id %q is used twice (first at %s)", what, id, first)
		return
	}
	seen[id] = at
}

func (l loading) lawful(at strict.Pos, what, id string) {
	if l.law(id).ID == "" {
		l.Add(at, "%s: there is no law %q among the laws of this file", what, id)
	}
}

// sourced holds a source to its words: what was compared says with what.
func (l loading) sourced(what string, s Source) {
	switch s.Checked {
	case CheckedNever:
	case CheckedCopy, CheckedGazette:
		if s.Where == "" {
			l.Add(s.Pos, "%s: checked with a %s: say where it is", what, s.Checked)
		}
	default:
		l.Add(s.Pos, "%s: checked is %q; never, copy or gazette", what, s.Checked)
	}
}

func (l loading) top(name string) {
	if want := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".yaml"); l.ID != want {
		l.Add(l.Pos, "id %q: the file is called %s.yaml, so the id is %q", l.ID, want, want)
	}
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`).MatchString(l.ID) {
		l.Add(l.Pos, "id %q: small letters, digits and dashes, it stands in addresses", l.ID)
	}
	if _, ok := l.pack.Office(l.Agency); !ok {
		l.Add(l.Pos, "agency: there is no office %q", l.Agency)
	}
	for _, e := range l.LifeEvents {
		if !slices.Contains(LifeEvents, e) {
			l.Add(l.Pos, "life_events: %q is not known; one of %s", e, strings.Join(LifeEvents, ", "))
		}
	}
	if len(l.LifeEvents) == 0 {
		l.Add(l.Pos, "life_events: at least one, else nobody finds the service")
	}
	seen := map[string]strict.Pos{}
	for _, w := range l.Laws {
		l.named(seen, w.Pos, "law", w.ID)
		l.sourced(fmt.Sprintf("law %q", w.ID), w.Source)
	}
	l.sourced("fee", l.Fee.Source)
	l.sourced("time_limit", l.Time.Source)
	l.sourced("appeal", l.AppealFrom)
	l.lawful(l.Fee.Pos, "fee", l.Fee.Law)
	l.lawful(l.Time.Pos, "time_limit", l.Time.Law)
	if l.Fee.Amount < 0 {
		l.Add(l.Fee.Pos, "fee: the amount is below zero")
	}
	if _, ok := l.pack.FeeAccount(l.Fee.Account); !ok && l.Fee.Amount > 0 {
		l.Add(l.Fee.Pos, "fee: there is no fee account %q", l.Fee.Account)
	}
	if l.Time.Days < 1 || l.Time.Days > 250 {
		l.Add(l.Time.Pos, "time_limit: 1 to 250 working days, not %d", l.Time.Days)
	}
}

func (l loading) fields() {
	seen := map[string]strict.Pos{}
	for _, f := range l.Facts {
		l.named(seen, f.Pos, "fact", f.ID)
		l.fieldForm(f)
		if f.Purpose == nil {
			l.Add(f.Pos, "fact %q: say what it is needed for (purpose); the person is asked to consent to it", f.ID)
		}
		if f.Known != "" || f.Type == "file" {
			l.Add(f.Pos, "fact %q: a fact comes from the register, it cannot be filled in from another one or be a file", f.ID)
		}
	}
	pages, answers := map[string]strict.Pos{}, map[string]strict.Pos{}
	for _, p := range l.Pages {
		l.named(pages, p.Pos, "page", p.ID)
		if len(p.Fields) == 0 {
			l.Add(p.Pos, "page %q asks nothing: give it a field", p.ID)
		}
		for _, f := range p.Fields {
			l.named(answers, f.Pos, "field", f.ID)
			l.fieldForm(f)
			if f.Known == "" {
				continue
			}
			if fact, ok := l.fact(f.Known); !ok {
				l.Add(f.Pos, "field %q: there is no fact %q to fill it in from", f.ID, f.Known)
			} else if fact.Type != f.Type {
				l.Add(f.Pos, "field %q is a %s, the fact %q a %s", f.ID, f.Type, f.Known, fact.Type)
			}
		}
	}
}

func (l loading) fieldForm(f Field) {
	if !slices.Contains(fieldTypes, f.Type) {
		l.Add(f.Pos, "%q: type %q is not known; one of %s", f.ID, f.Type, strings.Join(fieldTypes, ", "))
		return
	}
	if (f.Type == "choice") != (len(f.Options) > 0) {
		l.Add(f.Pos, "%q: a choice has options, and nothing else has", f.ID)
	}
	seen := map[string]strict.Pos{}
	for _, o := range f.Options {
		l.named(seen, o.Pos, "option", o.ID)
	}
	for what, limit := range map[string]string{"min": f.Min, "max": f.Max} {
		if limit == "" {
			continue
		}
		_, err := strconv.ParseInt(limit, 10, 64)
		switch f.Type {
		case "date":
			_, ok := dateLimit(limit, country.Date{})
			if !ok {
				l.Add(f.Pos, "%q: %s is a date like 2026-11-21 or the word today", f.ID, what)
			}
		case "number", "money":
			if err != nil {
				l.Add(f.Pos, "%q: %s is a whole number", f.ID, what)
			}
		case "text", "longtext":
			if n, _ := strconv.Atoi(limit); what == "min" || err != nil || n < 1 || n > longtextChars {
				l.Add(f.Pos, "%q: a text can have a max of 1 to %d characters, and no min", f.ID, longtextChars)
			}
		default:
			l.Add(f.Pos, "%q: %s does not go with type %s", f.ID, what, f.Type)
		}
	}
}

func (l loading) compile() {
	rs, err := newRules(l.Definition)
	if err != nil {
		l.Add(l.Pos, "%s", err)
		return
	}
	before := map[string]bool{}
	for _, f := range l.Facts {
		before["facts."+f.ID] = true
	}
	for i := range l.Pages {
		p := &l.Pages[i]
		if p.When != "" {
			if p.when, err = rs.compile(p.When); err != nil {
				l.Add(p.Pos, "page %q: when: %s", p.ID, err)
			} else {
				for _, u := range p.when.Uses {
					if !before[u] {
						l.Add(p.Pos, "page %q: when: %s is asked only here or later", p.ID, u)
					}
				}
			}
		}
		for _, f := range p.Fields {
			before["answers."+f.ID] = true
		}
	}
	if len(l.Rules) == 0 {
		l.Add(l.Pos, "eligibility: at least one rule; say who can have this")
	}
	seen := map[string]strict.Pos{}
	for i := range l.Rules {
		c := &l.Rules[i]
		l.named(seen, c.Pos, "rule", c.ID)
		l.lawful(c.Pos, fmt.Sprintf("rule %q", c.ID), c.Law)
		if c.rule, err = rs.compile(c.Rule); err != nil {
			l.Add(c.Pos, "rule %q: %s", c.ID, err)
		}
	}
}

func (l loading) route() {
	if len(l.Steps) < 2 {
		l.Add(l.Pos, "steps: at least two posts, one that receives and one that decides")
	}
	for i, s := range l.Steps {
		p, ok := l.pack.Post(s.Post)
		if !ok {
			l.Add(s.Pos, "step %d: there is no post %q", i+1, s.Post)
			continue
		}
		need := "office.note"
		switch i {
		case 0:
			need = "office.diary"
		case len(l.Steps) - 1:
			need = "office.decide"
		}
		if !slices.Contains(p.Powers, need) {
			l.Add(s.Pos, "step %d: the post %q does not have the power %s this step needs", i+1, s.Post, need)
		}
	}
}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

func (l loading) outcome() {
	o := l.Output
	known := func(where, ref string) {
		if f, ok := l.field(ref); !ok {
			l.Add(o.Pos, "output: %s: there is no %q among facts.* and answers.*", where, ref)
		} else if f.Type == "file" {
			l.Add(o.Pos, "output: %s: %q is a file and cannot be written out", where, ref)
		}
	}
	for lang, s := range o.Body {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			known("body in "+lang, m[1])
		}
	}
	for _, ref := range o.Rows {
		known("rows", ref)
	}
	for _, ref := range o.Public {
		known("public", ref)
		if f, ok := l.field(ref); ok && (f.Type == "national_number" || f.Type == "phone" || f.Type == "iban") {
			l.Add(o.Pos, "output: public: %q is a number of the person and is never shown to the public", ref)
		}
	}
	for claim, ref := range o.Claims {
		known("claim "+claim, ref)
	}
	if o.ValidYears < 0 || o.ValidYears > 99 {
		l.Add(o.Pos, "output: valid_years is 0 (for ever) to 99")
	}
	if !regexp.MustCompile(`^[A-Z][A-Za-z]{2,59}$`).MatchString(o.Credential) {
		l.Add(o.Pos, "output: credential is a name like DomicileCertificate")
	}
}

// selfTests lets the definition decide the cases written into it.
func (l loading) selfTests() {
	yes, no := false, false
	for _, t := range l.Tests {
		yes, no = yes || t.Eligible == string(Yes), no || t.Eligible == string(No)
		if err := l.test(t); err != nil {
			l.Add(t.Pos, "test %q fails: %s", t.Name, err)
		}
	}
	if !yes || !no {
		l.Add(l.Pos, "tests: at least one case that is eligible and one that is not")
	}
}

func (l loading) test(t Test) error {
	today, err := country.ParseDate(t.Today)
	if err != nil {
		return fmt.Errorf("today: %w", err)
	}
	v := Values{}
	var refused []string
	for kind, given := range map[string]map[string]any{"facts": t.Facts, "answers": t.Answers} {
		for id, x := range given {
			name := kind + "." + id
			f, ok := l.field(name)
			if !ok {
				return fmt.Errorf("there is no %s", name)
			}
			raw := fmt.Sprint(x)
			if b, isBool := x.(bool); isBool {
				raw = map[bool]string{true: "yes", false: "no"}[b]
			}
			if f.Type == "file" {
				v[name] = raw
				continue
			}
			s, err := f.parse(l.pack, raw, id, today)
			if err != nil {
				refused = append(refused, id)
				continue
			}
			v[name] = s
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := same("refused answers", t.Refuses, refused); err != nil {
		return err
	}
	v, err = l.current(ctx, v, today)
	if err != nil {
		return err
	}
	verdict, findings, err := l.Eligible(ctx, v, today)
	if err != nil {
		return err
	}
	if string(verdict) != t.Eligible {
		return fmt.Errorf("eligible is %q, the test wants %q", verdict, t.Eligible)
	}
	var fails []string
	for _, f := range findings {
		if f.Verdict == No {
			fails = append(fails, f.Check.ID)
		}
	}
	if err := same("failing rules", t.Fails, fails); err != nil {
		return err
	}
	if t.Asks == nil {
		return nil
	}
	pages, err := l.asked(ctx, v, today)
	if err != nil {
		return err
	}
	var asks []string
	for _, p := range pages {
		asks = append(asks, p.ID)
	}
	return same("pages", t.Asks, asks)
}

func same(what string, want, got []string) error {
	w, g := slices.Clone(want), slices.Clone(got)
	sort.Strings(w)
	sort.Strings(g)
	if !slices.Equal(w, g) {
		return errors.New(what + ": [" + strings.Join(got, ", ") + "], the test wants [" + strings.Join(want, ", ") + "]")
	}
	return nil
}
