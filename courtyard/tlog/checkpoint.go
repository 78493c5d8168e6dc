package tlog

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sarai/courtyard/store"
)

// ForkError says that the database and a checkpoint we have published do not
// agree: signing would show two histories. It is what a restored old backup
// looks like.
type ForkError struct {
	Published int64  // size of the checkpoint that is out in the world
	Have      int64  // size of the tree in the database
	Where     string // where that checkpoint was found
}

func (e *ForkError) Error() string {
	what := fmt.Sprintf("the first %d entries in the database are not those that were signed", e.Published)
	if e.Have < e.Published {
		what = fmt.Sprintf("the database ends at entry %d but a checkpoint of %d entries was published", e.Have, e.Published)
	}
	return fmt.Sprintf("tlog: nothing is signed, because it would be a fork: %s (%s). The database was probably put back from an older backup. "+
		"Stop the house and bring back the newest database. If it is lost for good, keep that checkpoint as evidence, publish what happened, "+
		"and begin a new log with a new origin", what, e.Where)
}

// stored is a checkpoint as kept in the database.
type stored struct {
	tlog.Tree
	note []byte
}

func latest(tx *store.Tx) (*stored, error) {
	list, err := store.List(tx, func(scan store.Scan) (*stored, error) {
		var s stored
		var root []byte
		if err := scan(&s.N, &root, &s.note); err != nil {
			return nil, err
		}
		copy(s.Hash[:], root)
		return &s, nil
	}, `select size, root, note from tlog_checkpoint order by size desc limit 1`)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// Latest gives the last signed checkpoint, nil if there is none.
func (l *Log) Latest(ctx context.Context) (signed []byte, size int64, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		s, err := latest(tx)
		if s != nil {
			signed, size = s.note, s.N
		}
		return err
	})
	return signed, size, err
}

// Checkpoint signs and publishes the tree as it is now, unless that is already
// published. Run calls it; calling it by hand does no harm. It returns a
// *ForkError rather than sign what contradicts an earlier checkpoint.
func (l *Log) Checkpoint(ctx context.Context) error { return l.halt(l.checkpoint(ctx)) }

func (l *Log) checkpoint(ctx context.Context) error {
	pin, err := l.pinned(ctx)
	if err != nil {
		return err
	}
	var s state
	var have *stored
	err = l.db.View(ctx, func(tx *store.Tx) error {
		if s, err = readState(tx, false); err != nil {
			return err
		}
		if have, err = latest(tx); err != nil {
			return err
		}
		if pin != nil && (have == nil || have.Tree != *pin) {
			if err := extends(tx, s, *pin, "file "+l.opts.Pin); err != nil {
				return err
			}
		}
		if have != nil && have.N != s.size {
			return extends(tx, s, have.Tree, "table tlog_checkpoint")
		}
		if have != nil && have.Hash != s.root {
			return &ForkError{Published: have.N, Have: s.size, Where: "table tlog_checkpoint"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if have != nil && have.N == s.size {
		if pin == nil || pin.N < have.N { // another process signed it; remember it here as well
			return writePin(l.opts.Pin, have.note)
		}
		return nil
	}
	signed, err := l.sign(ctx, s)
	if err != nil {
		return err
	}
	// The file first: then a checkpoint that anybody has seen is always in it.
	// Its entries are in the database already, durably.
	if err := writePin(l.opts.Pin, signed); err != nil {
		return err
	}
	return l.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`insert into tlog_checkpoint (size, root, note, at) values ($1, $2, $3, $4) on conflict (size) do nothing`,
			s.size, hashBytes(s.root), signed, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("store checkpoint: %w", err)
		}
		// Old ones are implied by the newest; a few are kept to look at.
		if _, err := tx.Exec(`delete from tlog_checkpoint where size < (select min(size) from (select size from tlog_checkpoint order by size desc limit 50) as newest)`); err != nil {
			return err
		}
		tx.Wake(topicCheckpoint)
		return nil
	})
}

// pinned reads and verifies the checkpoint outside the database.
func (l *Log) pinned(ctx context.Context) (*tlog.Tree, error) {
	signed, err := readPin(l.opts.Pin)
	if err != nil {
		return nil, fmt.Errorf("tlog: read checkpoint file: %w", err)
	}
	if signed == nil {
		return nil, nil
	}
	all, err := l.ring.Public(ctx, purposeLog)
	if err != nil {
		return nil, err
	}
	for _, k := range all { // it may have been signed before a rotation
		text, err := keyVKey(l.opts.Origin, k)
		if err != nil {
			return nil, err
		}
		if _, tree, _, err := openCheckpoint(signed, []string{text}); err == nil {
			return &tree, nil
		}
	}
	info, err := os.Stat(l.opts.Pin)
	if err != nil {
		return nil, fmt.Errorf("tlog: read checkpoint file: %w", err)
	}
	return nil, fmt.Errorf("tlog: nothing is signed: checkpoint file %s (%d bytes) is damaged or belongs to another log or origin than %s; "+
		"put the right file back, or move it away if this is a new log", l.opts.Pin, info.Size(), l.opts.Origin)
}

// extends says whether the tree in the database contains the published one.
func extends(tx *store.Tx, s state, published tlog.Tree, where string) error {
	if s.size < published.N {
		return &ForkError{Published: published.N, Have: s.size, Where: where}
	}
	root, err := rootAt(tx, published.N, s.size, s.root)
	if err != nil {
		return fmt.Errorf("tlog: the tree in the database is damaged: %w", err)
	}
	if root != published.Hash {
		return &ForkError{Published: published.N, Have: s.size, Where: where}
	}
	return nil
}

func (l *Log) sign(ctx context.Context, s state) ([]byte, error) {
	purposes := []string{purposeLog}
	if l.opts.Quantum {
		purposes = append(purposes, purposeQuantum)
	}
	var signers []note.Signer
	for _, p := range purposes {
		k, err := l.ring.Signer(ctx, p)
		if err != nil {
			return nil, err
		}
		sg, err := newSigner(l.opts.Origin, k, l.opts.Clock.Now)
		if err != nil {
			return nil, err
		}
		signers = append(signers, sg)
	}
	signed, err := note.Sign(&note.Note{Text: checkpointText(l.opts.Origin, s.size, s.root)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}
