// Package pades signs PDF documents and checks such signatures by ETSI EN 319
// 142-1: baseline level B-B, or B-T when a source of time-stamps is given.
//
// A signature covers the whole file but its own gap: SubFilter
// ETSI.CAdES.detached, one ByteRange, a CMS SignedData (RFC 5652) without
// content whose signed attributes are content-type, message-digest and
// signing-certificate-v2 (RFC 5035) and nothing else. The time of signing that
// the signer claims is entry M of the signature dictionary; the CMS has no
// signing-time attribute, as clause 6.3 of the standard wants. The chain of
// certificates is inside. A time-stamp (RFC 3161) over the signature value makes
// level B-T.
//
// The package builds its CMS itself, needs no PDF reader and knows nothing of the
// house: the signer is any crypto.Signer with an RSA or P-256 key. The document
// must hold one gap, as package pdf leaves it.
package pades
