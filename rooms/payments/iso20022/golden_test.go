package iso20022_test

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/xsd"
)

// canonical is what we write for a sample: the samples have no white space but
// line ends between elements, and no references that Canonical XML replaces.
func canonical(sample string) string {
	_, body, _ := strings.Cut(sample, "?>\n")
	return strings.TrimSuffix(strings.ReplaceAll(body, ">\n<", "><"), "\n")
}

// TestSamples reads a sample of each message, writes it and reads it again.
func TestSamples(t *testing.T) {
	for _, d := range iso20022.Messages() {
		t.Run(d.ID, func(t *testing.T) {
			sample := golden(d.ID)
			m, err := iso20022.Parse([]byte(sample))
			if err != nil {
				t.Fatal(err)
			}
			if m.ID() != d.ID || m.Namespace() != d.Namespace {
				t.Fatalf("is %s of %s", m.ID(), m.Namespace())
			}
			if err := m.Validate(); err != nil {
				t.Error(err)
			}
			body, err := m.Append([]byte("before"))
			if err != nil || string(body) != "before"+canonical(sample) {
				t.Errorf("%v: wrote\n%s\nwant\n%s", err, body, canonical(sample))
			}
			doc, err := m.Marshal()
			if err != nil || string(doc) != xsd.Declaration+canonical(sample) {
				t.Errorf("%v: Marshal wrote\n%s", err, doc)
			}
			again, err := d.Parse(doc)
			if err != nil || !reflect.DeepEqual(m, again) {
				t.Errorf("%v: read again it is another message", err)
			}
		})
	}
}

// TestWrittenIsCanonical: what we write is what libxml2 writes as Canonical XML,
// and is valid.
func TestWrittenIsCanonical(t *testing.T) {
	for _, d := range iso20022.Messages() {
		schema := schemaFile(t, d)
		m, err := d.Parse([]byte(golden(d.ID)))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !xmllint(t, schema, []string{string(doc)})[0] {
			t.Errorf("%s: xmllint refuses what we wrote", d.ID)
		}
		cmd := exec.CommandContext(t.Context(), "xmllint", "--c14n", "-")
		cmd.Stdin = strings.NewReader(string(doc))
		theirs, err := cmd.Output()
		if err != nil || string(theirs) != string(doc) {
			t.Errorf("%s: %v: c14n is\n%s\nours\n%s", d.ID, err, theirs, doc)
		}
	}
}
