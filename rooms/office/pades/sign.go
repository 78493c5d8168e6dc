package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Signer is who signs: a key and its certificates (DER), its own first.
type Signer struct {
	Key          crypto.Signer // RSA or P-256
	Certificates [][]byte
	Random       io.Reader // nil: crypto/rand
}

// TimeStamper gives an RFC 3161 time-stamp token (a CMS ContentInfo) over data.
type TimeStamper func(ctx context.Context, data []byte) ([]byte, error)

var (
	gapRange    = []byte("/ByteRange [0 0000000000 0000000000 0000000000]")
	gapContents = []byte("/Contents <00000000")
)

// ErrNoGap: the document has no place for a signature, or more than one.
var ErrNoGap = errors.New("the document has no single gap for a signature")

// Sign fills the gap of a document and gives the signed document; the given
// bytes are left as they are. stamp may be nil.
func Sign(ctx context.Context, document []byte, s Signer, stamp TimeStamper) ([]byte, error) {
	if len(s.Certificates) == 0 || s.Key == nil {
		return nil, errors.New("a signer has a key and a certificate")
	}
	if s.Random == nil {
		s.Random = rand.Reader
	}
	out := bytes.Clone(document)
	at := bytes.Index(out, gapRange)
	if at < 0 || bytes.Count(out, gapRange) != 1 {
		return nil, ErrNoGap
	}
	open := bytes.Index(out[at:], gapContents)
	if open < 0 {
		return nil, ErrNoGap
	}
	open += at + len("/Contents ")
	end := bytes.IndexByte(out[open:], '>')
	if end < 0 {
		return nil, ErrNoGap
	}
	end += open + 1 // one past '>'
	filled := fmt.Sprintf("/ByteRange [0 %d %d %d]", open, end, len(out)-end)
	copy(out[at:], filled+string(bytes.Repeat([]byte{' '}, len(gapRange)-len(filled))))

	h := sha256.New()
	h.Write(out[:open])
	h.Write(out[end:])
	cms, err := buildCMS(ctx, h.Sum(nil), s, stamp)
	if err != nil {
		return nil, err
	}
	room := end - open - 2
	if hex.EncodedLen(len(cms)) > room {
		return nil, fmt.Errorf("the signature needs %d bytes and the gap has %d", len(cms), room/2)
	}
	hex.Encode(out[open+1:], cms)
	return out, nil
}
