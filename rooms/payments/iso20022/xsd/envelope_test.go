package xsd_test

import (
	"testing"

	"sarai/rooms/payments/iso20022/xsd"
)

func TestChildren(t *testing.T) {
	const doc = "\ufeff<?xml version='1.0'?>\n<e:Msg xmlns:e='urn:e' xmlns:h='urn:h' xmlns='urn:d'>\n <h:AppHdr a='1'><h:Fr>x</h:Fr></h:AppHdr><!-- c -->\n <Document><a>&lt;</a></Document> <p:Document xmlns:p='urn:d' xmlns=''><b/></p:Document></e:Msg>\n"
	outer, children, err := xsd.Children([]byte(doc), xsd.Limits{})
	if err != nil || outer.Namespace != "urn:e" || outer.Name != "Msg" || len(children) != 3 {
		t.Fatal(outer, children, err)
	}
	want := []xsd.Child{
		{Namespace: "urn:h", Name: "AppHdr", XML: `<h:AppHdr xmlns:h="urn:h" a='1'><h:Fr>x</h:Fr></h:AppHdr>`},
		{Namespace: "urn:d", Name: "Document", XML: `<Document xmlns="urn:d"><a>&lt;</a></Document>`},
		{Namespace: "urn:d", Name: "Document", XML: `<p:Document xmlns:p='urn:d' xmlns=''><b/></p:Document>`},
	}
	places := []string{"<h:AppHdr a='1'><h:Fr>x</h:Fr></h:AppHdr>", "<Document><a>&lt;</a></Document>", want[2].XML}
	for i, c := range children {
		if place := doc[c.Start:c.End]; place != places[i] {
			t.Errorf("child %d stands at %q", i, place)
		}
		c.Start, c.End = 0, 0
		if c != want[i] {
			t.Errorf("child %d is %+v", i, c)
		}
	}
	if _, children, err := xsd.Children([]byte("<a/>"), xsd.Limits{}); err != nil || len(children) != 0 {
		t.Error(children, err)
	}
	for _, bad := range []string{"", "<a>", "<a>x</a>", "<a><b></a>", "<a/><b/>", "<!DOCTYPE a><a/>", "<a><b xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='c'/></a>", "<a><?b?></a>", "<a></b>", "<a><b/>", "<a\xff/>"} {
		if _, _, err := xsd.Children([]byte(bad), xsd.Limits{}); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
