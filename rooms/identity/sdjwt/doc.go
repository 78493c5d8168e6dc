// Package sdjwt issues, presents and verifies SD-JWT Verifiable Credentials:
// Selective Disclosure for JWTs (RFC 9901) with the media type dc+sd-jwt of
// the SD-JWT VC profile.
//
// Words: the issuer signs digests; a disclosure is the salted text behind one
// digest; the holder hands over the disclosures they choose and signs a key
// binding token (kb+jwt) over exactly those, for one verifier and one nonce.
//
// Verifying follows RFC 9901 section 7 in its order: issuer signature first,
// then digests, then the key binding. A disclosed value is not looked at
// before the chain holds. Digests that occur twice, disclosures nothing refers
// to, and disclosed names that would replace a signed claim are refused.
//
// The package knows nothing of stores, requests or the house.
package sdjwt
