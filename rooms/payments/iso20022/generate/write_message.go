package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const messageCode = `
// ID is the message definition and its version.
const ID = %q

// Namespace is the namespace of the message's elements.
const Namespace = %q

var root = xsd.Root{Namespace: Namespace, Element: xsd.Field{Name: %q, Min: 1, Max: 1, Complex: (*%[4]s)(nil).Schema()}}

// Root gives the schema of the whole message.
func Root() *xsd.Root { return &root }

// Parse reads and validates a message. The error is an [xsd.Errors].
func Parse(doc []byte) (*%[3]s, error) { return ParseLimits(doc, xsd.Limits{}) }

// ParseLimits is Parse with other limits.
func ParseLimits(doc []byte, limits xsd.Limits) (*%[3]s, error) {
	x := new(%[3]s)
	if err := xsd.Parse(doc, &root, x, limits); err != nil {
		return nil, err
	}
	return x, nil
}

// ID gives [ID].
func (*%[3]s) ID() string { return ID }

// Namespace gives [Namespace].
func (*%[3]s) Namespace() string { return Namespace }

// Marshal writes the message with an XML declaration. What is not valid is an
// [xsd.Errors] and is not written.
func (x *%[3]s) Marshal() ([]byte, error) { return xsd.Marshal(&root, x) }

// Append writes the message to the end of dst as canonical XML, without a
// declaration, so that it can stand within another document and be signed as it
// is.
func (x *%[3]s) Append(dst []byte) ([]byte, error) { return xsd.Append(dst, &root, x) }

// Validate says what is wrong with the message, as an [xsd.Errors], or nil.
func (x *%[3]s) Validate() error { return xsd.Valid(&root, x) }
`

func (m *model) writeMessage(files map[string]*bytes.Buffer, module string, r root) error {
	doc := bytes.NewBufferString(header)
	fmt.Fprintf(doc, "// Package %s is the ISO 20022 message %s: %s.\n//\n", r.pkg, r.id, r.purpose)
	fmt.Fprintf(doc, "// [%s] is the message, [Parse] reads one. The components it is made of live in\n", r.element)
	fmt.Fprintf(doc, "// package component and have their names here too.\npackage %s\n", r.pkg)
	files[r.pkg+"/doc.go"] = doc

	b := bytes.NewBufferString(header)
	fmt.Fprintf(b, "package %s\n\nimport (\n\"%s/component\"\n\"%s/xsd\"\n)\n", r.pkg, module, module)
	top, schemaOf := r.typ, "Document"
	if r.typ != "Document" {
		schemaOf = "component." + r.typ
	}
	fmt.Fprintf(b, messageCode, r.id, r.namespace, r.element, schemaOf)
	if r.typ == "Document" {
		if r.document.name == "" || r.element != "Document" || len(r.document.fields) != 1 {
			return fmt.Errorf("%s: the type Document is not one element", r.id)
		}
		top = r.document.fields[0].typ
		if err := m.writeComplex(b, &r.document, "component.", true); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(b, "\n// %s is the whole message.\ntype %s struct {\ncomponent.%s\n}\n", r.element, r.element, r.typ)
	}
	m.writeAliases(b, top)
	files[r.pkg+"/message_gen.go"] = b
	return nil
}

// writeAliases gives all components of a message their names in its package.
func (m *model) writeAliases(b *bytes.Buffer, top string) {
	names := map[string]bool{}
	var reach func(name string)
	reach = func(name string) {
		if names[name] {
			return
		}
		if s := m.simple[name]; s != nil {
			if s.Enum != nil {
				names[name] = true
			}
			return
		}
		names[name] = true
		for _, f := range m.complex[name].fields {
			reach(f.typ)
		}
	}
	reach(top)
	b.WriteString("\n// The components of the message.\ntype (\n")
	sorted := slices.Sorted(maps.Keys(names))
	for _, name := range sorted {
		fmt.Fprintf(b, "%s = component.%s\n", name, name)
	}
	b.WriteString(")\n")
	var codes strings.Builder
	for _, name := range sorted {
		if s := m.simple[name]; s != nil {
			for _, code := range s.Enum {
				fmt.Fprintf(&codes, "%s = component.%s\n", constant(name, code), constant(name, code))
			}
		}
	}
	if codes.Len() > 0 {
		b.WriteString("\n// The codes of the message.\nconst (\n" + codes.String() + ")\n")
	}
}

// register writes the list of all messages.
func (m *model) register(module string) *bytes.Buffer {
	b := bytes.NewBufferString(header + "package iso20022\n\nimport (\n")
	pkgs := slices.Clone(m.roots)
	slices.SortFunc(pkgs, func(a, b root) int { return strings.Compare(a.pkg, b.pkg) })
	for _, r := range pkgs {
		fmt.Fprintf(b, "%q\n", module+"/"+r.pkg)
	}
	b.WriteString(")\n\nvar definitions = []Definition{\n")
	for _, r := range m.roots {
		fmt.Fprintf(b, "{%s.ID, %s.Namespace, %s.Root(), func() Message { return new(%s.%s) }},\n", r.pkg, r.pkg, r.pkg, r.pkg, r.element)
	}
	b.WriteString("}\n")
	return b
}
