// Package oid4vci has the messages of OpenID for Verifiable Credential
// Issuance 1.0 (final, 16 September 2025): metadata, credential offers by
// value and by reference, the pre-authorized code grant with an optional
// transaction code, the nonce endpoint, proofs of possession, batches and the
// errors of the standard.
//
// It holds the rules both sides need (what a request must look like, when a
// proof holds) and moves no bytes: no server, no client, no store.
package oid4vci
