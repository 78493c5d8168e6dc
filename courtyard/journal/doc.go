// Package journal is everything that has happened, in order, and brings it to
// whoever needs to know: other rooms, screens, the public log.
//
// # Positions
//
// An event gets its position, 1, 2, 3 and so on without gaps, after the
// transaction that emitted it has committed. One position is at once the
// Last-Event-ID of a live page, the cursor of a subscription and the index of a
// leaf of the public log.
//
// Why not the order of an identity column? Its numbers are drawn before the
// commit and become visible out of turn: with 16 writers on PostgreSQL a reader
// that asks for "number > last" lost one event in ten. So committed events wait
// in an outbox, and the sequencer moves them to their places, a batch at a time,
// while it holds the row lock of journal_head: several processes may try, one
// does it. On SQLite the store's writer is alone and places them at once. Events
// of one transaction stay together in the order of Emit. An event that was
// caused by another one comes after it.
//
// # Subscriptions: for rooms
//
//	j.Subscribe(journal.Subscription{
//		Name: "services.fee-paid", Types: []string{"payments.fee.paid"},
//		Handle: func(tx *store.Tx, e store.Event) error { ... },
//	})
//
// Every event of the types comes in order, from the first one ever. The
// handler's writes and the move of the cursor are one transaction guarded by the
// cursor's old value, so the effect is exactly once even if two processes
// deliver; a lease sees to it that usually one does. A handler that fails is
// tried again with growing pauses (to 30 s), is logged, shows in Trouble and
// Stats, and holds up nobody else. What leaves the database (an e-mail, an HTTP
// call) belongs into a job that the handler puts.
//
// # Follow: for screens
//
// Follow starts after any position and misses nothing. The newest events are
// kept in memory and read once per process, so 500 screens cost as much as one;
// whoever comes from further back reads the database until it has caught up.
//
// # Between processes
//
// A commit wakes the listeners of its own process at once; other processes look
// every Options.Poll (150 ms). Nothing depends on LISTEN/NOTIFY, which in every
// transaction costs PostgreSQL two thirds of its commits.
//
// # Outside, and forgetting
//
// CloudEvent renders an event as CloudEvents 1.0. Erase destroys what an event
// says and the opening of its commitment, and leaves its place.
//
// Tables: journal_cursor; journal_event, journal_outbox and journal_head are made
// by store, which writes them.
package journal
