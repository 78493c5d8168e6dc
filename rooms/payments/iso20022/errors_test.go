package iso20022_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/iso20022/xsd"
)

// TestErrorsSayWhereAndWhat changes the sample and expects the whole text of the
// error, in which nothing of the content stands.
func TestErrorsSayWhereAndWhat(t *testing.T) {
	const at = "/Document/FIToFICstmrCdtTrf/"
	for _, c := range []struct{ old, new, want string }{
		{"8a562c67", "8A562C67", "line 14, column 124, " + at + "CdtTrfTxInf[1]/PmtId/UETR: pattern: write a value of the form [a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}"},
		{"<Nm>Ayesha Khan</Nm>", "<Nm/>", "line 20, column 12, " + at + "CdtTrfTxInf[1]/Dbtr/Nm: minLength: write at least 1 character"},
		{"Ayesha Khan", strings.Repeat("آ", 141), "line 20, column 11, " + at + "CdtTrfTxInf[1]/Dbtr/Nm: maxLength: write at most 140 characters"},
		{"<ChrgBr>SLEV", "<ChrgBr>FREE", "line 19, column 9, " + at + "CdtTrfTxInf[1]/ChrgBr: enumeration: write one of DEBT, CRED, SHAR, SLEV"},
		{"2026-11-21</IntrBk", "2026-11-31</IntrBk", "line 8, column 16, " + at + "GrpHdr/IntrBkSttlmDt: lexical: write a day that exists, like 2026-11-21"},
		{`<IntrBkSttlmAmt Ccy="PKR">`, `<IntrBkSttlmAmt Ccy="Rs">`, "line 16, column 17, " + at + "CdtTrfTxInf[1]/IntrBkSttlmAmt: pattern: attribute Ccy: write a value of the form [A-Z]{3,3}"},
		{`<IntrBkSttlmAmt Ccy="PKR">`, `<IntrBkSttlmAmt>`, "line 16, column 1, " + at + "CdtTrfTxInf[1]: missing: write the attribute Ccy"},
		{"<SttlmMtd>CLRG</SttlmMtd>", "", "line 9, column 11, " + at + "GrpHdr/SttlmInf: missing: write SttlmMtd before ClrSys"},
		{"<Dbtr>", "<Payer>Ayesha</Payer><Dbtr>", "line 20, column 1, " + at + "CdtTrfTxInf[1]: unexpected: write ChrgsInf, PrvsInstgAgt1, PrvsInstgAgt1Acct, PrvsInstgAgt2, PrvsInstgAgt2Acct, PrvsInstgAgt3, PrvsInstgAgt3Acct, InstgAgt, InstdAgt, IntrmyAgt1, IntrmyAgt1Acct or another of its elements here"},
		{"<Cd>SDVA</Cd>", "<Cd>SDVA</Cd><Prtry>x</Prtry>", "line 15, column 59, " + at + "CdtTrfTxInf[1]/PmtTpInf/SvcLvl[1]: choice: only one of the alternatives may stand here: keep Cd or replace it"},
		{"<Cd>SDVA</Cd>", "", "line 15, column 38, " + at + "CdtTrfTxInf[1]/PmtTpInf/SvcLvl[1]: choice: the element must have Cd or Prtry"},
		{"</GrpHdr>", "</GrpHdr>Ayesha", "line 12, column 10, /Document/FIToFICstmrCdtTrf: unexpected: no text may stand between elements"},
		{"</GrpHdr>", "</GrpHd>", "line 12, column 1, " + at + "GrpHdr: well-formed: the end tag does not match the start tag"},
		{"<?xml", "<!DOCTYPE Document><?xml", "line 1, column 1: forbidden: document type declarations are not accepted: take it out"},
		{"pacs.008.001.08\">", "pacs.008.001.13\">", "line 2, column 1: namespace: the document must be the element Document in the namespace urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"},
	} {
		doc := strings.Replace(golden(pacs008.ID), c.old, c.new, 1)
		if doc == golden(pacs008.ID) {
			t.Errorf("the sample has no %q", c.old)
		}
		_, err := pacs008.Parse([]byte(doc))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s -> %s:\n got %v\nwant %s", c.old, c.new, err, c.want)
		}
	}
}

// TestSeveralErrors: values are gathered, structure ends the reading.
func TestSeveralErrors(t *testing.T) {
	doc := strings.NewReplacer("SLEV", "FREE", "HABBPKKA", "habb").Replace(golden(pacs008.ID))
	_, err := pacs008.Parse([]byte(doc))
	var all xsd.Errors
	if !errors.As(err, &all) || len(all) != 3 || all[1].Rule != xsd.Enumeration {
		t.Errorf("%d: %v", len(all), err)
	}
	_, err = pacs008.ParseLimits([]byte(doc), xsd.Limits{Errors: 1})
	if !errors.As(err, &all) || len(all) != 1 {
		t.Errorf("%d: %v", len(all), err)
	}
}

func TestLimits(t *testing.T) {
	doc := []byte(golden(pacs008.ID))
	for _, limits := range []xsd.Limits{{Size: 100}, {Depth: 4}} {
		_, err := pacs008.ParseLimits(doc, limits)
		var first *xsd.Error
		if !errors.As(err, &first) || first.Rule != xsd.Limit {
			t.Errorf("%+v: %v", limits, err)
		}
	}
	many := "<Document xmlns='" + pacs008.Namespace + "'"
	for i := range 100 {
		many += fmt.Sprintf(" xmlns:p%d='urn:%d'", i, i)
	}
	deep := golden(pacs008.ID)[:strings.Index(golden(pacs008.ID), "</CdtTrfTxInf>")] + "<SplmtryData><Envlp>"
	for i := range 10 {
		deep += "<a"
		for j := range 60 {
			deep += fmt.Sprintf(" xmlns:p%d_%d='urn:x'", i, j)
		}
		deep += ">"
	}
	if _, err := pacs008.Parse([]byte(deep)); err == nil || !strings.Contains(err.Error(), "too many namespaces") {
		t.Error(err)
	}
	_, err := pacs008.Parse([]byte(many + "/>"))
	if err == nil || !strings.Contains(err.Error(), "too many attributes") {
		t.Error(err)
	}
}

