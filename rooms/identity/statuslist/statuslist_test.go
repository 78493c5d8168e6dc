package statuslist_test

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/statuslist"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// The vectors of the draft, section 4.2: one bit (b9 a3) and two bits (c9 44 f9).
func TestTheDraftsOwnVectors(t *testing.T) {
	for _, c := range []struct {
		e    statuslist.Encoded
		want []int
	}{
		{statuslist.Encoded{Bits: 1, List: "eNrbuRgAAhcBXQ"}, []int{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{statuslist.Encoded{Bits: 2, List: "eNo76fITAAPfAgc"}, []int{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
	} {
		l, err := statuslist.Decode(c.e)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for i := range l.Size() {
			s, _ := l.Get(i)
			got = append(got, s)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d bits: got %v, want %v", c.e.Bits, got, c.want)
		}
		mine, _ := statuslist.New(c.e.Bits, len(c.want))
		for i, s := range c.want {
			if err := mine.Set(i, s); err != nil {
				t.Fatal(err)
			}
		}
		e, err := mine.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := statuslist.Decode(e)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range c.want {
			if b, _ := back.Get(i); b != s {
				t.Errorf("round trip of entry %d: %d", i, b)
			}
		}
	}
}

func TestEntriesKeepTheirNeighbours(t *testing.T) {
	for _, bits := range []int{1, 2, 4, 8} {
		l, _ := statuslist.New(bits, 64)
		top := 1<<bits - 1
		if err := l.Set(9, top); err != nil {
			t.Fatal(err)
		}
		for i := range l.Size() {
			want := 0
			if i == 9 {
				want = top
			}
			if s, _ := l.Get(i); s != want {
				t.Fatalf("%d bits, entry %d: %d", bits, i, s)
			}
		}
		if l.Set(9, top+1) == nil || l.Set(64, 0) == nil || l.Set(-1, 0) == nil {
			t.Error("out of range was taken")
		}
	}
	if _, err := statuslist.New(3, 8); err == nil {
		t.Error("three bits an entry")
	}
}

func TestABombIsNotInflated(t *testing.T) {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	zero := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(zero)
	}
	_ = w.Close()
	_, err := statuslist.Decode(statuslist.Encoded{Bits: 1, List: base64.RawURLEncoding.EncodeToString(b.Bytes())})
	if !errors.Is(err, statuslist.ErrFormat) {
		t.Fatalf("64 MiB from %d bytes: %v", b.Len(), err)
	}
}

func TestATokenSpeaksForItsOwnAddressInItsTime(t *testing.T) {
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s := jwt.Signer{Key: k, Alg: jwt.ES256}
	key := func(jwt.Header) (any, error) { return k.Public(), nil }
	l, _ := statuslist.New(2, 1<<10)
	_ = l.Set(700, statuslist.Suspended)
	uri := "https://id.example/credentials/status/1"
	tok, err := statuslist.Sign(s, uri, l, now, time.Hour, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	es := []string{jwt.ES256}
	got, claims, err := statuslist.Verify(tok, uri, es, key, now, 0)
	if err != nil || claims.TTL != 60 {
		t.Fatal(err, claims)
	}
	if s, _ := got.Get(700); s != statuslist.Suspended {
		t.Fatalf("status %d", s)
	}
	if _, _, err := statuslist.Verify(tok, uri+"2", es, key, now, 0); !errors.Is(err, statuslist.ErrOther) {
		t.Errorf("another list: %v", err)
	}
	if _, _, err := statuslist.Verify(tok, uri, es, key, now.Add(time.Hour), 0); !errors.Is(err, jwt.ErrTime) {
		t.Errorf("expired: %v", err)
	}
	if _, _, err := statuslist.Verify(tok, uri, es, key, now.Add(-time.Hour), 0); !errors.Is(err, jwt.ErrTime) {
		t.Errorf("from the future: %v", err)
	}
	plain, _ := s.Sign("JWT", statuslist.Claims{Subject: uri, IssuedAt: now.Unix()})
	if _, _, err := statuslist.Verify(plain, uri, es, key, now, 0); !errors.Is(err, jwt.ErrType) {
		t.Errorf("another type: %v", err)
	}
}

func TestABatchHoldsNoNeighbours(t *testing.T) {
	for range 200 {
		got := statuslist.Pick(256, 10, func(i int) bool { return i%2 == 0 })
		if len(got) != 10 {
			t.Fatalf("only %d", len(got))
		}
		slices.Sort(got)
		for i, x := range got {
			if x%2 == 0 || i > 0 && x-got[i-1] < 2 {
				t.Fatalf("taken or neighbours: %v", got)
			}
		}
	}
	if len(statuslist.Pick(8, 3, func(int) bool { return true })) != 0 {
		t.Error("a full list gave an index")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(1, "eNrbuRgAAhcBXQ")
	f.Add(2, "eNo76fITAAPfAgc")
	f.Add(8, "")
	f.Add(0, "eNrbuRgAAhcBXQ")
	f.Fuzz(func(t *testing.T, bits int, lst string) {
		l, err := statuslist.Decode(statuslist.Encoded{Bits: bits, List: lst})
		if err != nil {
			return
		}
		if _, err := l.Get(l.Size() - 1); err != nil {
			t.Fatal(err)
		}
	})
}
