package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"sarai/rooms/identity/jwt"
)

// Type is the typ header of a status list token (section 5.1).
const Type = "statuslist+jwt"

// MaxBytes is the largest decompressed list that is read: 2^20 entries of 8 bits.
const MaxBytes = 1 << 20

// The statuses every verifier knows (section 7.1).
const (
	Valid     = 0
	Invalid   = 1 // for good
	Suspended = 2 // for the time being; needs lists of two bits or more
)

// The reasons a list is refused.
var (
	ErrFormat = errors.New("statuslist: not a status list")
	ErrRange  = errors.New("statuslist: index outside the list")
	ErrOther  = errors.New("statuslist: the token speaks of another list")
)

// List is a status list in the open. Entries begin as Valid.
type List struct {
	bits int
	data []byte
}

// New makes a list of size entries of 1, 2, 4 or 8 bits.
func New(bits, size int) (*List, error) {
	if bits != 1 && bits != 2 && bits != 4 && bits != 8 {
		return nil, fmt.Errorf("%w: %d bits an entry", ErrFormat, bits)
	}
	per := 8 / bits
	n := (size + per - 1) / per
	if size <= 0 || n > MaxBytes {
		return nil, fmt.Errorf("%w: %d entries", ErrFormat, size)
	}
	return &List{bits: bits, data: make([]byte, n)}, nil
}

// Size is the number of entries, rounded up to whole bytes.
func (l *List) Size() int { return len(l.data) * (8 / l.bits) }

// Bits is the width of one entry.
func (l *List) Bits() int { return l.bits }

func (l *List) place(index int) (at, shift int, err error) {
	if index < 0 || index >= l.Size() {
		return 0, 0, fmt.Errorf("%w: %d of %d", ErrRange, index, l.Size())
	}
	per := 8 / l.bits
	return index / per, index % per * l.bits, nil // lowest bits first: section 4.1
}

// Get reads an entry.
func (l *List) Get(index int) (int, error) {
	at, shift, err := l.place(index)
	if err != nil {
		return 0, err
	}
	return int(l.data[at]>>shift) & (1<<l.bits - 1), nil
}

// Set writes an entry.
func (l *List) Set(index, status int) error {
	at, shift, err := l.place(index)
	if err != nil {
		return err
	}
	mask := 1<<l.bits - 1
	if status < 0 || status > mask {
		return fmt.Errorf("%w: status %d does not fit %d bits", ErrFormat, status, l.bits)
	}
	l.data[at] = l.data[at]&^byte(mask<<shift) | byte(status<<shift)
	return nil
}

// Encoded is the list as it stands in a token (section 4.2).
type Encoded struct {
	Bits int    `json:"bits"`
	List string `json:"lst"`
}

// Encode compresses the list.
func (l *List) Encode() (Encoded, error) {
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err != nil {
		return Encoded{}, fmt.Errorf("statuslist: %w", err)
	}
	if _, err := w.Write(l.data); err != nil {
		return Encoded{}, fmt.Errorf("statuslist: compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return Encoded{}, fmt.Errorf("statuslist: compress: %w", err)
	}
	return Encoded{Bits: l.bits, List: base64.RawURLEncoding.EncodeToString(b.Bytes())}, nil
}

// Decode reads a compressed list of at most MaxBytes.
func Decode(e Encoded) (*List, error) {
	raw, err := base64.RawURLEncoding.DecodeString(e.List)
	if err != nil {
		return nil, fmt.Errorf("%w: encoding", ErrFormat)
	}
	r, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%w: not zlib", ErrFormat)
	}
	defer r.Close() // read to the end or refused below
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: damaged", ErrFormat)
	}
	if len(data) == 0 || len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: empty or larger than %d bytes", ErrFormat, MaxBytes)
	}
	l, err := New(e.Bits, len(data)*8/max(e.Bits, 1))
	if err != nil {
		return nil, err
	}
	l.data = data
	return l, nil
}

// Claims are those of a status list token (section 5.1).
type Claims struct {
	Subject  string  `json:"sub"` // the address the list is fetched from
	IssuedAt int64   `json:"iat"`
	Expires  int64   `json:"exp,omitempty"`
	TTL      int64   `json:"ttl,omitempty"` // seconds a copy may be used
	List     Encoded `json:"status_list"`
}

// Sign publishes the list under its address. life bounds the token, ttl says
// how long copies may be kept.
func Sign(s jwt.Signer, uri string, l *List, at time.Time, life, ttl time.Duration) (string, error) {
	e, err := l.Encode()
	if err != nil {
		return "", err
	}
	return s.Sign(Type, Claims{Subject: uri, IssuedAt: at.Unix(), Expires: at.Add(life).Unix(), TTL: int64(ttl / time.Second), List: e})
}

// Verify proves a token that was fetched from uri and gives its list.
func Verify(token, uri string, algs []string, key func(jwt.Header) (any, error), now time.Time, skew time.Duration) (*List, *Claims, error) {
	var c Claims
	if _, err := jwt.Verify(token, []string{Type}, algs, key, &c); err != nil {
		return nil, nil, err
	}
	if c.Subject != uri {
		return nil, nil, ErrOther
	}
	if c.IssuedAt == 0 || c.IssuedAt > now.Add(skew).Unix() {
		return nil, nil, fmt.Errorf("%w: iat", jwt.ErrTime)
	}
	if err := jwt.In(now, 0, c.Expires, skew); err != nil {
		return nil, nil, err
	}
	l, err := Decode(c.List)
	if err != nil {
		return nil, nil, err
	}
	return l, &c, nil
}

// Pick draws n different indices below size with no two neighbours, in random
// order, passing over those taken says are used. It gives fewer when it cannot
// find enough in a reasonable number of draws: then begin another list.
func Pick(size, n int, taken func(int) bool) []int {
	drawn := make(map[int]bool, n)
	out := make([]int, 0, n)
	for try := 0; len(out) < n && try < 64*n; try++ {
		i := rand.IntN(size) // ChaCha8 seeded by the system
		if drawn[i] || drawn[i-1] || drawn[i+1] || (taken != nil && taken(i)) {
			continue
		}
		drawn[i] = true
		out = append(out, i)
	}
	return out
}
