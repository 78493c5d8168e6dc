package id

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// Source makes row identifiers. It is safe for concurrent use.
type Source func() string

// New gives a UUIDv7 from the machine's clock and randomness.
func New() string { return uuid7(time.Now(), rand.Reader) }

// Seeded gives a source whose identifiers follow from seed and start, so that a
// demo country is the same each time. Never use it for secrets.
func Seeded(seed uint64, start time.Time) Source {
	var mu sync.Mutex
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	r := mathrand.NewChaCha8(key)
	at := start
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Millisecond)
		return uuid7(at, r)
	}
}

func uuid7(t time.Time, r io.Reader) string {
	var u [16]byte
	if _, err := io.ReadFull(r, u[:]); err != nil {
		panic("id: no randomness: " + err.Error()) // crypto/rand never fails on a working system
	}
	ms := uint64(t.UnixMilli()) //nolint:gosec // years before 1970 do not occur
	u[0], u[1], u[2], u[3], u[4], u[5] = byte(ms>>40), byte(ms>>32), byte(ms>>24), byte(ms>>16), byte(ms>>8), byte(ms)
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], u[0:4])
	hex.Encode(s[9:13], u[4:6])
	hex.Encode(s[14:18], u[6:8])
	hex.Encode(s[19:23], u[8:10])
	hex.Encode(s[24:36], u[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// Token gives 256 random bits as 43 characters of unpadded base64url: for
// session cookies, codes and nonces. Store only its hash.
func Token() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// crockford leaves out I, L, O and U, which are misread or misheard.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Reference gives n random characters a person can read out, in groups of
// four: "7K3M-Q2ZD". Five bits each, so 12 characters are 60 bits.
func Reference(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	out := make([]byte, 0, n+n/4)
	for i, c := range b {
		if i > 0 && i%4 == 0 {
			out = append(out, '-')
		}
		out = append(out, crockford[c&31])
	}
	return string(out)
}
