package iso20022_test

import (
	"errors"
	"fmt"
	"os"
	"time"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/xsd"
)

// A bank reads a payment and answers it.
func Example() {
	doc, err := os.ReadFile("testdata/pacs.008.001.08.xml")
	if err != nil {
		panic(err)
	}
	in, err := pacs008.Parse(doc)
	if err != nil {
		panic(err)
	}
	tx := &in.FIToFICstmrCdtTrf.CdtTrfTxInf[0]
	minor, err := iso20022.Minor(tx.IntrBkSttlmAmt.Value, tx.IntrBkSttlmAmt.Ccy)
	if err != nil {
		panic(err)
	}
	fmt.Println(tx.PmtId.UETR, minor, tx.IntrBkSttlmAmt.Ccy)

	out := pacs002.Document{FIToFIPmtStsRpt: pacs002.FIToFIPaymentStatusReportV10{
		GrpHdr: pacs002.GroupHeader91{
			MsgId:    "SCBL20261121000001",
			CreDtTm:  xsd.NewDateTime(time.Date(2026, 11, 21, 10, 30, 1, 0, time.UTC)),
			InstgAgt: &tx.CdtrAgt,
		},
		TxInfAndSts: []pacs002.PaymentTransaction110{{
			OrgnlEndToEndId: tx.PmtId.EndToEndId,
			OrgnlUETR:       tx.PmtId.UETR,
			TxSts:           "ACSC",
		}},
	}}
	answer, err := out.Append(nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(answer))
	// Output:
	// 8a562c67-ca16-48ba-b074-65581be6f001 125075 PKR
	// <Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt><GrpHdr><MsgId>SCBL20261121000001</MsgId><CreDtTm>2026-11-21T10:30:01.000Z</CreDtTm><InstgAgt><FinInstnId><BICFI>SCBLPKKX</BICFI></FinInstnId></InstgAgt></GrpHdr><TxInfAndSts><OrgnlEndToEndId>INV-2026-0042</OrgnlEndToEndId><OrgnlUETR>8a562c67-ca16-48ba-b074-65581be6f001</OrgnlUETR><TxSts>ACSC</TxSts></TxInfAndSts></FIToFIPmtStsRpt></Document>
}

// Any message is read by its namespace.
func ExampleParse() {
	doc, err := os.ReadFile("testdata/pacs.002.001.10.xml")
	if err != nil {
		panic(err)
	}
	m, err := iso20022.Parse(doc)
	var invalid xsd.Errors
	switch {
	case errors.Is(err, iso20022.ErrUnknown):
		fmt.Println("answer admi.002: no such message here")
	case errors.As(err, &invalid):
		fmt.Println("answer admi.002:", invalid[0].Path, invalid[0].Rule, invalid[0].Advice)
	}
	switch m := m.(type) {
	case *pacs002.Document:
		fmt.Println(m.FIToFIPmtStsRpt.TxInfAndSts[0].TxSts, m.FIToFIPmtStsRpt.TxInfAndSts[0].StsRsnInf[0].Rsn.Cd)
	case *pacs008.Document:
		fmt.Println("a payment")
	}
	// Output: RJCT AC04
}
