package payments

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/tlog"
	"sarai/rooms/payments/ledger"
)

// receiptHeader begins a receipt in two levels: the row of the ledger with its
// way to the root of its batch, and below it the log's own proof of the event that
// states this root.
//
//	sarai-ledger-row@v1
//	row <base64>
//	blind <base64>
//	index <row's place in the batch, from 0>
//	size <rows of the batch>
//	<base64 of a hash>            as many as the way is long
//
//	c2sp.org/tlog-proof@v1
//	...
const receiptHeader = "sarai-ledger-row@v1"

// Receipt is the proof that a payment stands in the ledger and the ledger in the
// public log: of a payment with an event of its own the log's receipt, of others
// one in two levels. A reservation has none yet (fault NotFound).
func (r *Room) Receipt(ctx context.Context, t *Transfer) ([]byte, error) {
	if r.wants.Log == nil || t.Phase != ledger.Committed {
		return nil, fault.New(fault.NotFound, "payments.receipt.none")
	}
	if t.Event != "" {
		return r.wants.Log.Receipt(ctx, t.Event)
	}
	var p ledger.Proof
	var event string
	err := r.db.View(ctx, func(tx *store.Tx) error {
		b, err := batchOf(tx, t.Currency, t.Done)
		if err != nil {
			return err
		}
		if event, err = store.Get(tx, store.Value[string], "select event from payments_batch where currency = $1 and number = $2", t.Currency, b.Number); err != nil {
			return err
		}
		p, err = b.Prove(t.Done)
		return err
	})
	if err != nil {
		return nil, err
	}
	below, err := r.wants.Log.Receipt(ctx, event)
	if err != nil {
		return nil, err
	}
	return formatReceipt(p, below), nil
}

// mayHaveReceipt: the payer may, because the receipt names the payer's account,
// which is nothing to whom was paid: it would join all purchases of a person. Of
// what the state paid, its receiver may, too.
func mayHaveReceipt(t *Transfer, who string) bool {
	switch {
	case t.Payer == nil:
		return false
	case t.Payer.Holder == who:
		return true
	}
	return (t.Payer.Kind == KindGovernment || t.Payer.Kind == KindProgram) && t.Payee != nil && t.Payee.Holder == who
}

func formatReceipt(p ledger.Proof, below []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nrow %s\nblind %s\nindex %d\nsize %d\n", receiptHeader, b64(p.Row), b64(p.Blind[:]), p.Index, p.Size)
	for _, h := range p.Path {
		b.WriteString(b64(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(below)
	return []byte(b.String())
}

// IsReceipt says whether a file is a receipt in two levels.
func IsReceipt(file []byte) bool { return strings.HasPrefix(string(file), receiptHeader+"\n") }

// VerifyReceipt checks a receipt in two levels offline: the row is in the batch
// whose root an event states that is in the log with the given keys. All errors
// are faults Invalid "tlog.receipt".
func VerifyReceipt(receipt []byte, verifierKeys ...string) (ledger.Row, *tlog.Proof, error) {
	row, proof, err := verifyReceipt(receipt, verifierKeys)
	if err != nil && !fault.Is(err, fault.Invalid) {
		err = fault.New(fault.Invalid, "tlog.receipt").Because(err)
	}
	return row, proof, err
}

func verifyReceipt(receipt []byte, keys []string) (row ledger.Row, proof *tlog.Proof, err error) {
	const most = 1 << 20
	head, below, ok := strings.Cut(string(receipt), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(receipt) > most || len(lines) < 5 || len(lines) > 5+40 || lines[0] != receiptHeader {
		return row, nil, errors.New("not a receipt of the ledger")
	}
	var p ledger.Proof
	var blind []byte
	for i, part := range []struct {
		name string
		read func(string) error
	}{
		{"row ", func(s string) (err error) { p.Row, err = base64.StdEncoding.DecodeString(s); return err }},
		{"blind ", func(s string) (err error) { blind, err = base64.StdEncoding.DecodeString(s); return err }},
		{"index ", func(s string) (err error) { p.Index, err = strconv.ParseInt(s, 10, 64); return err }},
		{"size ", func(s string) (err error) { p.Size, err = strconv.ParseInt(s, 10, 64); return err }},
	} {
		value, ok := strings.CutPrefix(lines[i+1], part.name)
		if !ok {
			return row, nil, fmt.Errorf("no line %q", part.name)
		}
		if err := part.read(value); err != nil {
			return row, nil, fmt.Errorf("line %q: %w", part.name, err)
		}
	}
	if len(blind) != len(p.Blind) {
		return row, nil, errors.New("line \"blind \" has another length")
	}
	p.Blind = [16]byte(blind)
	for _, line := range lines[5:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != 32 {
			return row, nil, errors.New("a line of the proof is no hash")
		}
		p.Path = append(p.Path, [32]byte(h))
	}
	root, row, err := p.Root()
	if err != nil {
		return row, nil, err
	}
	// One form only.
	if string(formatReceipt(p, []byte(below))) != string(receipt) {
		return row, nil, errors.New("the file is not in its canonical form")
	}
	if proof, err = tlog.Verify([]byte(below), keys...); err != nil {
		return row, nil, err
	}
	var d BatchData
	if proof.Event.Type != BatchSealed {
		return row, nil, errors.New("the log's proof is not of a batch of the ledger")
	}
	if err := proof.Event.Decode(&d); err != nil {
		return row, nil, err
	}
	if d.Root != hex.EncodeToString(root[:]) || d.Last-d.First+1 != p.Size || d.First+p.Index != row.Seq {
		return row, nil, errors.New("the row is not in the batch that the log knows")
	}
	row.Currency = d.Currency
	return row, proof, nil
}
