package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Master is the 32-byte key that seals all the others.
type Master struct {
	key   [32]byte
	set   bool
	Where string // where it came from, for the operator's error text: a path, never the key
}

// MasterFile reads the master key from path, 64 hexadecimal digits. If there is
// no file it makes one with mode 0600 when create is true. A file that group or
// others may read is refused.
func MasterFile(path string, create bool) (Master, error) {
	m, err := readMaster(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if !create {
		return Master{}, fmt.Errorf("master key: %w", err)
	}
	var k [32]byte
	_, _ = rand.Read(k[:]) // never fails
	tmp, err := os.CreateTemp(filepath.Dir(path), ".master-*")
	if err != nil {
		return Master{}, fmt.Errorf("make master key: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(hex.EncodeToString(k[:]) + "\n") // CreateTemp gives mode 0600
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return Master{}, fmt.Errorf("make master key: %w", err)
	}
	// Link fails if another process was first; then its key is the key.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Master{}, fmt.Errorf("make master key: %w", err)
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil { // the name must survive a power cut as well
		_ = d.Sync()
		_ = d.Close()
	}
	return readMaster(path)
}

func readMaster(path string) (Master, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Master{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Master{}, fmt.Errorf("master key %s can be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Master{}, fmt.Errorf("read master key: %w", err)
	}
	m, err := ParseMaster(string(b))
	if err != nil {
		return Master{}, fmt.Errorf("master key %s: %w", path, err)
	}
	m.Where = path
	return m, nil
}

// ParseMaster reads a master key given as 64 hexadecimal digits.
func ParseMaster(s string) (Master, error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != 32 {
		return Master{}, errors.New("a master key is 64 hexadecimal digits") // the text itself is a secret
	}
	m := Master{set: true, Where: "the configuration"}
	copy(m.key[:], b)
	return m, nil
}

// Fingerprint tells master keys apart without giving them away.
func (m Master) Fingerprint() string {
	h := sha256.Sum256(append([]byte("sarai master key fingerprint v1\x00"), m.key[:]...))
	return hex.EncodeToString(h[:6])
}

// String keeps the key out of logs.
func (m Master) String() string { return "master key " + m.Fingerprint() }

// GoString keeps the key out of %#v.
func (m Master) GoString() string { return m.String() }

func (m Master) aead() cipher.AEAD {
	block, err := aes.NewCipher(m.key[:])
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

func (m Master) seal(plain, context []byte) []byte { return m.aead().Seal(nil, nil, plain, context) }

func (m Master) open(sealed, context []byte) ([]byte, error) {
	return m.aead().Open(nil, nil, sealed, context)
}
