// Package jwt signs and checks compact JSON Web Tokens (RFC 7519, RFC 7515)
// the way RFC 8725 asks for: whoever checks a token names the algorithms, the
// type and the key beforehand, and the token chooses nothing. Symmetric
// algorithms and "none" cannot even be named.
//
// It knows keys as crypto.Signer only, so that a key may live in a hardware
// module. JWK and signature arithmetic come from go-jose.
package jwt
