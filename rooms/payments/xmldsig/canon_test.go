package xmldsig

import (
	"bytes"
	"testing"
)

// nasty are documents at the edges of exclusive canonicalisation.
var nasty = map[string]string{
	"plain":                  `<a>text</a>`,
	"empty element":          `<a/>`,
	"empty with space":       "<a  \n/>",
	"end tag with space":     "<a>x</a \t\n>",
	"attribute order":        `<a c="3" b="2" a="1"/>`,
	"attribute order by uri": `<e xmlns:b="urn:a" xmlns:a="urn:b" a:x="1" b:x="2" x="3" a:a="4"/>`,
	"attribute spacing":      "<a  x = \"1\"\ty\n=\n'2'\n></a>",
	"single quotes":          `<a x='say "hi"' y="it's"/>`,
	"value escapes":          `<a x="&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13;&#x20;>"/>`,
	"value white space":      "<a x=\"1\t2\n3\r4\r\n5\"/>",
	"text escapes":           `<a>&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13;&#x20;></a>`,
	"text line ends":         "<a>1\r2\r\n3\n4\r\r\n5</a>",
	"reference then line":    "<a>&#13;\n&#xD;&#xA;\r\n</a>",
	"cdata":                  "<a>x<![CDATA[<&>\r\n]] ]>\r \"']]>y</a>",
	"cdata empty":            `<a><![CDATA[]]></a>`,
	"cdata next to cdata":    `<a><![CDATA[]]]]><![CDATA[>]]></a>`,
	"comments":               "<!-- a --><a>pay<!-- b\r\nc -->ee<!----></a><!--d-->",
	"comment in empty":       `<a><!-- x --></a>`,
	"white space kept":       "<a>\n  <b/>\n\t<c> </c>\n</a>\n",
	"default namespace":      `<a xmlns="urn:x"><b/><c xmlns="urn:y"><d/></c><e xmlns=""><f/></e></a>`,
	"default undeclared":     `<p:a xmlns:p="urn:p" xmlns="urn:x"><b xmlns=""><c/></b><d/></p:a>`,
	"undeclared at root":     `<a xmlns=""><b xmlns=""/></a>`,
	"undeclared unused":      `<a xmlns="urn:x"><p:b xmlns:p="urn:p" xmlns=""><c/></p:b></a>`,
	"undeclared twice":       `<a xmlns="urn:x"><b xmlns=""><p:c xmlns:p="urn:p"><d xmlns=""/></p:c></b></a>`,
	"unused declarations":    `<a xmlns:x="urn:x" xmlns:y="urn:y"><x:b/><x:b y:z="1"/></a>`,
	"prefix redeclared":      `<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"/></p:b><p:d/></p:a>`,
	"same redeclared":        `<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:1"><p:c/></p:b></p:a>`,
	"declared below use":     `<a><p:b xmlns:p="urn:1"/><p:b xmlns:p="urn:1"/></a>`,
	"attr prefix only":       `<a xmlns:p="urn:1"><b p:x="1"><c p:x="2"/></b></a>`,
	"attr has no default":    `<a xmlns="urn:1" xmlns:p="urn:1" p:x="1" x="2"/>`,
	"two prefixes one name":  `<a xmlns:p="urn:1" xmlns:q="urn:1"><p:b/><q:b p:x="1"/></a>`,
	"declarations sorted":    `<z:a xmlns:z="urn:z" xmlns:b="urn:b" xmlns="urn:d" b:q="1" xmlns:a="urn:a" a:r="2"><c/></z:a>`,
	"namespace by reference": `<a xmlns="urn:'2'" xmlns:p="urn:&#x78;" p:q="1"/>`,
	"xml prefix":             `<a xml:lang="ur" xml:space="preserve"><b xml:lang="en"/></a>`,
	"xml declared":           `<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="ur"/>`,
	"urdu":                   `<نام قسم="پہلا">جناب</نام>`,
	"prefix beyond ascii":    `<ن:a xmlns:ن="urn:n" ن:é="1"/>`,
	"astral":                 "<a x=\"\U0001F600\">\U0001F600&#x1F600;</a>",
	"noncharacters allowed":  "<a>\u0085\u2028\uFDD0\U0001FFFE</a>",
	"c1 controls":            "<a x=\"\u007f\u0080\u009f\">\u007f\u0080\u009f</a>",
	"nel is no line end":     "<a>1\u00852\u20283</a>",
	"ef bytes":               "<a x=\"\uF000\">\uFEFF\uFFFD</a>",
	"declaration":            "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<a/>",
	"declaration short":      "<?xml version=\"1.0\"?><a/>",
	"byte order mark":        "\uFEFF<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\uFEFF</a>",
	"bracket bracket":        `<a>]] ]&gt; ]]&gt;</a>`,
	"dashes":                 `<a-b.c_d>--</a-b.c_d>`,
	"deep":                   `<a><b><c><d><e><f><g><h><i><j>x</j></i></h></g></f></e></d></c></b></a>`,
	"many attributes":        `<a z="1" y="2" x="3" w="4" v="5" u="6" t="7" s="8" r="9" q="10" p="11" o="12" n="13"/>`,
	"attr order by bytes":    `<a é="1" z="2" Z="3" _="4" a.b="5" a-b="6" a="7" aa="8"/>`,
	"uri order by bytes":     `<a xmlns:p="urn:zz" xmlns:q="urn:z" xmlns:r="urn:Z" r:a="1" q:a="2" p:a="3"/>`,
	"leading zeros":          `<a>&#0000065;&#x00042;</a>`,
	"carriage in cdata":      "<a><![CDATA[\r]]>\n</a>",
	"unprefixed in prefixed": `<p:a xmlns:p="urn:p"><b><p:c/></b></p:a>`,
}

