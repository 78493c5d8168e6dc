package iso20022_test

import (
	"math/rand/v2"
	"testing"

	"sarai/rooms/payments/iso20022"
)

// TestGrownDocumentsAreValid: documents grown from our tables are valid to us
// and to libxml2, and come back the same after writing.
func TestGrownDocumentsAreValid(t *testing.T) {
	dir := schemas(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range iso20022.Messages() {
		var docs []string
		for range 12 {
			docs = append(docs, document(rng, d.Root).String())
		}
		theirs := xmllint(t, dir+"/"+d.ID+".xsd", docs)
		for i, doc := range docs {
			_, err := d.Parse([]byte(doc))
			if err != nil || !theirs[i] {
				t.Errorf("%s: ours %v, theirs %v\n%.300s", d.ID, err, theirs[i], doc)
				break
			}
		}
	}
}
