// Package statuslist makes and reads Token Status Lists in their JWT form
// (IETF Token Status List, media type application/statuslist+jwt): one bit
// field per credential, compressed with zlib, signed by the issuer, fetched
// by anybody without saying which credential they care about.
//
// An index is a stable identifier of its credential, so a batch must never
// hold neighbours: Pick draws them at random.
//
// Reading is defensive: the decompressed size is capped before anything is
// inflated (a small text can hold gigabytes), and a token must be of the
// right type, name the address it was fetched from, and be in its time.
package statuslist
