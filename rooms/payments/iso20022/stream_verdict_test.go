package iso20022_test

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"sarai/rooms/payments/iso20022/pain001"
	"sarai/rooms/payments/iso20022/xsd"
)

// pieces gives a document a few octets at a time.
type pieces struct {
	from io.Reader
	rng  *rand.Rand
}

func (p pieces) Read(b []byte) (int, error) {
	return p.from.Read(b[:min(len(b), 1+p.rng.IntN(40))])
}

// TestStreamVerdicts: a mutated document gets the same verdict in pieces as it
// gets whole, and the same first rule.
func TestStreamVerdicts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	valid := 0
	for i := range 1500 {
		doc, what := mutate(rng, pain001.Root(), golden(pain001.ID))
		whole := xsd.Check([]byte(doc), pain001.Root(), xsd.Limits{})
		streamed := pain001.Stream(pieces{strings.NewReader(doc), rng}, xsd.Limits{}, func(*pain001.GroupHeader85, *pain001.PaymentInstruction30, *pain001.CreditTransferTransaction34) error {
			return nil
		})
		if (whole == nil) != (streamed == nil) {
			t.Fatalf("document %d (%s): whole %v, in pieces %v\n%s", i, what, whole, streamed, short(doc))
		}
		if whole == nil {
			valid++
		}
	}
	t.Logf("%d valid", valid)
}
