package xmldsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"io"
	"strings"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	s := must(NewSigner(p256().key, p256().cert, IssuerSerial))
	message := []byte(unsigned)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	out := signed(b, unsigned)
	v := verifier(b, p256().cert)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawECDSA is the part of both that no XML library can save.
func BenchmarkRawECDSA(b *testing.B) {
	key, digest := p256().key.(*ecdsa.PrivateKey), make([]byte, 32)
	value := must(ecdsa.SignASN1(rand.Reader, key, digest))
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(ecdsa.SignASN1(rand.Reader, key, digest))
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !ecdsa.VerifyASN1(&key.PublicKey, digest, value) {
				b.Fatal("no")
			}
		}
	})
}

func BenchmarkCanonicalize(b *testing.B) {
	message, out := []byte(unsigned), []byte(nil)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		out = must(Canonicalize(out[:0], message))
	}
}

// BenchmarkVerifyFile verifies a file of 10,000 payments.
func BenchmarkVerifyFile(b *testing.B) {
	payment := between(unsigned, "<CdtTrfTxInf>", "</CdtTrfTxInf>")
	raw := signed(b, swap(b, unsigned, payment, strings.Repeat(payment+"\n    ", 10_000)))
	v := verifier(b, p256().cert)
	v.MaxBytes = len(raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// fixedSigner gives one value again and again: what remains is our own work.
type fixedSigner struct {
	crypto.Signer
	value []byte
}

func (f fixedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return f.value, nil }

func BenchmarkSignWithoutECDSA(b *testing.B) {
	key := p256().key.(*ecdsa.PrivateKey)
	s := must(NewSigner(fixedSigner{key, must(ecdsa.SignASN1(rand.Reader, key, make([]byte, 32)))}, p256().cert, IssuerSerial))
	message := []byte(unsigned)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyWithoutECDSA(b *testing.B) {
	raw := signed(b, unsigned)
	v := verifier(b, p256().cert)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		m := take(raw, toVerify)
		m.body.out = make([]byte, 0, len(raw)+len(raw)/8)
		err := m.s.run()
		if err == nil {
			err = m.digests()
		}
		var value []byte
		if err == nil {
			_, value, err = v.claim(&m.parts, &m.info)
		}
		if err == nil {
			_ = sum(nil, crypto.SHA256, m.parts.part(partInfo))
			_, err = derFromRaw(value, 32)
		}
		if err != nil {
			b.Fatal(err)
		}
		messages.Put(m)
	}
}
