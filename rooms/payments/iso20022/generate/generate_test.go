package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCommittedCodeIsGenerated: the generator makes what the repository has.
func TestCommittedCodeIsGenerated(t *testing.T) {
	dir := filepath.Join(os.Getenv("SARAI_TEST_DATA"), "iso20022")
	if os.Getenv("SARAI_TEST_DATA") == "" {
		t.Skip("no schemas: set SARAI_TEST_DATA to a folder with iso20022/*.xsd")
	}
	m := newModel()
	for _, msg := range messages {
		if err := m.read(dir, msg); err != nil {
			t.Fatal(err)
		}
	}
	files, err := m.write("sarai/rooms/payments/iso20022")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		have, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || string(have) != string(text) {
			t.Errorf("%s is not what the generator makes: run go generate (%v)", name, err)
		}
	}
	committed, _ := filepath.Glob("../*/*_gen.go")
	for _, file := range committed {
		name, _ := filepath.Rel("..", file)
		if files[filepath.ToSlash(name)] == nil {
			t.Errorf("%s is left over", name)
		}
	}
}

// TestStrangeSchemasAreRefused: what the generator does not know stops it.
func TestStrangeSchemasAreRefused(t *testing.T) {
	dir := t.TempDir()
	const head = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified" targetNamespace="urn:t"><xs:element name="Document" type="Document"/>`
	const good = `<xs:complexType name="Document"><xs:sequence><xs:element name="a" type="A"/></xs:sequence></xs:complexType>`
	for name, text := range map[string]string{
		"a union":             good + `<xs:simpleType name="A"><xs:union memberTypes="B C"/></xs:simpleType>`,
		"a facet":             good + `<xs:simpleType name="A"><xs:restriction base="xs:string"><xs:whiteSpace value="collapse"/></xs:restriction></xs:simpleType>`,
		"a base":              good + `<xs:simpleType name="A"><xs:restriction base="xs:float"/></xs:simpleType>`,
		"a pattern":           good + `<xs:simpleType name="A"><xs:restriction base="xs:string"><xs:pattern value="["/></xs:restriction></xs:simpleType>`,
		"a group in a group":  `<xs:complexType name="Document"><xs:sequence><xs:choice/></xs:sequence></xs:complexType>`,
		"a repeated group":    `<xs:complexType name="Document"><xs:sequence maxOccurs="2"><xs:element name="a" type="A"/></xs:sequence></xs:complexType>`,
		"an attribute":        `<xs:complexType name="Document"><xs:sequence><xs:element name="a" type="A"/></xs:sequence><xs:attribute name="b" type="A"/></xs:complexType>`,
		"an anonymous type":   `<xs:complexType name="Document"><xs:sequence><xs:element name="a"><xs:simpleType/></xs:element></xs:sequence></xs:complexType>`,
		"a nillable element":  `<xs:complexType name="Document"><xs:sequence><xs:element name="a" type="A" nillable="true"/></xs:sequence></xs:complexType>`,
		"a strict wildcard":   `<xs:complexType name="Document"><xs:sequence><xs:any processContents="strict" namespace="##any"/></xs:sequence></xs:complexType>`,
		"another's wildcard":  `<xs:complexType name="Document"><xs:sequence><xs:any processContents="lax" namespace="##other"/></xs:sequence></xs:complexType>`,
		"all":                 `<xs:complexType name="Document"><xs:all><xs:element name="a" type="A"/></xs:all></xs:complexType>`,
		"an import":           `<xs:import namespace="urn:b"/>` + good,
		"a substitution":      `<xs:element name="b" type="A"/>` + good,
		"minInclusive 1":      good + `<xs:simpleType name="A"><xs:restriction base="xs:decimal"><xs:minInclusive value="1"/></xs:restriction></xs:simpleType>`,
		"optional attribute":  `<xs:complexType name="Document"><xs:simpleContent><xs:extension base="A"><xs:attribute name="b" type="A"/></xs:extension></xs:simpleContent></xs:complexType>`,
		"no well-formed text": `<xs:complexType>`,
	} {
		if err := os.WriteFile(filepath.Join(dir, "x.xsd"), []byte(head+text+"</xs:schema>"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := newModel().read(dir, message{id: "x", pkg: "x"}); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	undefined := newModel()
	if err := os.WriteFile(filepath.Join(dir, "x.xsd"), []byte(head+good+"</xs:schema>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := undefined.read(dir, message{id: "x", pkg: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := undefined.write("m"); err == nil {
		t.Error("a type that is not defined was written")
	}
}
