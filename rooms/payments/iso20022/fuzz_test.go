package iso20022_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"testing"

	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/xsd"
)

// FuzzParse: no document makes the reader panic; what it accepts is well-formed
// to encoding/xml too, and can be written and read again as the same message.
func FuzzParse(f *testing.F) {
	for _, d := range iso20022.Messages() {
		f.Add([]byte(golden(d.ID)))
	}
	f.Add([]byte("\ufeff<?xml version='1.0'?><p:Document xmlns:p='urn:iso:std:iso:20022:tech:xsd:admi.004.001.02'><!-- --><p:SysEvtNtfctn><p:EvtInf><p:EvtCd>&#65;<![CDATA[B]]></p:EvtCd></p:EvtInf></p:SysEvtNtfctn></p:Document>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := iso20022.Parse(doc)
		if err != nil {
			var all xsd.Errors
			if !errors.Is(err, iso20022.ErrUnknown) && (!errors.As(err, &all) || len(all) == 0 || all[0].Line < 1 || all[0].Column < 1) {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		decoder := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("accepted, but encoding/xml says %v", err)
			}
		}
		out, err := m.Marshal()
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		again, err := iso20022.Parse(out)
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("read again it is another message: %v\n%s", err, out)
		}
		twice, err := again.Marshal()
		if err != nil || !bytes.Equal(out, twice) {
			t.Fatalf("written twice it differs: %v", err)
		}
	})
}