func TestCanonicalFormIsThatOfXmllint(t *testing.T) {
	var names []string
	var docs [][]byte
	for name, doc := range nasty {
		names, docs = append(names, name), append(docs, []byte(doc))
	}
	for i, v := range xmllint(t, docs) {
		if v.complaint != "" || v.canonical == nil {
			t.Errorf("%s: xmllint will not read it: %s", names[i], v.complaint)
			continue
		}
		got, err := canonicalize(nil, docs[i], nil, true)
		if err != nil {
			t.Errorf("%s: %v", names[i], err)
			continue
		}
		if !bytes.Equal(got, v.canonical) {
			t.Errorf("%s:\nwe say      %q\nxmllint has %q", names[i], got, v.canonical)
		}
		bare, err := Canonicalize(nil, docs[i])
		if err != nil || !bytes.Equal(bare, withoutComments(v.canonical)) {
			t.Errorf("%s without comments:\nwe say      %q (%v)\nxmllint has %q", names[i], bare, err, withoutComments(v.canonical))
		}
	}
}

// refused are documents that no reader may accept, or that this one does not;
// the value says which words the refusal must have.
var refused = map[string]struct{ doc, why string }{
	"empty":                   {``, "no element"},
	"text only":               {`hello`, "text outside of the root"},
	"two roots":               {`<a/><b/>`, "something follows the root"},
	"unclosed":                {`<a><b></b>`, "ends within <a>"},
	"mismatched":              {`<a><b></a></b>`, "does not match <b>"},
	"end tag longer":          {`<a></ab>`, "does not match"},
	"end tag shorter":         {`<ab></a>`, "does not match"},
	"end tag with attribute":  {`<a></a x="1">`, "end tag of <a>"},
	"doubled attribute":       {`<a x="1" x="2"/>`, "stands twice"},
	"doubled by namespace":    {`<a xmlns:p="urn:1" xmlns:q="urn:1" p:x="1" q:x="2"/>`, "stands twice"},
	"doubled declaration":     {`<a xmlns:p="urn:1" xmlns:p="urn:2"/>`, "declared twice"},
	"doubled default":         {`<a xmlns="urn:1" xmlns="urn:2"/>`, "declared twice"},
	"undeclared prefix":       {`<p:a/>`, "not declared"},
	"undeclared attr prefix":  {`<a p:x="1"/>`, "not declared"},
	"prefix undeclared again": {`<p:a xmlns:p="urn:1"><b xmlns:p=""/></p:a>`, "undeclared, which XML 1.0"},
	"xmlns declared":          {`<a xmlns:xmlns="urn:1"/>`, "may not be declared"},
	"xmlns namespace":         {`<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, "may not be declared"},
	"xml prefix changed":      {`<a xmlns:xml="urn:1"/>`, "belong together"},
	"xml namespace taken":     {`<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, "belong together"},
	"xml namespace default":   {`<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, "belong together"},
	"relative namespace":      {`<a xmlns="here/there"/>`, "not an absolute URI"},
	"two colons":              {`<a:b:c xmlns:a="urn:1"/>`, "two colons"},
	"colon first":             {`<:a/>`, "name is expected"},
	"colon last":              {`<a:  xmlns:a="urn:1"/>`, "name is expected"},
	"digit first":             {`<1a/>`, "name is expected"},
	"local digit first":       {`<p:1 xmlns:p="urn:1"/>`, "name is expected"},
	"bad wide name":           {"<a\u00D7b/>", "cannot stand in a name"},
	"no quotes":               {`<a x=1/>`, "not in quotes"},
	"no value":                {`<a x/>`, "has no value"},
	"less than in value":      {`<a x="<"/>`, `"<" in the value`},
	"no space between":        {`<a x="1"y="2"/>`, "not well-formed"},
	"ampersand":               {`<a>a & b</a>`, "neither a character reference"},
	"unknown entity":          {`<a>&nbsp;</a>`, "other entities are refused"},
	"entity in value":         {`<a x="&e;"/>`, "other entities are refused"},
	"zero reference":          {`<a>&#0;</a>`, "not a character of XML"},
	"surrogate reference":     {`<a>&#xD800;</a>`, "not a character of XML"},
	"fffe reference":          {`<a>&#xFFFE;</a>`, "not a character of XML"},
	"huge reference":          {`<a>&#x11000000000000041;</a>`, "character"},
	"huge decimal reference":  {`<a>&#18446744073709551681;</a>`, "character"},
	"empty reference":         {`<a>&#;</a>`, "not well-formed"},
	"empty hex reference":     {`<a>&#x;</a>`, "not well-formed"},
	"capital hex reference":   {`<a>&#X41;</a>`, "not well-formed"},
	"reference over quote":    {`<a x="&am"p;"/>`, "neither a character reference"},
	"control":                 {"<a>\x01</a>", "control character U+0001"},
	"control in value":        {"<a x=\"\x0b\"/>", "control character U+000B"},
	"control in comment":      {"<a><!--\x02--></a>", "control character"},
	"control in cdata":        {"<a><![CDATA[\x03]]></a>", "control character"},
	"zero byte":               {"<a>\x00</a>", "control character U+0000"},
	"fffe":                    {"<a>\uFFFE</a>", "U+FFFE"},
	"ffff in value":           {"<a x=\"\uFFFF\"/>", "U+FFFE or U+FFFF"},
	"ffff in comment":         {"<a><!--\uFFFF--></a>", "U+FFFE or U+FFFF"},
	"not utf-8":               {"<a>\xff</a>", "byte 3: not UTF-8"},
	"overlong":                {"<a>\xc0\xbc</a>", "not UTF-8"},
	"surrogate bytes":         {"<a>\xed\xa0\x80</a>", "not UTF-8"},
	"utf-16":                  {"\xff\xfe<\x00a\x00/\x00>\x00", "UTF-16"},
	"utf-16 big":              {"\xfe\xff\x00<\x00a\x00/\x00>", "UTF-16"},
	"latin declared":          {`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "only UTF-8"},
	"utf-16 declared":         {`<?xml version="1.0" encoding="UTF-16"?><a/>`, "only UTF-8"},
	"version 1.1":             {`<?xml version="1.1"?><a/>`, "only 1.0"},
	"declaration late":        {` <?xml version="1.0"?><a/>`, "processing instruction"},
	"declaration no version":  {`<?xml encoding="UTF-8"?><a/>`, "version"},
	"declaration empty":       {`<?xml ?><a/>`, "no version"},
	"declaration order":       {`<?xml version="1.0" standalone="yes" encoding="UTF-8"?><a/>`, "not well-formed"},
	"declaration doubled":     {`<?xml version="1.0" version="1.0"?><a/>`, "not well-formed"},
	"declaration glued":       {`<?xml version="1.0"encoding="UTF-8"?><a/>`, "not well-formed"},
	"declaration standalone":  {`<?xml version="1.0" standalone="maybe"?><a/>`, "neither yes nor no"},
	"declaration open":        {`<?xml version="1.0"><a/>`, "does not end"},
	"instruction":             {`<a><?php echo?></a>`, "processing instruction"},
	"instruction before":      {`<?xml-stylesheet href="x"?><a/>`, "processing instruction"},
	"instruction after":       {`<a/><?x y?>`, "processing instruction"},
	"doctype":                 {`<!DOCTYPE a><a/>`, "document type"},
	"doctype with entity":     {`<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`, "document type"},
	"doctype with default":    {`<!DOCTYPE a [<!ATTLIST a x CDATA "1">]><a/>`, "document type"},
	"doctype inside":          {`<a><!DOCTYPE a></a>`, "document type"},
	"cdata outside":           {`<![CDATA[x]]><a/>`, "neither a comment nor a CDATA"},
	"cdata open":              {`<a><![CDATA[x</a>`, "does not end"},
	"cdata end in text":       {`<a>]]></a>`, `"]]>" in text`},
	"comment open":            {`<a><!-- x </a>`, "does not end"},
	"comment dashes":          {`<a><!-- x -- y --></a>`, `"--" within a comment`},
	"comment three dashes":    {`<a><!-- x ---></a>`, `"--" within a comment`},
	"second mark":             {"\uFEFF\uFEFF<a/>", "text outside"},
	"slash in tag":            {`<a / >`, `"/" in a tag`},
	"cut in tag":              {`<a x="1"`, "ends within a tag"},
	"cut in value":            {`<a x="1`, "ends within attribute"},
	"cut at name":             {`<`, "name is expected"},
}

func TestWhatIsNotWellFormedIsRefused(t *testing.T) {
	var docs [][]byte
	var names []string
	for name, c := range refused {
		out, err := Canonicalize(nil, []byte(c.doc))
		if err == nil {
			t.Errorf("%s: accepted as %q", name, out)
			continue
		}
		if !bytes.Contains([]byte(err.Error()), []byte(c.why)) {
			t.Errorf("%s: refused for another reason than %q: %v", name, c.why, err)
		}
		docs, names = append(docs, []byte(c.doc)), append(names, name)
	}
	// what we refuse out of caution although it is XML
	ours := map[string]bool{
		"doctype": true, "doctype with default": true, "doctype with entity": true, "instruction": true, "instruction before": true,
		"instruction after": true, "utf-16": true, "utf-16 big": true, "latin declared": true, "version 1.1": true, "utf-16 declared": true,
	}
	for i, v := range xmllint(t, docs) {
		if v.canonical != nil && v.complaint == "" && !ours[names[i]] {
			t.Errorf("%s: xmllint reads it", names[i])
		}
	}
}

// libxml2 writes the ampersand of a namespace name as it is, which is no XML;
// Canonical XML 1.0 (2.3) treats namespace nodes like attributes, and so do we.
func TestNamespaceNamesAreEscaped(t *testing.T) {
	got, err := Canonicalize(nil, []byte(`<a xmlns='http://x.example/?a=1&#38;b=2'/>`))
	if want := `<a xmlns="http://x.example/?a=1&amp;b=2"></a>`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	again, err := Canonicalize(nil, got)
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("read again: %s, %v", again, err)
	}
}

func TestPrefixListIsHandledAsInInclusiveForm(t *testing.T) {
	doc := []byte(`<a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><q:b xmlns:p="urn:p2"><c xmlns=""/></q:b></a>`)
	for _, c := range []struct {
		list []string
		want string
	}{
		{nil, `<a xmlns="urn:d"><q:b xmlns:q="urn:q"><c xmlns=""></c></q:b></a>`},
		{[]string{"p"}, `<a xmlns="urn:d" xmlns:p="urn:p"><q:b xmlns:p="urn:p2" xmlns:q="urn:q"><c xmlns=""></c></q:b></a>`},
		{[]string{"q", "none"}, `<a xmlns="urn:d" xmlns:q="urn:q"><q:b><c xmlns=""></c></q:b></a>`},
		{[]string{"#default"}, `<a xmlns="urn:d"><q:b xmlns:q="urn:q"><c xmlns=""></c></q:b></a>`},
	} {
		got, err := Canonicalize(nil, doc, c.list...)
		if err != nil || string(got) != c.want {
			t.Errorf("%q: %s, %v; want %s", c.list, got, err, c.want)
		}
	}
}
