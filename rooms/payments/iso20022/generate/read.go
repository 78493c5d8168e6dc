package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"sarai/rooms/payments/iso20022/xsd"
)

// The schema language as far as ISO 20022 uses it.
type (
	schemaXML struct {
		Target  string       `xml:"targetNamespace,attr"`
		Form    string       `xml:"elementFormDefault,attr"`
		Element []elementXML `xml:"element"`
		Simple  []simpleXML  `xml:"simpleType"`
		Complex []complexXML `xml:"complexType"`
		Other   []otherXML   `xml:",any"`
	}
	elementXML struct {
		Name  string     `xml:"name,attr"`
		Type  string     `xml:"type,attr"`
		Min   string     `xml:"minOccurs,attr"`
		Max   string     `xml:"maxOccurs,attr"`
		Attrs []xml.Attr `xml:",any,attr"`
		Other []otherXML `xml:",any"`
	}
	simpleXML struct {
		Name        string `xml:"name,attr"`
		Restriction struct {
			Base   string     `xml:"base,attr"`
			Facets []facetXML `xml:",any"`
		} `xml:"restriction"`
		Other []otherXML `xml:",any"`
	}
	facetXML struct {
		XMLName xml.Name
		Value   string `xml:"value,attr"`
	}
	complexXML struct {
		Name     string    `xml:"name,attr"`
		Sequence *groupXML `xml:"sequence"`
		Choice   *groupXML `xml:"choice"`
		Content  *struct {
			Extension struct {
				Base  string `xml:"base,attr"`
				Attrs []struct {
					Name string `xml:"name,attr"`
					Type string `xml:"type,attr"`
					Use  string `xml:"use,attr"`
				} `xml:"attribute"`
				Other []otherXML `xml:",any"`
			} `xml:"extension"`
		} `xml:"simpleContent"`
		Other []otherXML `xml:",any"`
	}
	groupXML struct {
		Attrs   []xml.Attr   `xml:",any,attr"`
		Element []elementXML `xml:"element"`
		Any     []struct {
			Namespace string     `xml:"namespace,attr"`
			Process   string     `xml:"processContents,attr"`
			Attrs     []xml.Attr `xml:",any,attr"`
		} `xml:"any"`
		Other []otherXML `xml:",any"`
	}
	otherXML struct{ XMLName xml.Name }
)

// simple and complexType are the types of all schemas, by name.
type simple struct {
	xsd.Simple
	pattern string
}

type complexType struct {
	name   string
	kind   xsd.Kind
	fields []field
	value  string
	attrs  []field
	anyOf  string
	skip   bool
}

type field struct {
	name, typ string
	min, max  int
}

// root is what one schema adds: its document element.
type root struct {
	message
	namespace string
	element   string
	typ       string      // the element's type
	document  complexType // when the type is the message's own "Document"
}

// model is everything read so far.
type model struct {
	simple  map[string]*simple
	complex map[string]*complexType
	roots   []root
}

func newModel() *model {
	return &model{simple: map[string]*simple{}, complex: map[string]*complexType{}}
}

func (m *model) read(dir string, msg message) error {
	file := dir + "/" + msg.id + ".xsd"
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var s schemaXML
	if err := xml.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if s.Form != "qualified" || len(s.Element) != 1 || len(s.Other) > 0 {
		return fmt.Errorf("%s: wanted qualified elements and one global element", file)
	}
	r := root{message: msg, namespace: s.Target, element: s.Element[0].Name, typ: s.Element[0].Type}
	for _, x := range s.Simple {
		t, err := readSimple(x)
		if err != nil {
			return fmt.Errorf("%s: simple type %s: %w", file, x.Name, err)
		}
		if old := m.simple[goName(x.Name)]; old != nil && !same(old, t) {
			return fmt.Errorf("%s: simple type %s is defined otherwise in another schema", file, x.Name)
		}
		m.simple[goName(x.Name)] = t
	}
	for _, x := range s.Complex {
		t, err := readComplex(x)
		if err != nil {
			return fmt.Errorf("%s: complex type %s: %w", file, x.Name, err)
		}
		if x.Name == "Document" {
			r.document = *t
			continue
		}
		if old := m.complex[goName(x.Name)]; old != nil && fmt.Sprint(*old) != fmt.Sprint(*t) {
			return fmt.Errorf("%s: complex type %s is defined otherwise in another schema", file, x.Name)
		}
		m.complex[goName(x.Name)] = t
	}
	m.roots = append(m.roots, r)
	return nil
}

func same(a, b *simple) bool {
	return a.Base == b.Base && a.MinLen == b.MinLen && a.MaxLen == b.MaxLen && a.pattern == b.pattern && a.Total == b.Total &&
		a.Fraction == b.Fraction && a.Positive == b.Positive && fmt.Sprint(a.Enum) == fmt.Sprint(b.Enum)
}

