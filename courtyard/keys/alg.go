package keys

// Alg names an algorithm as JOSE does where JOSE has a name (RFC 7518, RFC 8037).
type Alg string

// The algorithms of the house.
const (
	ES256   Alg = "ES256"     // ECDSA on P-256 with SHA-256
	EdDSA   Alg = "EdDSA"     // Ed25519 (RFC 8032)
	RS256   Alg = "RS256"     // RSASSA-PKCS1-v1_5 with SHA-256, 3072-bit modulus
	HS256   Alg = "HS256"     // HMAC-SHA-256 with a 32-byte secret
	A256GCM Alg = "A256GCM"   // AES-256-GCM, for sealing
	MLDSA44 Alg = "ML-DSA-44" // FIPS 204, for signatures that must outlive quantum computers
)

// Signs says whether keys of this algorithm make signatures.
func (a Alg) Signs() bool {
	switch a {
	case ES256, EdDSA, RS256, MLDSA44:
		return true
	}
	return false
}

// Known says whether the ring can make keys of this algorithm.
func (a Alg) Known() bool { return a.Signs() || a == HS256 || a == A256GCM }

// certifiable says whether crypto/x509 can certify such a key.
func (a Alg) certifiable() bool { return a == ES256 || a == EdDSA || a == RS256 }

// State is where a key is in its life.
type State string

// The states; see the package comment.
const (
	Next    State = "next"
	Active  State = "active"
	Retired State = "retired"
	Revoked State = "revoked"
)

// Use says what a certificate is for and so which key usages it carries.
type Use string

// The uses. The zero Use is Documents.
const (
	Documents  Use = "documents"  // seals and signatures on documents: nonRepudiation; EKU emailProtection and documentSigning (RFC 9336)
	Credential Use = "credential" // signatures on credentials and tokens: digitalSignature only
	TimeStamps Use = "timestamps" // RFC 3161: digitalSignature and nonRepudiation, EKU timeStamping, critical and alone
)

// Purpose is what a key is for.
type Purpose struct {
	Name    string // "office.document"; the room's name first. A name ending in ".pseudonym" is never rotated.
	Alg     Alg
	Subject string // X.509 subject in RFC 4514 form, or a bare common name; empty when no certificate is wanted
	Use     Use    // what the certificate is for
}
