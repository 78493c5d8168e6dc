package fspiop

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Fulfils says whether a fulfilment opens a condition: the condition is the
// SHA-256 of the fulfilment, both 32 bytes in base64url without padding (API
// Definition 4.4, 7.3.7).
func Fulfils(fulfilment, condition string) bool {
	if !is32Bytes(fulfilment) || !is32Bytes(condition) {
		return false
	}
	secret, err := base64.RawURLEncoding.DecodeString(fulfilment)
	if err != nil {
		return false
	}
	lock, err := base64.RawURLEncoding.DecodeString(condition)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(sum[:], lock) == 1
}

// Condition is the condition that a fulfilment of 32 bytes opens, and the
// fulfilment, in the standard's form.
func Condition(secret [32]byte) (condition, fulfilment string) {
	sum := sha256.Sum256(secret[:])
	return base64.RawURLEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(secret[:])
}

// is32Bytes tests ^[A-Za-z0-9-_]{43}$.
func is32Bytes(s string) bool { return len(s) == 43 && isURL64(s) }

func isURL64(s string) bool {
	for i := range len(s) {
		c := s[i]
		if known := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'; !known {
			return false
		}
	}
	return true
}

// isPacket tests an ILP packet: base64url, at most 32,768 characters. What is in
// it is between the two participants (API Definition 4.2).
func isPacket(s string) bool {
	for range 2 {
		if len(s) > 0 && s[len(s)-1] == '=' {
			s = s[:len(s)-1]
		}
	}
	return len(s) > 0 && len(s) <= 32768 && isURL64(s)
}
