package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
)

// A telephone of these tests never has a key whose coordinate begins with a
// zero: its authenticator would leave the zero out.
func TestThePhonesOfTheseTestsHaveWholeKeys(t *testing.T) {
	t.Parallel()
	whole := func(k *ecdsa.PrivateKey) bool {
		point, err := k.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return point[1] != 0 && point[33] != 0
	}
	fresh := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	short := fresh()
	for whole(short) {
		short = fresh()
	}
	drawn := 0
	cred := wholeCredential(t, func() *ecdsa.PrivateKey {
		if drawn++; drawn == 1 {
			return short
		}
		for {
			if k := fresh(); whole(k) {
				return k
			}
		}
	})
	if drawn != 2 || cred.Key == nil {
		t.Fatalf("a key with a short coordinate was taken after %d draws", drawn)
	}
}
