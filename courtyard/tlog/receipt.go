package tlog

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// receiptWait is how long Receipt waits for a checkpoint.
	receiptWait = 3 * time.Second
	// receiptLimit bounds what Verify reads: an event's payload may be large, the rest is not.
	receiptLimit = 4 << 20
)

// Receipt gives the proof that an event is in the log: a C2SP tlog-proof@v1
// file whose extra line holds the event and its opening. It waits up to 3 s
// until a signed checkpoint covers the event, then gives up with a fault
// Unavailable "tlog.wait". Whoever holds the receipt can read the event: give it
// only to those whom it concerns. An erased event has no receipt (fault Gone).
func (l *Log) Receipt(ctx context.Context, eventID string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, receiptWait)
	defer cancel()
	late := func(err error) error {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			if why := l.Healthy(); why != nil {
				err = why
			}
			return fault.New(fault.Unavailable, "tlog.wait").Because(err)
		}
		return err
	}
	e, err := l.journal.Wait(limited, eventID)
	if err != nil {
		return nil, late(err)
	}
	woken := l.db.Listen(topicCheckpoint)
	defer woken.Stop()
	for {
		receipt, err := l.receipt(limited, e)
		if receipt != nil || err != nil {
			return receipt, late(err)
		}
		l.nudge()
		select {
		case <-woken.C:
		case <-time.After(100 * time.Millisecond): // another process may sign
		case <-limited.Done():
			return nil, late(limited.Err())
		}
	}
}

// receipt gives nil if no checkpoint covers the event yet.
func (l *Log) receipt(ctx context.Context, e store.Event) (out []byte, err error) {
	if e.Opening == nil || e.Payload == nil {
		return nil, fault.New(fault.Gone, "tlog.erased")
	}
	index := e.Position - 1
	err = l.db.View(ctx, func(tx *store.Tx) error {
		out = nil
		cp, err := latest(tx)
		if err != nil || cp == nil || cp.N <= index {
			return err
		}
		previous, err := store.Get(tx, func(scan store.Scan) (n int64, err error) { return n, scan(&n) }, `select previous from tlog_leaf where idx = $1`, index)
		if err != nil {
			return fmt.Errorf("read entry %d: %w", index, err)
		}
		rec, err := Record(e, previous)
		if err != nil {
			return err
		}
		data, err := Leaf(e.Type, e.Opening, rec)
		if err != nil {
			return err
		}
		path, err := tlog.ProveRecord(cp.N, index, hashes(tx, cp.N, cp.Hash))
		if err != nil {
			return fmt.Errorf("prove entry %d: %w", index, err)
		}
		if err := tlog.CheckRecord(path, cp.N, cp.Hash, index, tlog.RecordHash(data)); err != nil {
			return fmt.Errorf("event %s is not what the log has as entry %d: the journal was altered: %w", e.ID, index, err)
		}
		out = formatReceipt(index, e.Opening, rec, path, cp.note)
		return nil
	})
	return out, err
}

func formatReceipt(index int64, opening, rec []byte, path tlog.RecordProof, checkpoint []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, b64(fmt.Appendf(nil, "opening %s\n%s", b64(opening), rec)), index)
	for _, h := range path {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(checkpoint)
	return []byte(b.String())
}

// Proof is what a valid receipt proves.
type Proof struct {
	Event      store.Event // with its opening and payload
	Index      int64       // of the entry; the event's position minus one
	Previous   int64       // index of the subject's entry before this one; -1 if this is its first
	Size       int64       // entries in the tree the checkpoint states
	Root       Hash
	Origin     string    // the log
	Checkpoint []byte    // as signed
	At         time.Time // when the event happened
	SignedAt   time.Time // when the checkpoint was cosigned; zero without a cosignature
}

// Verify checks a receipt offline. Every key given must have signed its
// checkpoint; the first is the log's own. It is strict: a receipt has exactly
// one form, so any altered byte is an error, except in signatures by keys that
// were not given, which say nothing. All errors are faults Invalid "tlog.receipt".
func Verify(receipt []byte, verifierKeys ...string) (*Proof, error) {
	p, err := verify(receipt, verifierKeys)
	if err != nil {
		return nil, fault.New(fault.Invalid, "tlog.receipt").Because(err)
	}
	return p, nil
}

func verify(receipt []byte, vkeys []string) (*Proof, error) {
	if len(receipt) > receiptLimit {
		return nil, errors.New("too long for a receipt")
	}
	head, checkpoint, ok := strings.Cut(string(receipt), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || lines[0] != proofHeader {
		return nil, errors.New("not a tlog-proof@v1 file with the event in it")
	}
	strict := base64.StdEncoding.Strict()
	extra64, ok := strings.CutPrefix(lines[1], "extra ")
	if !ok {
		return nil, errors.New("the file does not hold the event (no extra line)")
	}
	extra, err := strict.DecodeString(extra64)
	if err != nil {
		return nil, fmt.Errorf("extra line: %w", err)
	}
	first, rec, _ := strings.Cut(string(extra), "\n")
	opening64, ok := strings.CutPrefix(first, "opening ")
	if !ok {
		return nil, errors.New("extra line does not begin with the opening")
	}
	opening, err := strict.DecodeString(opening64)
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	index64, ok := strings.CutPrefix(lines[2], "index ")
	index, err := strconv.ParseInt(index64, 10, 64)
	if !ok || err != nil || index < 0 || strconv.FormatInt(index, 10) != index64 {
		return nil, errors.New("bad index line")
	}
	if len(lines)-3 > 63 {
		return nil, errors.New("too many hashes")
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		raw, err := strict.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, errors.New("a line of the proof is no hash")
		}
		path = append(path, Hash(raw))
	}
	origin, tree, at, err := openCheckpoint([]byte(checkpoint), vkeys)
	if err != nil {
		return nil, err
	}
	e, previous, err := parseRecord([]byte(rec))
	if err != nil {
		return nil, err
	}
	if e.Position != index+1 || previous >= index {
		return nil, errors.New("the event has another place than the entry")
	}
	data, err := Leaf(e.Type, opening, []byte(rec))
	if err != nil {
		return nil, err
	}
	if index >= tree.N {
		return nil, errors.New("the checkpoint does not cover the entry")
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(data)); err != nil {
		return nil, fmt.Errorf("the event is not in the log: %w", err)
	}
	// One form only: base64 decoders skip line breaks and carriage returns.
	if string(formatReceipt(index, opening, []byte(rec), path, []byte(checkpoint))) != string(receipt) {
		return nil, errors.New("the file is not in its canonical form")
	}
	e.Opening = opening
	return &Proof{Event: e, Index: index, Previous: previous, Size: tree.N, Root: tree.Hash, Origin: origin, Checkpoint: []byte(checkpoint), At: e.At, SignedAt: at}, nil
}
