// Package letter lays out what an office issues: now the certificate, in
// English and in Urdu on one sheet, with its seal, its signature block and the
// QR code by which anyone can check it.
//
// The layout follows the house's look: the eight-pointed star as the mark, a
// quiet lattice band, one column for what is said and two for the facts, English
// from the left edge and Urdu from the right. A letter is signed by a post; the
// charge in which the post is held is printed with it, never a person's name.
//
// The package knows nothing of the house; texts and facts are given to it.
package letter
