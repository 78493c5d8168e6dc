package tlog

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sarai/courtyard/keys"
)

// Signature types of C2SP signed-note.
const (
	typeEd25519 = 0x01
	typeMLDSA44 = 0x06 // a timestamped cosignature, C2SP tlog-cosignature
)

func keyHash(name string, kind byte, public []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{kind})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func vkey(name string, kind byte, public []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, kind, public), base64.StdEncoding.EncodeToString(append([]byte{kind}, public...)))
}

// keyVKey gives a ring key's verifier key.
func keyVKey(name string, k *keys.Key) (string, error) {
	switch p := k.Public().(type) {
	case ed25519.PublicKey:
		return vkey(name, typeEd25519, p), nil
	case *mldsa.PublicKey:
		return vkey(name, typeMLDSA44, p.Bytes()), nil
	}
	return "", fmt.Errorf("key %s of %s is no log key", k.ID, k.Purpose)
}

// signer signs checkpoints with a key of the ring.
type signer struct {
	note.Verifier
	key *keys.Key
	now func() time.Time
}

func newSigner(name string, k *keys.Key, now func() time.Time) (note.Signer, error) {
	text, err := keyVKey(name, k)
	if err != nil {
		return nil, err
	}
	v, err := NewVerifier(text)
	if err != nil {
		return nil, err
	}
	return signer{Verifier: v, key: k, now: now}, nil
}

func (s signer) Sign(text []byte) ([]byte, error) {
	if s.key.Alg != keys.MLDSA44 {
		return s.key.Sign(nil, text, crypto.Hash(0))
	}
	at := uint64(s.now().Unix()) //nolint:gosec // not before 1970
	message, err := cosigned(s.Name(), at, string(text))
	if err != nil {
		return nil, err
	}
	sig, err := s.key.Sign(nil, message, crypto.Hash(0))
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(nil, at), sig...), nil
}

// cosigned is the cosigned_message of C2SP tlog-cosignature for a checkpoint.
func cosigned(name string, at uint64, text string) ([]byte, error) {
	origin, tree, err := parseCheckpoint(text)
	if err != nil {
		return nil, err
	}
	if len(name) > 255 || len(origin) > 255 {
		return nil, errors.New("names of more than 255 bytes cannot be cosigned")
	}
	m := []byte("subtree/v1\n\x00")
	m = append(append(m, byte(len(name))), name...)
	m = binary.BigEndian.AppendUint64(m, at)
	m = append(append(m, byte(len(origin))), origin...)
	m = binary.BigEndian.AppendUint64(m, 0)
	m = binary.BigEndian.AppendUint64(m, uint64(tree.N)) //nolint:gosec // sizes are not negative
	return append(m, tree.Hash[:]...), nil
}

// verifier checks ML-DSA-44 cosignatures; x/mod has the one for Ed25519.
type verifier struct {
	name string
	hash uint32
	key  *mldsa.PublicKey
}

func (v verifier) Name() string    { return v.name }
func (v verifier) KeyHash() uint32 { return v.hash }
func (v verifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+mldsa.MLDSA44SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if at > 1<<63-1 {
		return false
	}
	message, err := cosigned(v.name, at, string(text))
	return err == nil && mldsa.Verify(v.key, message, sig[8:], nil) == nil
}

// NewVerifier reads a verifier key (C2SP signed-note): Ed25519 or an ML-DSA-44
// cosigner.
func NewVerifier(vkey string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash16, key64, ok := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.Strict().DecodeString(key64)
	if !ok || err != nil || len(key) == 0 {
		return nil, errors.New("not a verifier key: want name+hash+key")
	}
	if key[0] != typeMLDSA44 {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("verifier key of %q: %w", name, err)
		}
		return v, nil
	}
	want, err := hex.DecodeString(hash16)
	if err != nil || len(want) != 4 || name == "" || strings.ContainsAny(name, " \t\n+") {
		return nil, errors.New("not a verifier key: want name+hash+key")
	}
	v := verifier{name: name, hash: binary.BigEndian.Uint32(want)}
	if keyHash(name, typeMLDSA44, key[1:]) != v.hash {
		return nil, fmt.Errorf("verifier key of %q: its hash does not fit its key", name)
	}
	if v.key, err = mldsa.NewPublicKey(mldsa.MLDSA44(), key[1:]); err != nil {
		return nil, fmt.Errorf("verifier key of %q: %w", name, err)
	}
	return v, nil
}

// checkpointText is the note text of C2SP tlog-checkpoint.
func checkpointText(origin string, size int64, root Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
}

// parseCheckpoint reads a note text, ignoring extension lines.
func parseCheckpoint(text string) (origin string, tree tlog.Tree, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return "", tree, errors.New("not a checkpoint")
	}
	if tree.N, err = decimal(lines[1], 1<<62); err != nil {
		return "", tree, errors.New("checkpoint: bad tree size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return "", tree, errors.New("checkpoint: bad root hash")
	}
	copy(tree.Hash[:], root)
	return lines[0], tree, nil
}

// openCheckpoint verifies a signed checkpoint. Every given key must have signed
// it, and the first must be the log's own: named as the origin.
func openCheckpoint(signed []byte, vkeys []string) (origin string, tree tlog.Tree, at time.Time, err error) {
	if len(vkeys) == 0 {
		return "", tree, at, errors.New("no verifier key given")
	}
	var known []note.Verifier
	for _, k := range vkeys {
		v, err := NewVerifier(k)
		if err != nil {
			return "", tree, at, err
		}
		known = append(known, v)
	}
	n, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return "", tree, at, fmt.Errorf("checkpoint: %w", err)
	}
	// x/mod reads base64 loosely; one signed text must have one form only.
	for _, s := range append(n.Sigs, n.UnverifiedSigs...) {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return "", tree, at, errors.New("checkpoint: a signature is not in canonical base64")
		}
	}
	for _, v := range known {
		found := false
		for _, s := range n.Sigs {
			if s.Name != v.Name() || s.Hash != v.KeyHash() {
				continue
			}
			found = true
			if raw, _ := base64.StdEncoding.DecodeString(s.Base64); len(raw) == 4+8+mldsa.MLDSA44SignatureSize {
				at = time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC() //nolint:gosec // checked to fit by the verifier
			}
		}
		if !found {
			return "", tree, at, fmt.Errorf("checkpoint: not signed by %s (key %08x)", v.Name(), v.KeyHash())
		}
	}
	if origin, tree, err = parseCheckpoint(n.Text); err != nil {
		return "", tree, at, err
	}
	if known[0].Name() != origin {
		return "", tree, at, fmt.Errorf("checkpoint is of log %s, not of %s", origin, known[0].Name())
	}
	return origin, tree, at, nil
}
