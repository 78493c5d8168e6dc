package govstack

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	register = `{"RequestID":"request-0001","SourceBBID":"source-00001","Beneficiaries":[{"PayeeFunctionalID":"functional-id-000001","PaymentModality":"01","FinancialAddress":"PK36SCBL0000001123456702"}]}`
	batch    = `{"RequestID":"request-0001","SourceBBID":"source-00001","BatchID":"batch-000001","CreditInstructions":[{"InstructionID":"instruction-0001","PayeeFunctionalID":"functional-id-000001","Amount":100.50,"Currency":"PKR","Narration":"support"}]}`
)

func TestMessages(t *testing.T) {
	if _, err := ParseRegister([]byte(register)); err != nil {
		t.Error(err)
	}
	m, err := ParseBatch([]byte(batch), true)
	if err != nil || m.CreditInstructions[0].Amount != "100.50" {
		t.Errorf("%+v %v", m, err)
	}
	for field, bad := range map[string]string{
		"RequestID":          strings.Replace(batch, "request-0001", "r", 1),
		"SourceBBID":         strings.Replace(batch, "source-00001", "invalid", 1),
		"BatchID":            strings.Replace(batch, "batch-000001", "batch-0000012", 1),
		"InstructionID":      strings.Replace(batch, "instruction-0001", "", 1),
		"PayeeFunctionalID":  strings.Replace(batch, "functional-id-000001", "invalid", 1),
		"Amount":             strings.Replace(batch, "100.50", "1e3", 1),
		"Currency":           strings.Replace(batch, "PKR", "PK", 1),
		"Narration":          strings.Replace(batch, "support", "", 1),
		"CreditInstructions": batch[:strings.Index(batch, "[")+1] + "]}",
		"body":               batch + "{}",
	} {
		_, err := ParseBatch([]byte(bad), true)
		if f := (*Failure)(nil); !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	twice := strings.Replace(batch, `"CreditInstructions":[`, `"CreditInstructions":[{"InstructionID":"instruction-0001","PayeeFunctionalID":"functional-id-000002","Amount":1,"Currency":"PKR","Narration":"x"},`, 1)
	if _, err := ParseBatch([]byte(twice), false); err == nil {
		t.Error("an instruction twice")
	}
	for bad, status := range map[string]int{
		`{}`: 400, `[]`: 400, `{"voucher_amount":null,"Gov_Stack_BB":"b"}`: InvalidAmount, `{"voucher_amount":"-1"}`: InvalidAmount, `{"voucher_amount":1,"voucher_currency":"000"}`: InvalidCurrency,
		`{"voucher_amount":"1.5","voucher_currency":"AED","voucher_group":null}`: InvalidGroup,
	} {
		_, _, err := ParsePreactivation([]byte(bad), 2)
		if r := (*Refusal)(nil); !errors.As(err, &r) || r.Status != status {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, override := range []string{"true", `"true"`} {
		m, err := ParseRedemption([]byte(`{"voucher_number":6004,"Gov_Stack_BB":"b","merchant_name":"m","merchant_bank_details":"d","override":` + override + `}`))
		if err != nil || !bool(m.Override) || m.Number != "6004" {
			t.Errorf("%+v %v", m, err)
		}
	}
	if _, err := ParseCancellation([]byte(`{"voucherserialnumber":"1","Gov_Stack_BB":"b"}`), "2"); err == nil {
		t.Error("two serial numbers")
	}
}

func TestMinorIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, decimals := rapid.Int64Range(1, 99_999_999_999_999).Draw(t, "minor"), rapid.IntRange(0, 3).Draw(t, "decimals")
		text := Plain(n, decimals)
		if len(strings.SplitN(text, ".", 2)[0]) > 13 {
			return
		}
		if got, err := Minor("x", text, decimals); err != nil || got != n {
			t.Fatalf("%d is %s, read as %d %v", n, text, got, err)
		}
	})
}

// FuzzMessages: whatever comes is read or refused in the standard's words, and
// what is read keeps the lengths.
func FuzzMessages(f *testing.F) {
	for _, s := range []string{register, batch, `{"voucher_amount":"15.21","voucher_currency":"AED","voucher_group":"g","Gov_Stack_BB":"b"}`, `{"voucher_number":1e9,"override":"x"}`, `{"Amount":{}}`, `null`, `"`, "\xff", `{"RequestID":5}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		known := func(err error) {
			var a *Failure
			var b *Refusal
			if err != nil && !errors.As(err, &a) && !errors.As(err, &b) {
				t.Fatalf("%T %v", err, err)
			}
		}
		if m, err := ParseRegister(data); err == nil && (len(m.RequestID) < 12 || len(m.Beneficiaries) == 0) {
			t.Fatalf("%+v", m)
		} else {
			known(err)
		}
		m, err := ParseBatch(data, false)
		known(err)
		if err == nil {
			for _, i := range m.CreditInstructions {
				if n, err := Minor("Amount", string(i.Amount), 2); err != nil || n <= 0 {
					t.Fatalf("%+v", i)
				}
			}
		}
		_, minor, err := ParsePreactivation(data, 2)
		if known(err); err == nil && minor <= 0 {
			t.Fatal(minor)
		}
		for _, parse := range []func() error{
			func() error { _, err := ParseInquiry(data); return err },
			func() error { _, err := ParseActivation(data); return err },
			func() error { _, err := ParseRedemption(data); return err },
			func() error { _, err := ParseCancellation(data, "1"); return err },
			func() error { _, err := ParseBillPayment(data); return err },
		} {
			known(parse())
		}
	})
}
