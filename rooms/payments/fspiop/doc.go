// Package fspiop speaks the Open API for FSP Interoperability (FSPIOP), by which
// the participants of a Mojaloop hub pay each other: version 1.1, and those
// resources of 2.0 that convert currencies. It knows the form of messages and
// headers, amounts, conditions, errors and signatures; it keeps nothing, sends
// nothing and knows no hub.
//
// # Words
//
// Resource: what a path names first (parties, quotes, transfers). Callback: the
// answer to a request, which comes as a PUT of its own after the 202. [Value]: a
// JSON text as it was read, once, with duplicate names refused, so that two readers
// of one message cannot see two amounts. [Schema]: what a message must be. [Fault]:
// an error of the standard with its code and the HTTP status it is answered with.
// Condition: the SHA-256 of a fulfilment; who shows the fulfilment has agreed to
// the transfer.
//
// # Standards
//
// API Definition, Open API for FSP Interoperability 1.1: 3.2 (headers and
// versions), 6 (services), 7 (data model), 7.6 (error codes). Signature 1.1: JWS
// (RFC 7515) with a detached payload in FSPIOP-Signature, RS256 or ES256 (RFC
// 7518). RFC 8259 JSON, RFC 4648 base64url, ISO 4217 currencies.
package fspiop
