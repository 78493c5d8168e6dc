package xsd_test

import (
	"regexp"
	"strings"
	"testing"

	"sarai/rooms/payments/iso20022/xsd"
)

func TestRegexp(t *testing.T) {
	for _, c := range []struct{ source, yes, no string }{
		{"", "", "a"},
		{"a|b", "a b", "c ab"},
		{"(ab|c)+d?", "ab abc cd cccab", "d abd2 dd"},
		{"[A-Z]{2,2}[0-9]{2,}", "PK12 PK1234", "PK1 P12 pk12"},
		{"a{0,2}b{3}", "bbb abbb aabbb", "aaabbb bb bbbb"},
		{"^a$", "^a$", "a"},
		{`\d+\.\d`, "1.2 ۱۲.۳", "a.b 1x2"},
		{`\w+`, "abc é1", "a-b !"},
		{`\S\s?`, "a", ""},
		{`[^a-z]+`, "ABC é", "a Ab"},
		{`[a-z-[aeiou]]+`, "xyz", "xay a"},
		{`[a\-z]+`, "a-z", "b"},
		{`[\]\[^]+`, "][^", "a"},
		{`[-a]+[a-]`, "-a a-", "b-"},
		{`\p{Lu}\P{Lu}`, "Ab É1", "ab AB"},
		{`\i\c*`, "a:b _x é-1", "1a -a"},
		{`.+`, "a 🙂", ""},
		{`(a*)*b`, "b aab", "a"},
		{`\+\(\)\{\}\|\\\?\*`, `+(){}|\?*`, "x"},
	} {
		p := &xsd.Regexp{Source: c.source}
		if err := p.Err(); err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		for _, s := range strings.Split(c.yes, " ") {
			if !p.Match(s) {
				t.Errorf("%s does not match %q", c.source, s)
			}
		}
		for _, s := range strings.Split(c.no, " ") {
			if p.Match(s) {
				t.Errorf("%s matches %q", c.source, s)
			}
		}
	}
	for _, bad := range []string{"(", ")", "a)", "[", "[]", "[z-a]", "*", "a{2", "a{3,2}", `\q`, "a**", "[a[b]]", `\p{Foo}`, `\pL`, "a{999999999}", `\`, `[a-z-[b]c]`, "]"} {
		p := &xsd.Regexp{Source: bad}
		if p.Err() == nil {
			t.Errorf("%q was understood", bad)
		}
		if p.Match("a") {
			t.Errorf("%q matches", bad)
		}
	}
}

// FuzzRegexp holds values against Go's regexp for the patterns of ISO 20022,
// which mean the same in both dialects.
func FuzzRegexp(f *testing.F) {
	sources := []string{`[A-Z0-9]{4,4}[A-Z]{2,2}[A-Z0-9]{2,2}([A-Z0-9]{3,3}){0,1}`, `[A-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}`, `\+[0-9]{1,3}-[0-9()+\-]{1,30}`, `[BEOVW]{1,1}[0-9]{2,2}|DUM`,
		`[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}`, `([0-9A-F][0-9A-F]){32}`}
	for _, s := range []string{"HABBPKKA", "PK36SCBL0000001123456702", "+92-300", "DUM", "8a562c67-ca16-48ba-b074-65581be6f001", "é", "\xff"} {
		f.Add(s)
	}
	var ours []*xsd.Regexp
	var theirs []*regexp.Regexp
	for _, s := range sources {
		ours, theirs = append(ours, &xsd.Regexp{Source: s}), append(theirs, regexp.MustCompile(`\A(?:`+s+`)\z`))
	}
	f.Fuzz(func(t *testing.T, value string) {
		for i := range ours {
			if ours[i].Match(value) != theirs[i].MatchString(value) {
				t.Errorf("%s on %q: ours %v", sources[i], value, ours[i].Match(value))
			}
		}
	})
}
