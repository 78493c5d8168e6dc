package xmldsig

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
)

// sum appends the hash of b to dst; of no hash it is nothing.
func sum(dst []byte, h crypto.Hash, b []byte) []byte {
	switch h {
	case crypto.SHA256:
		d := sha256.Sum256(b)
		return append(dst, d[:]...)
	case crypto.SHA384:
		d := sha512.Sum384(b)
		return append(dst, d[:]...)
	case crypto.SHA512:
		d := sha512.Sum512(b)
		return append(dst, d[:]...)
	}
	return dst
}

var strict = base64.StdEncoding.Strict()

// decode64 appends to dst what base64 text in canonical form means. White space
// may stand anywhere in it, a carriage return also as the reference that
// canonical form makes of it; padding must be there and right.
func decode64(dst, text []byte) ([]byte, bool) {
	at := len(dst)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if class[c]&blank != 0 {
			continue
		}
		if c == '&' && len(text) >= i+5 && string(text[i:i+5]) == "&#xD;" {
			i += 4
			continue
		}
		dst = append(dst, c)
	}
	n, err := strict.Decode(dst[at:], dst[at:])
	if err != nil {
		return dst[:at], false
	}
	return dst[:at+n], true
}
