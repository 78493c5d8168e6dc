package iso20022_test

import (
	"testing"

	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs008"
)

// The samples without white space between elements, as they come over a wire.

func BenchmarkParsePacs008(b *testing.B) {
	doc := []byte(canonical(golden(pacs008.ID)))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pacs008.Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshalPacs008(b *testing.B) {
	m, err := pacs008.Parse([]byte(golden(pacs008.ID)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		if out, err = m.Append(out[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
}

func BenchmarkParsePacs002(b *testing.B) {
	doc := []byte(canonical(golden(pacs002.ID)))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pacs002.Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshalPacs002(b *testing.B) {
	m, err := pacs002.Parse([]byte(golden(pacs002.ID)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		if out, err = m.Append(out[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
}
