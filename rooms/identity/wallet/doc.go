// Package wallet is a small holder of credentials: it follows a credential
// offer over HTTP as OpenID4VCI 1.0 says, keeps a key of its own for every
// credential, verifies what it was given (issuer signature, holder binding,
// status list), and makes presentations that show only what it is told to.
//
// The journey and the demonstration's phone use it. It trusts no answer: each
// is capped in size and checked against what was asked for.
package wallet
