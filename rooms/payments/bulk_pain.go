package payments

import (
	"errors"
	"io"
	"iter"
	"strconv"

	"sarai/courtyard/fault"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pain001"
	"sarai/rooms/payments/iso20022/xsd"
)

// bulkPain gives the payments of an ISO 20022 pain.001 as they are read.
type bulkPain struct {
	next func() (Instruction, error, bool)
	stop func()
}

// NewBulkPain reads payments from a customer credit transfer initiation,
// pain.001.001.09, of any size. Beneficiaries are named by IBAN, or by a proxy
// or another scheme that is a mobile number (MBNO, TELE, WALLET) or a national
// number (NIDN). Names are not compared: senders write them as they like. The
// control totals in the group header have to be right. Close it when it is not
// read to its end.
func NewBulkPain(r io.Reader) Source {
	b := &bulkPain{}
	b.next, b.stop = iter.Pull2(painInstructions(r))
	return b
}

// Next implements [Source].
func (b *bulkPain) Next() (Instruction, error) {
	in, err, more := b.next()
	if !more {
		return Instruction{}, io.EOF
	}
	return in, err
}

// Close implements [io.Closer].
func (b *bulkPain) Close() error {
	b.stop()
	return nil
}

var errPainStopped = errors.New("nobody reads on")

func painInstructions(r io.Reader) iter.Seq2[Instruction, error] {
	return func(yield func(Instruction, error) bool) {
		var n, sum int64
		var told, check string
		err := pain001.Stream(r, xsd.Limits{}, func(head *pain001.GroupHeader85, _ *pain001.PaymentInstruction30, x *pain001.CreditTransferTransaction34) error {
			n++
			told, check = head.NbOfTxs, string(head.CtrlSum)
			in, err := painInstruction(n, x)
			sum += in.Amount
			if !yield(in, err) {
				return errPainStopped
			}
			return nil
		})
		switch {
		case errors.Is(err, errPainStopped):
			return
		case err != nil:
			yield(Instruction{}, fault.New(fault.Invalid, "payments.bulk.pain.invalid", "what", painTrouble(err)).Because(err))
		case told != strconv.FormatInt(n, 10) && n > 0:
			yield(Instruction{}, fault.New(fault.Invalid, "payments.bulk.pain.count", "told", told, "found", strconv.FormatInt(n, 10)))
		case check != "" && !sameSum(check, sum):
			yield(Instruction{}, fault.New(fault.Invalid, "payments.bulk.pain.sum"))
		}
	}
}

// sameSum compares CtrlSum, which has no currency, with minor units of a
// currency with two decimals.
func sameSum(check string, sum int64) bool {
	minor, err := iso20022.Minor(xsd.Decimal(check), "USD") // any with two
	return err == nil && minor == sum
}

// painTrouble is the first thing that is wrong, in the words of the standard.
func painTrouble(err error) string {
	s := err.Error()
	if len(s) > 160 {
		s = s[:runeEnd(s, 160)] + "…"
	}
	return s
}

func painInstruction(n int64, x *pain001.CreditTransferTransaction34) (Instruction, error) {
	in := Instruction{Line: n, Reference: x.PmtId.EndToEndId}
	bad := func(key string) (Instruction, error) {
		return in, fault.New(fault.Invalid, key, "line", strconv.FormatInt(n, 10))
	}
	if in.Reference == "NOTPROVIDED" { // the standard's word for none
		in.Reference = x.PmtId.InstrId
	}
	if x.Amt.InstdAmt == nil {
		return bad("payments.bulk.csv.amount.none")
	}
	in.Currency = x.Amt.InstdAmt.Ccy
	minor, err := iso20022.Minor(x.Amt.InstdAmt.Value, in.Currency)
	switch {
	case errors.Is(err, iso20022.ErrFraction):
		return bad("payments.bulk.csv.amount.decimals")
	case err != nil:
		return bad("payments.bulk.csv.amount")
	case minor == 0:
		return bad("payments.bulk.csv.amount.nothing")
	}
	in.Amount = minor
	a := x.CdtrAcct
	if a == nil {
		return bad("payments.bulk.csv.nobody")
	}
	scheme := ""
	if a.Id.Othr != nil && a.Id.Othr.SchmeNm != nil {
		scheme = a.Id.Othr.SchmeNm.Cd + a.Id.Othr.SchmeNm.Prtry
	}
	switch {
	case a.Prxy != nil && a.Prxy.Tp != nil && (a.Prxy.Tp.Cd == "MBNO" || a.Prxy.Tp.Cd == "TELE"):
		in.Mobile = a.Prxy.Id
	case a.Prxy != nil && a.Prxy.Tp != nil && a.Prxy.Tp.Cd == "NIDN":
		in.Number = a.Prxy.Id
	case a.Id.IBAN != "":
		in.IBAN = a.Id.IBAN
	case scheme == "WALLET" || scheme == "MBNO":
		in.Mobile = a.Id.Othr.Id
	case scheme == "NIDN":
		in.Number = a.Id.Othr.Id
	case a.Id.Othr != nil:
		in.IBAN = a.Id.Othr.Id
	default:
		return bad("payments.bulk.csv.nobody")
	}
	return in, nil
}
