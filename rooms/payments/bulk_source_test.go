package payments_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sarai/courtyard/fault"
	"sarai/rooms/payments"
)

// FuzzBulkCSV: whatever bytes come, the reader ends, says what is wrong as a
// fault, and gives only instructions that can be paid.
func FuzzBulkCSV(f *testing.F) {
	for _, s := range []string{
		"", "amount", "iban,amount\n", "\xef\xbb\xbfiban,amount\r\nPK36SCBL0000001123456702,5\r\n", "iban,amount\nX,1e3\nY,٥\n\"Z\n", "cnic,amount,name\n1,5,\"a\nb\"\n",
		"amount,mobile\n0.01,0300\n99999999999999.99,0300\n", "iban,amount\n,,\n", "\xff\xfe", "reference,iban,amount\n" + strings.Repeat("x", 300) + ",A,1\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src, err := payments.NewBulkCSV(strings.NewReader(string(data)), 2)
		for i := 0; err == nil || i > 0 && fault.As(err) != nil && fault.As(err).Err == nil; i++ {
			var in payments.Instruction
			if in, err = src.Next(); errors.Is(err, io.EOF) {
				return
			}
			if i > len(data) {
				t.Fatal("more instructions than bytes")
			}
			if err == nil && (in.Amount <= 0 || in.Line < 2 || (in.IBAN == "") == (in.Mobile+in.Number == "")) {
				t.Fatalf("%+v", in)
			}
			if err != nil && fault.As(err) == nil {
				t.Fatal(err)
			}
		}
		if fault.As(err) == nil {
			t.Fatal(err)
		}
	})
}

// TestBulkAmounts: an amount is read back as it was written, and nothing else
// is an amount.
func TestBulkAmounts(t *testing.T) {
	read := func(amount string) (int64, error) {
		src, err := payments.NewBulkCSV(strings.NewReader("iban,amount\nX,"+amount+"\n"), 2)
		if err != nil {
			return 0, err
		}
		in, err := src.Next()
		return in.Amount, err
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 99_999_999_999_999).Draw(t, "paisa")
		whole, part := n/100, n%100
		text := rapid.SampledFrom([]string{"%d.%02d", "0%d.%02d"}).Draw(t, "form")
		if got, err := read(fmt.Sprintf(text, whole, part)); err != nil || got != n {
			t.Fatalf("%d read as %d %v", n, got, err)
		}
		wrong := rapid.StringMatching(`[0-9]{1,4}[eE+\-xX_'٫][0-9]{0,3}|[٠-٩۰-۹]{1,5}|\.[0-9]|[0-9]\.`).Draw(t, "no amount")
		if _, err := read(wrong); fault.As(err) == nil {
			t.Fatalf("%q was taken for an amount", wrong)
		}
	})
}
