package payments_test

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/rooms/payments"
	"sarai/rooms/payments/ledger"
)

// aQuietPaymentHasAReceiptInTwoLevels: a payment without events of its own is
// proven by its row, the batch and the log; offline, and only to its payer.
func aQuietPaymentHasAReceiptInTwoLevels(t *testing.T, v *place) {
	ctx := context.Background()
	w := payments.Work{Currency: "PKR", Actor: "test", Quiet: true}
	var names []string
	for range 5 {
		name := id.New()
		names = append(names, name)
		w.Steps = append(w.Steps, ledger.Step{Kind: ledger.Reserve, Transfer: name, Party: "test", Key: name, Debit: "person-ayesha", Credit: "merchant-bilal", Amount: 1_00, Currency: "PKR", Expires: time.Now().Add(time.Minute)},
			ledger.Step{Kind: ledger.Commit, Transfer: name})
	}
	rows, err := v.room.Ledger().Do(ctx, w)
	check(t, err)
	check(t, v.room.Sequencer().Settle(ctx, "PKR"))
	name := names[3]
	receipt, status := v.get(v.AsCitizen("s-ayesha"), "/wallet/payment/"+name+"/receipt")
	if status != http.StatusOK || !payments.IsReceipt([]byte(receipt)) {
		t.Fatal(status, receipt)
	}
	if _, status := v.get(v.AsCitizen("s-bilal"), "/wallet/payment/"+name+"/receipt"); status != http.StatusNotFound {
		t.Error("whom was paid got the payer's receipt:", status)
	}
	row, proof, err := payments.VerifyReceipt([]byte(receipt), v.Log.VerifierKey())
	check(t, err)
	if row.Transfer != name || row.Seq != rows[7].Seq || row.Kind != ledger.Commit || row.Amount != 1_00 || row.Currency != "PKR" || proof.Event.Type != payments.BatchSealed {
		t.Errorf("%+v", row)
	}
	for i := range len(receipt) {
		bent := bytes.Clone([]byte(receipt))
		if bent[i] ^= 1; i > 1500 && i%7 > 0 {
			continue // the log's own proof is tested where it is made
		}
		if got, _, err := payments.VerifyReceipt(bent, v.Log.VerifierKey()); err == nil && !reflect.DeepEqual(got, row) {
			t.Fatalf("byte %d was changed and the receipt says %+v", i, got)
		} else if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	}
	if got := v.count(payments.TransferCommitted); got != 0 {
		t.Errorf("%d events of single payments", got)
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	f.Add([]byte("sarai-ledger-row@v1\nrow AQ==\nblind AAAAAAAAAAAAAAAAAAAAAA==\nindex 0\nsize 1\n\nc2sp.org/tlog-proof@v1\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, _, err := payments.VerifyReceipt(in, "sarai.test+00000000+AQ=="); err == nil {
			t.Fatal("a receipt holds that nobody made")
		}
	})
}
