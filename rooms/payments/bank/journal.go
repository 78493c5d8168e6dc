package bank

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"sync"
)

// entry is one line of the file: what happened, enough to make everything again.
type entry struct {
	Kind   string `json:"k"` // one of the kinds below
	UETR   string `json:"u,omitempty"`
	Own    string `json:"o,omitempty"` // our customer's account
	Other  string `json:"t,omitempty"` // the other one
	Bank   string `json:"b,omitempty"` // BIC of the other participant
	Name   string `json:"n,omitempty"` // of the customer, or of the other one
	Amount int64  `json:"a,omitempty"` // minor units
	Ref    string `json:"r,omitempty"` // EndToEndId
	Note   string `json:"m,omitempty"`
	Made   string `json:"c,omitempty"` // CreDtTm of the pacs.008 we made
	Hash   string `json:"h,omitempty"` // of the pacs.008 we took
	Reason string `json:"x,omitempty"`
	State  string `json:"s,omitempty"` // of an account, a recall or a request; kind of an alias
	Mobile string `json:"p,omitempty"` // of a customer
	Number string `json:"d,omitempty"`

	Request string `json:"q,omitempty"` // UETR of the request that a payment answers
}

const (
	entryAccount = "account" // opened, with Amount
	entryState   = "state"   // the account is open, blocked or closed from now on
	entrySend    = "send"    // an order: its money is held
	entryTake    = "take"    // a payment came in; Reason: and was refused
	entrySettled = "settled" // the rail says ACSC
	entryBack    = "back"    // the rail says RJCT

	entryRecall   = "recall"   // we ask for money of a payment back
	entryAsked    = "asked"    // another bank does
	entryRecalled = "recalled" // the answer, State

	entryAsk    = "ask"     // a customer of ours asks for money; Made: until when
	entryAskIn  = "ask-in"  // a customer of ours is asked
	entryAskEnd = "ask-end" // refused, or paid: State

	entryContact = "contact" // what a customer lets the directory know
	entryAlias   = "alias"   // the directory has it: Ref its id, Hash its content id
	entryUnalias = "unalias"
)

// journal is the file. Entries that come together are made durable together.
type journal struct {
	file *os.File

	mu      sync.Mutex
	waiting *flight
	busy    bool
	broken  error
}

// flight is what is written in one go.
type flight struct {
	buf  bytes.Buffer
	done chan struct{}
	err  error
}

// openJournal reads a file and gives every whole entry of it to each.
func openJournal(path string, each func(*entry) error) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	good := int64(0)
	r := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what is here was cut short and told to nobody
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		e, err := readEntry(line)
		if err != nil {
			// Only the end can be torn. Damage with whole lines behind it is not ours.
			if rest, _ := r.Peek(1); len(rest) == 0 {
				break
			}
			return nil, errors.Join(fmt.Errorf("%s at byte %d: %w", path, good, err), f.Close())
		}
		if err := each(e); err != nil {
			return nil, errors.Join(fmt.Errorf("%s at byte %d: %w", path, good, err), f.Close())
		}
		good += int64(len(line))
	}
	if err := f.Truncate(good); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(good, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{file: f}, nil
}

var errLine = errors.New("not a line of a bank's journal")

func readEntry(line []byte) (*entry, error) {
	sum, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || crc32.ChecksumIEEE(text) != uint32(want) {
		return nil, errLine
	}
	e := &entry{}
	if err := json.Unmarshal(text, e); err != nil {
		return nil, errLine
	}
	return e, nil
}

// put queues an entry; the order of calls is the order in the file. Whoever
// calls the function it gives waits until the entry is durable.
func (j *journal) put(e *entry) (wait func() error) {
	text, err := json.Marshal(e)
	if err != nil {
		return func() error { return err }
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.waiting == nil {
		j.waiting = &flight{done: make(chan struct{})}
	}
	f := j.waiting
	fmt.Fprintf(&f.buf, "%08x ", crc32.ChecksumIEEE(text))
	f.buf.Write(text)
	f.buf.WriteByte('\n')
	if !j.busy {
		j.busy = true
		go j.write()
	}
	return func() error {
		<-f.done
		return f.err
	}
}

func (j *journal) write() {
	for {
		j.mu.Lock()
		f := j.waiting
		j.waiting = nil
		err := j.broken
		if f == nil {
			j.busy = false
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		if err == nil {
			if _, err = j.file.Write(f.buf.Bytes()); err == nil {
				err = j.file.Sync()
			}
		}
		if err != nil {
			// Nothing that was decided in memory since can be told to anybody: the
			// bank has to be started again.
			f.err = fmt.Errorf("bank: the journal cannot be written: %w", err)
			j.mu.Lock()
			j.broken = err
			j.mu.Unlock()
		}
		close(f.done)
	}
}

func (j *journal) close() error {
	wait := j.put(&entry{Kind: "end"})
	return errors.Join(wait(), j.file.Close())
}
