// Package store is the house's one database: one way to read (View), one way to
// write (Update), two engines. Embedded SQLite needs nothing installed and is
// the default; PostgreSQL carries several processes. Every promise below is kept
// by both, and storetest runs each test on both.
//
//	err := db.Update(ctx, func(tx *store.Tx) error {
//		if _, err := tx.Exec(`update office_file set post = $2 where id = $1 and post = $3`, file, to, from); err != nil {
//			return err
//		}
//		tx.Emit(store.Event{Type: "office.file.moved", Subject: "office/file/" + file, Actor: who.Actor(), Data: Moved{From: from, To: to}})
//		return nil
//	})
//
// # What Update promises
//
// When it returns nil, the rows, the events and the idempotency key are durable
// together. When it returns an error, none of them is there; only
// ErrUnknownOutcome (the connection broke during COMMIT) leaves that open. The
// function may run more than once, so it touches nothing but tx: ids, times,
// signatures and HTTP come from outside or from tx itself. A statement that fails
// undoes its whole update on both engines, whether the function minds or not. Tx.Many
// writes many lines at once.
//
// # Group commit
//
// A disk syncs a few thousand times a second, whatever is synced. So on SQLite
// one writer goroutine takes the updates that wait, gives each but the first its
// own savepoint, commits them all at once and answers only then. Nobody waits on
// purpose: while one group syncs, the next one gathers. An update that fails or
// panics is rolled back alone, and its neighbours never know. One that writes
// thousands of lines (UpdateLarge) begins a group, for a savepoint costs a copy of
// each page it changes. The
// function runs in the writer's goroutine, not its caller's: handing the
// transaction over and back costs a third of the throughput at 64 writers. A
// panic or runtime.Goexit in it is carried to the caller. A caller who leaves
// the queue changes nothing; once its function runs, cancelling is too late, because SQLite answers an
// interrupted write by undoing everybody's work.
//
// PostgreSQL has group commit of its own. There an Update is a READ COMMITTED
// transaction, repeated with growing random pauses when the server reports a
// serialisation failure (40001) or a deadlock (40P01). Write guards into the
// statements (update ... where state = $2; unique keys) and lock rows in the
// order of their ids.
//
// # One SQL text
//
// SQL is written once, in PostgreSQL's form. For SQLite $1 becomes ? or ?1 and "for
// update [skip locked]" is dropped. Migrations may say {id}, {bytes}, {json},
// {strict}, for a table that is nothing but its primary key's order {clustered}, for one whose lines change all the time {roomy}; bigint, boolean and text are spelled for the engine. Portable and
// tested: upsert with returning, update from, window functions, json ->> 'key',
// row values, filter. Not portable: now(), sequences, like and its case rules,
// date functions. Text sorts by code point on both. Times are int64 microseconds
// UTC, money is int64 minor units, truth is boolean.
//
// # Events
//
// Tx.Emit is the only way to say that something happened. Events are written
// when the function has returned. On SQLite, whose writer is alone, they get
// their position in the journal at once; on PostgreSQL they go to an outbox
// whose order is the server's clock, and the journal's sequencer gives the
// positions after the commit. (Numbers drawn before the commit become visible
// out of turn, and a reader that remembers the last one loses events.)
//
// # Moving house
//
// Backup writes one moment to one file, the same from either engine; Restore and
// Copy fill a new database and compare a digest of every table. Digests are equal
// for equal contents on both engines. The table store_lease belongs to running
// processes and is left out.
//
// # Tables
//
// store_once (idempotency), store_lease (who does what only one may do);
// journal_event, journal_outbox and journal_head, which store writes and journal
// reads; one goose_<room> per room with the version of its tables. Beside a
// SQLite file lie two empty ones: -owner (held by the first process that opened
// it) and -migrate (held while tables change).
//
// # What telemetry can read
//
// Config.Observe is told of every commit (group size, time of the sync, time the
// writer was held) and every retry; DB.Stats gives totals.
package store
