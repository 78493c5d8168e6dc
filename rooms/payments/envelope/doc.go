// Package envelope is the form in which ISO 20022 messages travel: one XML
// document whose root holds the business application header (AppHdr) and the
// message (Document), signed as package xmldsig does it.
//
//	raw, err := envelope.Seal(header, document, signer)   // what goes out
//	raw, err := envelope.Body(w, r, limit)                // what came in
//	m, err := envelope.Open(raw, verifier)                // m.Header, m.Document: proven
//
// Header and document go in and come out as bytes; package iso20022 reads and
// writes those. The root is <Message xmlns="urn:sarai:payments:message:1">; any
// other root is read too, since no signature covers it and schemes differ.
//
// # On the wire
//
// A message is the body of one HTTP request or answer, of media type
// application/xml in UTF-8, not compressed: a compressed body could become any
// size. [DefaultMaxBytes] limits it; files with many payments get their own
// limit.
//
// # What remains for the receiver
//
// Open proves who signed these bytes. That the signer is the participant named in
// the header's Fr and in the document's InstgAgt, that the header's MsgDefIdr is
// the document's name, that the message was not received before: those are
// questions to what the bytes say, and the receiver's.
package envelope
