// Package emvqr reads and writes merchant-presented payment QR codes: the text
// in them after EMVCo "QR Code Specification for Payment Systems,
// Merchant-Presented Mode" version 1.1 (called MPM here), and the picture.
//
// The text is a row of data objects: a two-digit tag, a two-digit length and
// the value. Three things are easy to get wrong and are therefore tested
// against other programs:
//
//   - the length counts characters, not bytes (MPM 3.2), so an Urdu name of 20
//     letters has length 20 although it is 40 bytes of UTF-8;
//   - the checksum (tag 63, CRC-16 with polynomial 1021 and initial value FFFF,
//     MPM 4.7.3) runs over bytes, including the "6304" before its own value;
//   - it is written in upper case.
//
// [Message] is the row of data objects as it stands; nothing is lost when it is
// parsed and encoded again. [Code] is what a merchant's code means: who is
// paid, how much, in which currency, under which names. [P2P] is the Pakistani
// person-to-person code, which has the same shape but tags of its own and is
// not an EMV code at all.
//
// What a national scheme prescribes (the template's tag and identifier,
// currency, country) is data in a [Profile], not code: [Raast] is the first.
//
// A code with an amount can be signed ([Sign], [Verify]): a sticker pasted over
// a merchant's code, or a payload changed on the way, is then noticed before
// anybody pays. The signature travels in the unreserved templates 80 to 99 (MPM
// 4.9.2), which every other reader passes over.
package emvqr
