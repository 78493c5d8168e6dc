// Package govstack is the wire form of GovStack's Payments building block: the
// messages by which other building blocks register beneficiaries, ask whether
// a batch can be paid, hand batches over, and create, activate, check, cancel
// and redeem vouchers.
//
// The package reads and checks messages and names the standard's codes. It
// knows nothing of accounts, of storage or of HTTP servers.
//
// # Lengths
//
// RequestID, SourceBBID and BatchID have twelve characters, InstructionID
// sixteen, PayeeFunctionalID twenty, currencies three; FinancialAddress has at
// most thirty and Narration at most fifty. An amount is a JSON number, which is
// read from its digits: it never passes through a float.
//
// # Vouchers
//
// The voucher calls answer with status codes of their own, from 452 up, see the
// constants. A serial number or a number of a voucher comes as a JSON string or
// as a JSON number; both are read as text.
//
// # Standard
//
// GovStack Payments Building Block, chapters 6 to 9, and its test suite
// (repository GovStackWorkingGroup/bb-payments, folder test/openAPI).
package govstack
