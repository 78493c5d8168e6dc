// Package tlog is the public transparency log over the journal: whoever was
// given a receipt can prove, without us and offline, that an event was recorded
// and when in the order of all events, and whoever watches the log notices if
// we ever change or drop one.
//
// Entry. Entry i is the event with position i+1, as one line of text
//
//	sarai-event/1 <room> <commitment>
//
// The room is the first word of the event's type. The commitment is the base64
// of HMAC-SHA256(opening, record): record is the event as JSON (see Record), and
// opening is 32 random bytes kept beside the event. Without the opening an entry
// says nothing, even to somebody who guesses the event; when a record must be
// destroyed its opening is destroyed with it, and the log need not change.
//
// Chain. A record names the index of its subject's previous entry, so that the
// holder of one receipt can ask for the whole history and see gaps.
//
// Tree. RFC 6962 hashing; tiles, entry bundles and checkpoints are served as
// C2SP tlog-tiles, tlog-checkpoint and signed-note say, below /log/. Checkpoints
// carry an Ed25519 signature and, with Options.Quantum, an ML-DSA-44 cosignature
// (C2SP tlog-cosignature). Receipts are C2SP tlog-proof files whose extra line
// holds opening and record.
//
// Never a fork. Entries are appended in batches, each in one Update under the
// lock of tlog_state, so any number of processes may do it. A checkpoint is
// signed only after the tree it states was compared with the last one published,
// which is kept in the database and, because a database can be put back from an
// old backup, in a file outside it (Options.Pin). If they disagree the log signs
// nothing more and says what to do.
//
// Tables: tlog_state, tlog_leaf, tlog_node, tlog_subject, tlog_checkpoint. The
// rows of tlog_leaf and tlog_node are never updated.
package tlog
