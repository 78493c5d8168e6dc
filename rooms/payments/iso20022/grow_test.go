package iso20022_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"sarai/rooms/payments/iso20022"
)

// TestGrownDocumentsAreValid: documents grown from our tables are valid to us
// and to libxml2, and come back the same after writing.
func TestGrownDocumentsAreValid(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range iso20022.Messages() {
		var docs, written []string
		for range 20 {
			docs = append(docs, document(rng, d.Root).String())
		}
		schema := schemaFile(t, d)
		theirs := xmllint(t, schema, docs)
		for i, doc := range docs {
			m, err := d.Parse([]byte(doc))
			if err != nil || !theirs[i] {
				t.Errorf("%s: ours %v, theirs %v\n%.300s", d.ID, err, theirs[i], doc)
				break
			}
			out, err := m.Marshal()
			if err != nil {
				t.Errorf("%s: %v", d.ID, err)
				break
			}
			again, err := d.Parse(out)
			if err != nil || !reflect.DeepEqual(m, again) {
				t.Errorf("%s: %v: read again it is another message\n%.2000s\n%.2000s", d.ID, err, doc, out)
				break
			}
			written = append(written, string(out))
		}
		for i, ok := range xmllint(t, schema, written) {
			if !ok {
				t.Errorf("%s: xmllint refuses what we wrote\n%.2000s", d.ID, written[i])
			}
		}
	}
}
