package iso20022_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"sarai/rooms/payments/iso20022/xsd"
)

// elem is a document as a tree, so that it can be damaged in a definite way.
type elem struct {
	name     string
	attrs    [][2]string
	text     string // of a value, escaped already
	raw      bool   // text is markup
	children []*elem
	typ      *xsd.Simple // of a value
}

// grow makes a random valid element of a field. full is how likely, in
// percent, what is optional stands there.
func grow(rng *rand.Rand, f *xsd.Field, full, depth int) *elem {
	e := &elem{name: f.Name}
	if f.Simple != nil {
		e.typ, e.text = f.Simple, value(rng, f.Simple)
		return e
	}
	t := f.Complex
	switch t.Kind {
	case xsd.Content:
		for _, a := range t.Attrs {
			e.attrs = append(e.attrs, [2]string{a.Name, value(rng, a.Type)})
		}
		e.typ, e.text = t.Value, value(rng, t.Value)
	case xsd.Wildcard:
		uri := "urn:example:any"
		if t.AnyOf != "" {
			uri = t.AnyOf
		}
		e.children = []*elem{{name: "x:Any", attrs: [][2]string{{"xmlns:x", uri}, {"x:at", "1"}}, text: "some <x:b/> text <b>of</b> its own", raw: true}}
	case xsd.Alternatives:
		one := &t.Fields[rng.IntN(len(t.Fields))]
		for range times(rng, one, true) {
			e.children = append(e.children, grow(rng, one, full, depth+1))
		}
	case xsd.Sequence:
		for i := range t.Fields {
			one := &t.Fields[i]
			here := one.Min > 0 || depth < 14 && rng.IntN(100) < full*10/(10+depth*depth)
			for range times(rng, one, here) {
				e.children = append(e.children, grow(rng, one, full, depth+1))
			}
		}
	}
	return e
}

func times(rng *rand.Rand, f *xsd.Field, here bool) int {
	n := f.Min
	if here {
		n = max(1, n)
	}
	if here && f.Max != 1 && rng.IntN(3) == 0 {
		n++
	}
	if f.Max > 0 {
		n = min(n, f.Max)
	}
	return n
}

// samples are values of the patterns, by their source.
var samples = map[string][]string{
	"([0-9A-F][0-9A-F]){32}":    {strings.Repeat("0A", 32)},
	"[0-9]{1,15}":               {"7", "123456789012345"},
	"[0-9]{2}":                  {"07", "99"},
	"[0-9a-fA-F]+":              {"0aF", "1"},
	"[A-Z0-9]{18,18}[0-9]{2,2}": {"5299000AB1CD2EF3GH45"},
	"[A-Z0-9]{4,4}[A-Z]{2,2}[A-Z0-9]{2,2}([A-Z0-9]{3,3}){0,1}": {"HABBPKKA", "NBPAPKKA02L"},
	"[A-Z]{2,2}":                            {"PK", "KG"},
	"[A-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}": {"PK36SCBL0000001123456702"},
	"[A-Z]{2,2}[A-Z0-9]{9,9}[0-9]{1,1}":     {"PK0000000015"},
	"[A-Z]{3,3}":                            {"PKR", "KGS"},
	"[BEOVW]{1,1}[0-9]{2,2}|DUM":            {"B01", "DUM"},
	"[\\+]{0,1}[0-9]{1,15}":                 {"+92", "5"},
	"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}": {"8a562c67-ca16-48ba-b074-65581be6f001"},
	"[a-zA-Z0-9]{1,4}":                {"a", "ZZ99"},
	"[a-zA-Z0-9]{4}":                  {"ABCD", "0a1b"},
	"[a-z]{2,2}":                      {"ur"},
	"\\+[0-9]{1,3}-[0-9()+\\-]{1,30}": {"+92-3001234567"},
	"[0-9]":                           {"4"},
	"[0-9]{1,3}":                      {"12"},
	"[0-9]{1,5}":                      {"12345"},
	"[0-9]{2,3}":                      {"123"},
	"[0-9]{3,4}":                      {"123"},
	"[0-9]{3}":                        {"123"},
	"[0-9]{8,28}":                     {"1234567890123456"},
}

func value(rng *rand.Rand, t *xsd.Simple) string {
	pick := func(s ...string) string { return pick(rng, s...) }
	if t.Pattern != nil {
		s, ok := samples[t.Pattern.Source]
		if !ok {
			panic(fmt.Sprintf("no sample of the pattern %s (%s)", t.Pattern.Source, t.Name))
		}
		return pick(s...)
	}
	if t.Enum != nil {
		return pick(t.Enum...)
	}
	switch t.Base {
	case xsd.DecimalBase:
		if t.Fraction == 0 {
			return pick("0", "12", "7.0", "+3", "004")
		}
		return pick("0", "1", "12.5", "100.00", "999", "+5", "007", "5.", ".5", " 3 ", "-0")
	case xsd.BooleanBase:
		return pick("true", "false", "0", "1", "\ttrue\n")
	case xsd.DateBase:
		return pick("2026-11-21", "2024-02-29", "2000-02-29Z", "2026-01-31+05:00", "12026-01-01", "-0004-02-29")
	case xsd.DateTimeBase:
		return pick("2026-11-21T10:30:00+05:00", "2026-11-21T10:30:00.123Z", "2026-12-31T24:00:00", "2026-02-28T23:59:59.999999-14:00")
	case xsd.TimeBase:
		return pick("10:30:00", "24:00:00Z", "23:59:59.5+05:00")
	case xsd.GYearBase:
		return pick("2026", "2026Z", "12026")
	case xsd.GYearMonthBase:
		return pick("2026-11", "2026-01+05:00")
	case xsd.Base64Base:
		return pick("AAAA", "AAA=", "AA==", "SGVs bG8h")
	}
	text := pick("Ayesha Khan", "عائشہ خان", "A &amp; B", "x", "Fee for May", "&#x41;&lt;", "🙂 note", " two  spaces ")
	n := t.MaxLen
	if n > 0 {
		runes := []rune(text)
		if len(runes) > n || strings.Contains(text, "&") && n < 10 {
			text = strings.Repeat("z", n)
		} else if rng.IntN(8) == 0 && n < 400 {
			text = strings.Repeat("é", n)
		}
	}
	return text
}

func (e *elem) write(b *strings.Builder) {
	if e.name == "" { // text between elements
		b.WriteString(e.text)
		return
	}
	b.WriteString("<" + e.name)
	for _, a := range e.attrs {
		b.WriteString(" " + a[0] + "=\"" + a[1] + "\"")
	}
	if e.text == "" && len(e.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">" + e.text)
	for _, c := range e.children {
		c.write(b)
	}
	b.WriteString("</" + e.name + ">")
}

// all gives the element and everything beneath it.
func (e *elem) all() []*elem {
	out := []*elem{e}
	for _, c := range e.children {
		out = append(out, c.all()...)
	}
	return out
}

func document(rng *rand.Rand, root *xsd.Root) *elem {
	e := grow(rng, &root.Element, []int{0, 20, 50, 80}[rng.IntN(4)], 0)
	e.attrs = append(e.attrs, [2]string{"xmlns", root.Namespace})
	return e
}

func (e *elem) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}
