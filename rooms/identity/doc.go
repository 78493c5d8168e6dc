// Package identity is the room that knows who people are: it registers
// persons, issues their credentials, signs them in, gives facts about them to
// those who may have them, and shows each person who looked.
//
// # Words
//
// person: a human in the register. subject: the person's pseudonym in the
// house, a keyed hash of the national number; every other room calls the
// person by it. fact: one thing the register knows. access: the record of one
// reading of facts, and the only key to them. sector: who shares a pseudonym
// of a person; two sectors share none. client: a relying party that asks who a
// person is. consent: what a person agreed to, in the words they read. grant:
// what a client may do for a person; code and tokens hang on it. passkey: a
// WebAuthn credential. offer: a credential put before a person. credential:
// an SD-JWT VC in a wallet.
//
// # The rule of this room
//
// Nobody reads a fact without leaving a record. A Person's columns are private
// and its one getter wants an Access that names the fact and the person; an
// Access comes only from writing the record down (access.go). The national
// number and the photograph are sealed besides, and opened by the same Access.
//
// # Tables (identity_*)
//
// person, access, activation, handle, passkey, pending, spent, attempt
// (00001); session, consent, grant, code, token (00002); offer, list,
// credential (00003); enrolment from 00010 on; cohort (00011); suspension (00013).
//
// # Events
//
// See events.go. cert watches identity.signin.failed; the observatory counts
// identity.person.issued and identity.credential.issued.
//
// # Standards
//
// OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0; OAuth 2.0
// with RFC 7636 (PKCE), 7523 (private_key_jwt), 8414, 9126 (PAR), 9207 (iss),
// 9449 (DPoP), 9700 (BCP); WebAuthn Level 3; OpenID4VCI 1.0; SD-JWT (RFC 9901)
// and SD-JWT VC; Token Status List. The protocol packages below this folder
// (jwt, sdjwt, statuslist, oid4vci, wallet) know nothing of the house.
//
// # Laws (Pakistan)
//
// National Database and Registration Authority Ordinance 2000; Prevention of
// Electronic Crimes Act 2016 section 16 (identity information); Electronic
// Transactions Ordinance 2002.
package identity
