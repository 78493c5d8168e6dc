package pain001

import (
	"io"

	"sarai/rooms/payments/iso20022/xsd"
)

var (
	initiation  = (*CustomerCreditTransferInitiationV09)(nil).Schema()
	instruction = (*PaymentInstruction30)(nil).Schema()
	transaction = (*CreditTransferTransaction34)(nil).Schema()
	containers  = []*xsd.Type{&schemaDocument, initiation, instruction}
	batches     = initiation.Index("PmtInf")
	payments    = instruction.Index("CdtTrfTxInf")
)

// Stream reads a file of any size, payment by payment, and never holds more than
// a few hundred kilobytes of it. each gets the group header, the batch
// (PaymentInstruction30) as far as it stands before its payments, and one
// payment; an error of it ends the reading and is returned.
//
// The whole file is valid only when Stream has returned nil: an error may come
// at its end, when each has seen many payments. So read a file once to check it
// and keep what each gave in a place that is thrown away on error.
func Stream(from io.Reader, limits xsd.Limits, each func(*GroupHeader85, *PaymentInstruction30, *CreditTransferTransaction34) error) error {
	var failed error
	err := xsd.Stream(from, &root, limits, containers, func(r *xsd.Reader) {
		var file CustomerCreditTransferInitiationV09
		r.Enter()
		for r.Next(&schemaDocument) >= 0 {
			r.Enter()
			for i := r.Next(initiation); i >= 0; i = r.Next(initiation) {
				if i != batches {
					file.ReadField(r, i)
					continue
				}
				if failed = batch(r, &file.GrpHdr, each); failed != nil {
					r.Stop(xsd.Limit, "the reading was ended")
				}
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

func batch(r *xsd.Reader, head *GroupHeader85, each func(*GroupHeader85, *PaymentInstruction30, *CreditTransferTransaction34) error) error {
	x := new(PaymentInstruction30)
	r.Enter()
	for i := r.Next(instruction); i >= 0; i = r.Next(instruction) {
		if i != payments {
			x.ReadField(r, i)
			continue
		}
		payment := new(CreditTransferTransaction34)
		r.Into(transaction, payment)
		if r.Err() != nil { // the file is not valid: only look for what else is wrong
			continue
		}
		if err := each(head, x, payment); err != nil {
			return err
		}
	}
	return nil
}
