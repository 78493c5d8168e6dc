// Package xmldsig signs XML messages and checks signatures on them: XML Signature
// 1.1 with Exclusive XML Canonicalization 1.0, in the form that ISO 20022
// messages use, and in the plain enveloped form. It needs nothing but Go's
// standard library and knows nothing of payments.
//
// # The form
//
// A message is one XML document. Its root, the envelope, holds an AppHdr
// (head.001.001.xx) and a Document, in this order, and nothing else: no other
// element, no text, no attributes. Which name and namespace the envelope has does
// not matter, for no reference covers it. The Signature stands in the AppHdr's
// Sgntr and nowhere else. Its SignedInfo has three references, in any order:
//
//   - URI="#id" leads to the Signature's own KeyInfo, by its Id; transform:
//     exclusive canonicalization.
//   - URI="" is the AppHdr; transforms: enveloped-signature, then exclusive
//     canonicalization.
//   - No URI at all is the Document; transform: exclusive canonicalization.
//
// In XML Signature URI="" means the whole document that holds the Signature, and
// a missing URI whatever the parties agreed upon (4.4.3.1 and 4.4.3). ISO 20022
// thinks of AppHdr and Document as two documents, so URI="" is the first of them.
// When both travel in one envelope, which is how they travel, the programs in use
// go on like that: they take for URI="" the AppHdr element with all that is in
// it, not the envelope (Mastercard's reference libraries for Java and C#, the
// published samples for Brazil's Pix). So does this package. It follows that
//
//   - the node set of URI="" is the subtree of the AppHdr without comments, with
//     the namespaces that are in force there, also those that the envelope
//     declares. Exclusive canonicalization writes only the ones that are used, so
//     the digest is the same as if the AppHdr were a document of its own;
//   - the enveloped-signature transform takes the Signature element out, not the
//     Sgntr: what is hashed ends in <Sgntr></Sgntr>, and any white space or other
//     text beside the Signature would be in it;
//   - a program that takes URI="" literally computes another digest and refuses.
//     Such programs get the AppHdr as a document of its own, or the plain form.
//
// # What may be believed
//
// [Verifier.Verify] gives in [Verified] the very octets that were hashed, in
// canonical form, and nothing else of the message. Whoever reads those cannot be
// led to other content than the signed one, whatever stands elsewhere. Besides,
// everything that could mislead a reader who looks for names is refused: a second
// AppHdr, Document, Sgntr, Signature or Id anywhere, elements that no reference
// covers, an Object, references to anything but the three parts.
//
// What SignedInfo and KeyInfo say is read from their canonical bytes too: from
// those that the signature and the digest cover.
//
// KeyInfo is a claim. It must hold X509Data with X509Certificate,
// X509IssuerSerial, X509SKI or X509SubjectName; the caller looks the certificate
// up among those it trusts, and the package checks that it is the one that KeyInfo
// names and that it is valid now. Chains, revocation and the question whether
// this participant may send this message are the caller's.
//
// # Algorithms
//
// ECDSA with P-256 and SHA-256 or P-384 and SHA-384, its value r and s of equal
// length one after the other (XML Signature 1.1, 6.4.3; DER is refused); RSA with
// PKCS #1 v1.5, 2,048 to 8,192 bits; RSA-PSS with MGF1 and SHA-256; Ed25519 (RFC
// 9231). Digests: SHA-256, SHA-384, SHA-512. SHA-1, MD5, HMAC, other
// canonicalizations and all transforms that compute (XSLT, XPath, base64) are
// refused, and so is a method that is not of the certificate's key.
//
// # The reader
//
// A message is read once, byte by byte: the same pass checks that it is
// well-formed (XML 1.0, fifth edition, and Namespaces), finds the parts and
// writes their canonical form. It is refused for a document type declaration,
// any entity but the five predefined ones, processing instructions, another
// encoding than UTF-8, version 1.1, a relative namespace name, nesting of more
// than 100, and size. Comments are read over; in canonical form "pay<!-- -->ee"
// is "payee", and that is what the verified bytes hold. A message is read a
// second time only when its signer used prefix lists (InclusiveNamespaces).
//
// # Proof
//
// The tests hold canonical forms and verdicts against libxml2 (xmllint) and
// Apache Santuario (in the JDK) on random and damaged documents, signatures
// against xmlsec1, Santuario, OpenSSL and, in conformance/xml-crypto, xml-crypto,
// both ways. One difference is known and theirs: libxml2 does not escape an
// ampersand in a namespace name (Canonical XML 1.0, 2.3).
package xmldsig
