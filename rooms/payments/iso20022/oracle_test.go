package iso20022_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/xsd"
)

// schemaFile gives ISO's schema of a message, from the folder that
// SARAI_TEST_DATA names. The schemas are not part of the repository: without
// them the test writes a schema from our own tables, which still holds our
// reader against libxml2, but not our generator against ISO.
func schemaFile(t testing.TB, d iso20022.Definition) string {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("no xmllint: install libxml2-utils")
	}
	if base := os.Getenv("SARAI_TEST_DATA"); base != "" {
		return filepath.Join(base, "iso20022", d.ID+".xsd")
	}
	file := filepath.Join(t.TempDir(), d.ID+".xsd")
	if err := os.WriteFile(file, []byte(schemaText(d.Root)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var baseNames = map[xsd.Base]string{
	xsd.String: "string", xsd.DecimalBase: "decimal", xsd.BooleanBase: "boolean", xsd.DateBase: "date", xsd.DateTimeBase: "dateTime",
	xsd.TimeBase: "time", xsd.GYearBase: "gYear", xsd.GYearMonthBase: "gYearMonth", xsd.Base64Base: "base64Binary",
}

// schemaText writes a schema from the tables.
func schemaText(root *xsd.Root) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns=%q targetNamespace=%q elementFormDefault="qualified"><xs:element name=%q type=%q/>`,
		root.Namespace, root.Namespace, root.Element.Name, root.Element.Complex.Name)
	done := map[string]bool{}
	simple := func(s *xsd.Simple) string {
		if done[s.Name] {
			return s.Name
		}
		done[s.Name] = true
		fmt.Fprintf(&b, "<xs:simpleType name=%q><xs:restriction base=\"xs:%s\">", s.Name, baseNames[s.Base])
		facet := func(name string, value any, on bool) {
			if on {
				fmt.Fprintf(&b, "<xs:%s value=\"%v\"/>", name, value)
			}
		}
		if s.Pattern != nil {
			facet("pattern", s.Pattern.Source, true)
		}
		for _, code := range s.Enum {
			facet("enumeration", code, true)
		}
		facet("minLength", s.MinLen, s.MinLen > 0)
		facet("maxLength", s.MaxLen, s.MaxLen > 0)
		facet("totalDigits", s.Total, s.Total > 0)
		facet("fractionDigits", s.Fraction, s.Base == xsd.DecimalBase && s.Fraction >= 0)
		facet("minInclusive", 0, s.Positive)
		b.WriteString("</xs:restriction></xs:simpleType>")
		return s.Name
	}
	var complexType func(t *xsd.Type) string
	complexType = func(t *xsd.Type) string {
		if done[t.Name] {
			return t.Name
		}
		done[t.Name] = true
		var body strings.Builder
		group := "sequence"
		switch t.Kind {
		case xsd.Content:
			fmt.Fprintf(&body, "<xs:simpleContent><xs:extension base=%q>", simple(t.Value))
			for _, a := range t.Attrs {
				fmt.Fprintf(&body, "<xs:attribute name=%q type=%q use=\"required\"/>", a.Name, simple(a.Type))
			}
			fmt.Fprintf(&b, "<xs:complexType name=%q>%s</xs:extension></xs:simpleContent></xs:complexType>", t.Name, body.String())
			return t.Name
		case xsd.Wildcard:
			space, process := "##any", "lax"
			if t.AnyOf != "" {
				space = t.AnyOf
			}
			if t.Skip {
				process = "skip"
			}
			fmt.Fprintf(&body, "<xs:any namespace=%q processContents=%q/>", space, process)
		case xsd.Alternatives:
			group = "choice"
		case xsd.Sequence:
		}
		for _, f := range t.Fields {
			var name string
			most := fmt.Sprint(f.Max)
			if f.Simple != nil {
				name = simple(f.Simple)
			} else {
				name = complexType(f.Complex)
			}
			if f.Max < 0 {
				most = "unbounded"
			}
			fmt.Fprintf(&body, "<xs:element name=%q type=%q minOccurs=\"%d\" maxOccurs=%q/>", f.Name, name, f.Min, most)
		}
		fmt.Fprintf(&b, "<xs:complexType name=%q><xs:%s>%s</xs:%s></xs:complexType>", t.Name, group, body.String(), group)
		return t.Name
	}
	complexType(root.Element.Complex)
	b.WriteString("</xs:schema>")
	return b.String()
}

// xmllint gives libxml2's verdict on each document against the schema.
func xmllint(t testing.TB, schema string, docs []string) []bool {
	t.Helper()
	dir := t.TempDir()
	verdicts := make([]bool, len(docs))
	const batch = 400
	for from := 0; from < len(docs); from += batch {
		to := min(from+batch, len(docs))
		args := []string{"--nonet", "--noout", "--schema", schema}
		for i := from; i < to; i++ {
			file := filepath.Join(dir, fmt.Sprintf("%06d.xml", i))
			if err := os.WriteFile(file, []byte(docs[i]), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, file)
		}
		out, _ := exec.CommandContext(t.Context(), "xmllint", args...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			if file, ok := strings.CutSuffix(line, ".xml validates"); ok {
				var i int
				if _, err := fmt.Sscanf(filepath.Base(file), "%d", &i); err == nil && i >= from && i < to {
					verdicts[i] = true
				}
			}
		}
		if !strings.Contains(string(out), ".xml") {
			t.Fatalf("xmllint: %s", out)
		}
	}
	return verdicts
}