var bases = map[string]xsd.Base{
	"xs:string": xsd.String, "xs:decimal": xsd.DecimalBase, "xs:boolean": xsd.BooleanBase, "xs:date": xsd.DateBase, "xs:dateTime": xsd.DateTimeBase,
	"xs:time": xsd.TimeBase, "xs:gYear": xsd.GYearBase, "xs:gYearMonth": xsd.GYearMonthBase, "xs:base64Binary": xsd.Base64Base,
}

func readSimple(x simpleXML) (*simple, error) {
	base, known := bases[x.Restriction.Base]
	if !known || len(x.Other) > 0 {
		return nil, fmt.Errorf("base %q is not known here", x.Restriction.Base)
	}
	t := &simple{Simple: xsd.Simple{Name: goName(x.Name), Base: base, Fraction: -1}}
	for _, f := range x.Restriction.Facets {
		n, err := strconv.Atoi(f.Value)
		switch f.XMLName.Local {
		case "enumeration":
			t.Enum, err = append(t.Enum, f.Value), nil
			if !(&xsd.Regexp{Source: "[A-Za-z0-9_.+-]+"}).Match(f.Value) {
				err = fmt.Errorf("a code of other characters than letters and digits")
			}
		case "pattern":
			if t.pattern != "" {
				return nil, fmt.Errorf("two patterns")
			}
			t.pattern = f.Value
			err = (&xsd.Regexp{Source: f.Value}).Err()
		case "minLength":
			t.MinLen = n
		case "maxLength":
			t.MaxLen = n
		case "length":
			t.MinLen, t.MaxLen = n, n
		case "totalDigits":
			t.Total = n
		case "fractionDigits":
			t.Fraction = n
		case "minInclusive":
			t.Positive = true
			if n != 0 {
				err = fmt.Errorf("only 0 is known")
			}
		default:
			err = fmt.Errorf("the facet is not known here")
		}
		if err != nil {
			return nil, fmt.Errorf("facet %s: %w", f.XMLName.Local, err)
		}
	}
	switch {
	case t.Enum != nil && (t.pattern != "" || t.MinLen+t.MaxLen > 0 || base != xsd.String):
		return nil, fmt.Errorf("an enumeration with other facets or of another base")
	case t.pattern != "" && base != xsd.String && base != xsd.DecimalBase:
		return nil, fmt.Errorf("a pattern on this base is not known here")
	}
	return t, nil
}

func readComplex(x complexXML) (*complexType, error) {
	t := &complexType{name: goName(x.Name)}
	if len(x.Other) > 0 {
		return nil, fmt.Errorf("has %s", x.Other[0].XMLName.Local)
	}
	switch {
	case x.Content != nil:
		t.kind, t.value = xsd.Content, x.Content.Extension.Base
		if len(x.Content.Extension.Other) > 0 {
			return nil, fmt.Errorf("an extension with more than attributes")
		}
		for _, a := range x.Content.Extension.Attrs {
			if a.Use != "required" {
				return nil, fmt.Errorf("an attribute that is not required")
			}
			t.attrs = append(t.attrs, field{a.Name, a.Type, 1, 1})
		}
		return t, nil
	case x.Choice != nil:
		t.kind = xsd.Alternatives
		return t, t.group(x.Choice)
	case x.Sequence != nil:
		return t, t.group(x.Sequence)
	}
	return nil, fmt.Errorf("neither sequence nor choice nor simple content")
}

func (t *complexType) group(g *groupXML) error {
	if len(g.Attrs)+len(g.Other) > 0 {
		return fmt.Errorf("a group that repeats or holds groups")
	}
	if len(g.Any) > 0 {
		a := g.Any[0]
		if len(g.Any)+len(g.Element) > 1 || len(a.Attrs) > 0 || a.Process != "lax" && a.Process != "skip" {
			return fmt.Errorf("a wildcard beside other things, that repeats or is strict")
		}
		t.kind, t.skip = xsd.Wildcard, a.Process == "skip"
		if t.anyOf = a.Namespace; strings.HasPrefix(t.anyOf, "##") {
			if t.anyOf != "##any" {
				return fmt.Errorf("wildcard of %s", t.anyOf)
			}
			t.anyOf = ""
		}
		return nil
	}
	if len(g.Element) == 0 || slices.ContainsFunc(g.Element, func(e elementXML) bool { return e.Name == "" || e.Type == "" }) {
		return fmt.Errorf("an empty group, or an element without a named type")
	}
	for _, e := range g.Element {
		f := field{e.Name, goName(e.Type), 1, 1}
		var err error
		if e.Min != "" {
			if f.min, err = strconv.Atoi(e.Min); err != nil {
				return err
			}
		}
		if e.Max == "unbounded" {
			f.max = xsd.Unbounded
		} else if e.Max != "" {
			if f.max, err = strconv.Atoi(e.Max); err != nil {
				return err
			}
		}
		if len(e.Attrs)+len(e.Other) > 0 {
			return fmt.Errorf("element %s: more than a name, a type and how often", e.Name)
		}
		t.fields = append(t.fields, f)
	}
	return nil
}
