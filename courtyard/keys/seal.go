package keys

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"sarai/courtyard/fault"
)

type softSecret struct {
	alg Alg
	key []byte
}

func (s softSecret) MAC(message []byte) ([]byte, error) {
	if s.alg != HS256 {
		return nil, fmt.Errorf("a key of algorithm %s makes no MAC", s.alg)
	}
	h := hmac.New(sha256.New, s.key)
	h.Write(message)
	return h.Sum(nil), nil
}

func (s softSecret) AEAD() (cipher.AEAD, error) {
	if s.alg != A256GCM {
		return nil, fmt.Errorf("a key of algorithm %s seals nothing", s.alg)
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// parts joins byte strings so that no two different lists give the same bytes:
// each part is preceded by its length.
func parts(label, purpose string, data ...[]byte) []byte {
	n := len(label) + len(purpose) + 16
	for _, d := range data {
		n += 8 + len(d)
	}
	out := make([]byte, 0, n)
	add := func(b []byte) {
		out = binary.BigEndian.AppendUint64(out, uint64(len(b)))
		out = append(out, b...)
	}
	add([]byte(label))
	add([]byte(purpose))
	for _, d := range data {
		add(d)
	}
	return out
}

const macLabel = "sarai mac v1"

// stable says whether a purpose must give the same MAC for ever.
func stable(purpose string) bool { return strings.HasSuffix(purpose, ".pseudonym") }

// MAC is HMAC-SHA-256 over the parts of data, separated by their lengths and
// bound to the purpose, 32 bytes. It uses the active key; for a purpose ending
// ".pseudonym" the oldest one, because a pseudonym must never change.
func (r *Ring) MAC(ctx context.Context, purpose string, data ...[]byte) ([]byte, error) {
	snap, err := r.snapshot(ctx, false)
	if err != nil {
		return nil, err
	}
	var use *entry
	for _, e := range snap.purposes[purpose] { // oldest first
		switch {
		case stable(purpose) && (e.key.State == Active || e.key.State == Retired):
			use = e
		case e.key.State == Active:
			use = e
		}
		if use != nil {
			break
		}
	}
	if use == nil {
		return nil, r.missing(purpose)
	}
	return r.mac(use, data)
}

func (r *Ring) mac(e *entry, data [][]byte) ([]byte, error) {
	s, err := r.secret(e)
	if err != nil {
		return nil, err
	}
	m, err := s.MAC(parts(macLabel, e.key.Purpose, data...))
	if err != nil {
		return nil, fmt.Errorf("mac for %s: %w", e.key.Purpose, err)
	}
	return m, nil
}

// CheckMAC says whether mac is what MAC gave for data, under the active key or
// a retired one.
func (r *Ring) CheckMAC(ctx context.Context, purpose string, mac []byte, data ...[]byte) (bool, error) {
	snap, err := r.snapshot(ctx, false)
	if err != nil {
		return false, err
	}
	for _, e := range snap.purposes[purpose] {
		if e.key.State == Revoked {
			continue
		}
		m, err := r.mac(e, data)
		if err != nil {
			return false, err
		}
		if hmac.Equal(m, mac) {
			return true, nil
		}
	}
	return false, nil
}

// A sealed text is: 0x01, the key's id (16 bytes), nonce (12), ciphertext, tag (16).
const (
	sealVersion = 1
	sealHeader  = 1 + 16
	sealLabel   = "sarai seal v1"
)

// Seal encrypts plaintext under the purpose's active A256GCM key and binds it
// to aad, which Open needs again. The key's id travels in the result, so data
// sealed before a rotation stays readable. It adds 45 bytes.
func (r *Ring) Seal(ctx context.Context, purpose string, plaintext, aad []byte) ([]byte, error) {
	e, err := r.active(ctx, purpose)
	if err != nil {
		return nil, err
	}
	a, err := r.aead(e)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(e.key.ID, "-", ""))
	if err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("key id %q is no uuid", e.key.ID)
	}
	out := make([]byte, 0, sealHeader+len(plaintext)+a.Overhead())
	out = append(append(out, sealVersion), raw...)
	return a.Seal(out, nil, plaintext, parts(sealLabel, purpose, out[:sealHeader], aad)), nil
}

// Open gives back what Seal was given. Anything else, a wrong purpose or aad
// included, is a fault Invalid with key "keys.sealed".
func (r *Ring) Open(ctx context.Context, purpose string, sealed, aad []byte) ([]byte, error) {
	bad := func(err error) error { return fault.New(fault.Invalid, "keys.sealed").Because(err) }
	if len(sealed) < sealHeader || sealed[0] != sealVersion {
		return nil, bad(errors.New("not a sealed text"))
	}
	x := hex.EncodeToString(sealed[1:sealHeader])
	id := x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
	e, err := r.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if e == nil || e.key.Purpose != purpose || e.key.State == Revoked {
		return nil, bad(fmt.Errorf("no usable key %s for %s", id, purpose))
	}
	a, err := r.aead(e)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, nil, sealed[sealHeader:], parts(sealLabel, purpose, bytes.Clone(sealed[:sealHeader]), aad))
	if err != nil {
		return nil, bad(err)
	}
	return plain, nil
}

func (r *Ring) aead(e *entry) (cipher.AEAD, error) {
	s, err := r.secret(e)
	if err != nil {
		return nil, err
	}
	a, err := s.AEAD()
	if err != nil {
		return nil, fmt.Errorf("seal for %s: %w", e.key.Purpose, err)
	}
	return a, nil
}
