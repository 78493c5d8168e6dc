// Package ledger holds the rules of the book: what a step does to balances,
// and when it is refused. It is pure: no database, no clock, no randomness. The
// room keeps a [State] in memory, applies steps in order ([State.Begin],
// [State.Apply]) and writes the rows as a [Batch]; when the batch is durable it
// keeps what changed ([State.Keep]), else it takes it back ([State.Undo]).
//
// # Accounts and books
//
// The ledger holds several books: the rail's own (the settlement accounts of
// the participants at the central bank, and the issuing account against which
// they were funded) and one for each participant (its customers' accounts, and
// its own account, which stands for everything it owns). Balances are signed,
// money owed to the holder is positive. A payment of 100 from Ayesha at bank A
// to a bakery at bank B is three balanced pairs, one in each book:
//
//	book A      Ayesha −100            A's own    +100
//	book rail   A's settlement −100    B's settlement +100
//	book B      B's own −100           bakery     +100
//
// Each pair adds up to zero, so each book does, and so does each currency. A
// payment inside one participant is the single pair Ayesha −100, bakery +100.
//
// # Two phases
//
// RESERVE holds the amount on the payer's account and on the payer's bank's
// settlement account; nothing moves. COMMIT moves it, ABORT and EXPIRE let it
// go. Which of them comes first is decided by the order of rows alone: a commit
// that arrives at or after the reservation's end becomes an EXPIRE row.
// A committed payment is final. POST moves money at once inside one book; it is
// how settlement accounts are funded and opening balances arrive.
//
// # Net settlement
//
// A window is settled gross, as above, or net. In a net window a payment between
// two participants is held and moved on their position accounts in the rail's
// book and not on their settlement accounts; how far a position may go
// below zero is the floor of the settlement account, minus the net debit cap. A CUT ends the window: it moves each position to the
// participant's obligation account, and its row lists these dues. What is owed is
// settled by POST rows between obligation and settlement account. The cut also says
// whether the next window is a net one; a reservation is booked the way in which it
// was made, whichever window it ends in. Each row says by itself which way that is.
//
// # What always holds
//
//   - the entries of a row add up to zero in each book;
//   - balance − held ≥ floor on every account that has a floor, so nobody spends
//     what is not there and no participant goes below its prefund;
//   - held is the sum of the open reservations;
//   - no arithmetic wraps: a sum that would not fit is a refusal;
//   - a refusal is a row too: it keeps its key, its payload's hash and its
//     ISO 20022 reason, and the same request gets the same answer;
//   - rows are kept in batches, each under one Merkle root, the batches chained by
//     their heads, one chain a currency; a [Proof] leads from a row to a root.
package ledger