// TestNothingInvalidIsWritten sets wrong values in Go and expects no document.
func TestNothingInvalidIsWritten(t *testing.T) {
	for want, spoil := range map[string]func(*pacs002.Document){
		"/Document/FIToFIPmtStsRpt/GrpHdr/MsgId: missing: a value must be set": func(d *pacs002.Document) { d.FIToFIPmtStsRpt.GrpHdr.MsgId = "" },
		"/Document/FIToFIPmtStsRpt/TxInfAndSts[1]/OrgnlUETR: pattern":          func(d *pacs002.Document) { d.FIToFIPmtStsRpt.TxInfAndSts[0].OrgnlUETR = "x" },
		"/Document/FIToFIPmtStsRpt/TxInfAndSts[1]/StsRsnInf[1]/Rsn: choice: exactly one must be set of Cd or Prtry": func(d *pacs002.Document) {
			d.FIToFIPmtStsRpt.TxInfAndSts[0].StsRsnInf[0].Rsn.Prtry = "both"
		},
		"/Document/FIToFIPmtStsRpt/TxInfAndSts[1]/StsRsnInf[1]/AddtlInf[2]: maxLength: write at most 105 characters": func(d *pacs002.Document) {
			d.FIToFIPmtStsRpt.TxInfAndSts[0].StsRsnInf[0].AddtlInf = []string{"fine", strings.Repeat("é", 106)}
		},
		"well-formed: take out the character": func(d *pacs002.Document) { d.FIToFIPmtStsRpt.GrpHdr.MsgId = "a\x00b" },
		"well-formed: write UTF-8":            func(d *pacs002.Document) { d.FIToFIPmtStsRpt.GrpHdr.MsgId = "a\xffb" },
		"TxInfAndSts[1]/OrgnlTxRef/IntrBkSttlmAmt: pattern: attribute Ccy": func(d *pacs002.Document) {
			d.FIToFIPmtStsRpt.TxInfAndSts[0].OrgnlTxRef.IntrBkSttlmAmt.Ccy = "Rs"
		},
		"SplmtryData[1]/Envlp: well-formed": func(d *pacs002.Document) {
			d.FIToFIPmtStsRpt.SplmtryData = []pacs002.SupplementaryData1{{Envlp: pacs002.SupplementaryDataEnvelope1{Any: "<a></b>"}}}
		},
		"SplmtryData[1]/Envlp: maxOccurs": func(d *pacs002.Document) {
			d.FIToFIPmtStsRpt.SplmtryData = []pacs002.SupplementaryData1{{Envlp: pacs002.SupplementaryDataEnvelope1{Any: "<a/><b/>"}}}
		},
		"SplmtryData[1]/Envlp: well-formed: write one element": func(d *pacs002.Document) {
			d.FIToFIPmtStsRpt.SplmtryData = []pacs002.SupplementaryData1{{Envlp: pacs002.SupplementaryDataEnvelope1{Any: "<!-- --></Envlp>"}}}
		},
	} {
		m, err := pacs002.Parse([]byte(golden(pacs002.ID)))
		if err != nil {
			t.Fatal(err)
		}
		spoil(m)
		for name, err := range map[string]error{"Validate": m.Validate(), "Marshal": second(m.Marshal()), "Append": second(m.Append(nil))} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v\nwant %s", name, err, want)
			}
		}
	}
}

func second(_ []byte, err error) error { return err }

// TestOccurrence: seven times is allowed, eight is not, in both directions.
func TestOccurrence(t *testing.T) {
	m, err := pacs008.Parse([]byte(golden(pacs008.ID)))
	if err != nil {
		t.Fatal(err)
	}
	address := m.FIToFICstmrCdtTrf.CdtTrfTxInf[0].Dbtr.PstlAdr
	for range 7 {
		address.AdrLine = append(address.AdrLine, "a line")
	}
	doc, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	address.AdrLine = append(address.AdrLine, "a line")
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "maxOccurs: write at most 7") {
		t.Error(err)
	}
	_, err = pacs008.Parse([]byte(strings.Replace(string(doc), "<AdrLine>", "<AdrLine>one more</AdrLine><AdrLine>", 1)))
	if err == nil || !strings.Contains(err.Error(), "maxOccurs: the element stands too often: keep 7 of them at most") {
		t.Error(err)
	}
	m.FIToFICstmrCdtTrf.CdtTrfTxInf = nil
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf: missing: write at least 1") {
		t.Error(err)
	}
}

func TestRegister(t *testing.T) {
	if len(iso20022.Messages()) != 26 {
		t.Errorf("%d messages", len(iso20022.Messages()))
	}
	if d, ok := iso20022.Lookup(pacs008.Namespace); !ok || d.ID != pacs008.ID {
		t.Error(d, ok)
	}
	if _, ok := iso20022.Lookup("pacs.008.001.99"); ok {
		t.Error("found")
	}
	if _, err := iso20022.Parse([]byte("<Document xmlns='urn:x'/>")); !errors.Is(err, iso20022.ErrUnknown) {
		t.Error(err)
	}
	if _, err := iso20022.Parse([]byte("<p:Document xmlns:p='urn:x'")); err == nil || errors.Is(err, iso20022.ErrUnknown) {
		t.Error(err)
	}
}
