package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sarai/courtyard/tlog"
	"sarai/rooms/payments"
	"sarai/rooms/payments/ledger"
)

type verifyCommand struct {
	Receipt string   `arg:"" help:"The receipt file." type:"existingfile"`
	Key     []string `help:"Verifier key of the log, as printed at its start and at /log/; may be given several times." required:"" placeholder:"KEY"`
	Online  string   `help:"Also ask the log at this address, such as https://sarai.example.gov/log, whether it still contains what the receipt was made from." placeholder:"URL"`
}

// Run checks a receipt without a network, unless it is asked to go further.
func (c verifyCommand) Run(ctx context.Context, out io.Writer) error {
	receipt, err := os.ReadFile(c.Receipt)
	if err != nil {
		return err
	}
	var p *tlog.Proof
	var row ledger.Row
	if payments.IsReceipt(receipt) {
		row, p, err = payments.VerifyReceipt(receipt, c.Key...)
	} else {
		p, err = tlog.Verify(receipt, c.Key...)
	}
	if err != nil {
		return fmt.Errorf("the receipt does not hold: %w", err)
	}
	_, _ = fmt.Fprintf(out, "The receipt holds.\n  what   %s, version %d\n  about  %s\n  who    %s\n  when   %s\n  where  entry %d of %d in %s\n",
		p.Event.Type, p.Event.Version, p.Event.Subject, p.Event.Actor, p.Event.At.Format(time.RFC3339), p.Index, p.Size, p.Origin)
	if data := string(p.Event.Payload); data != "" && data != "null" {
		_, _ = fmt.Fprintf(out, "  says   %s\n", data)
	}
	if row.Seq > 0 {
		_, _ = fmt.Fprintf(out, "  row    %d of the ledger: %s of %d minor units of %s, from %s to %s, at %s\n", row.Seq, row.Kind, row.Amount, row.Currency, row.Debit, row.Credit, row.At.Format(time.RFC3339))
	}
	if c.Online == "" {
		return nil
	}
	_, size, err := tlog.Check(ctx, c.Online, c.Key[0], p.Checkpoint)
	if errors.Is(err, tlog.ErrNoAnswer) {
		return fmt.Errorf("the log could not be asked: %w", err)
	}
	if err != nil {
		return fmt.Errorf("the log has not kept what it signed: %w", err)
	}
	_, _ = fmt.Fprintf(out, "The log has grown to %d entries and still contains it.\n", size)
	return nil
}
