package iso20022_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"sarai/rooms/payments/iso20022/xsd"
)

// treeMutations damage a document where its structure is known.
var treeMutations = map[string]func(rng *rand.Rand, root, e, parent *elem, at int, schema *xsd.Root){
	"drop": func(_ *rand.Rand, _, _, parent *elem, at int, _ *xsd.Root) {
		parent.children = append(parent.children[:at:at], parent.children[at+1:]...)
	},
	"duplicate": func(rng *rand.Rand, _, e, parent *elem, at int, _ *xsd.Root) {
		for range 1 + rng.IntN(2)*rng.IntN(9) {
			parent.children = append(parent.children[:at:at], append([]*elem{e.clone()}, parent.children[at:]...)...)
		}
	},
	"swap": func(rng *rand.Rand, _, _, parent *elem, at int, _ *xsd.Root) {
		other := rng.IntN(len(parent.children))
		parent.children = append([]*elem(nil), parent.children...)
		parent.children[at], parent.children[other] = parent.children[other], parent.children[at]
	},
	"rename": func(rng *rand.Rand, root, e, _ *elem, _ int, _ *xsd.Root) {
		all := root.all()
		e.name = pick(rng, all[rng.IntN(len(all))].name, e.name+"x", strings.ToLower(e.name), "Ünï", "_a-b.c", "x:"+e.name)
	},
	"move": func(rng *rand.Rand, root, e, parent *elem, at int, _ *xsd.Root) {
		parent.children = append(parent.children[:at:at], parent.children[at+1:]...)
		to := root.all()
		into := to[rng.IntN(len(to))]
		into.children = append(into.children, e.clone())
	},
	"empty": func(_ *rand.Rand, _, e, _ *elem, _ int, _ *xsd.Root) { e.children, e.text = nil, "" },
	"value": func(rng *rand.Rand, root, _, _ *elem, _ int, _ *xsd.Root) {
		byBase := map[xsd.Base][]*elem{} // each type the same chance: most values are texts
		for _, v := range root.values() {
			byBase[v.typ.Base] = append(byBase[v.typ.Base], v)
		}
		if len(byBase) > 0 {
			bases := slices.Sorted(maps.Keys(byBase))
			v := byBase[bases[rng.IntN(len(bases))]]
			e := v[rng.IntN(len(v))]
			e.text = badValue(rng, e)
		}
	},
	"space in value": func(rng *rand.Rand, root, _, _ *elem, _ int, _ *xsd.Root) {
		if v := root.values(); len(v) > 0 {
			e := v[rng.IntN(len(v))]
			space := pick(rng, " ", "\n\t", "\r\n", "&#32;", "&#xD;", "\u00a0", "<!-- c -->", "<![CDATA[ ]]>", "<![CDATA[]]>")
			if rng.IntN(2) == 0 {
				e.text = space + e.text
			} else {
				e.text += space
			}
		}
	},
	"attribute": func(rng *rand.Rand, root, e, _ *elem, _ int, _ *xsd.Root) {
		if rng.IntN(2) == 0 {
			for _, v := range root.values() {
				if len(v.attrs) > 0 {
					e = v
				}
			}
		}
		xsi := [2]string{"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"}
		switch rng.IntN(13) {
		case 0:
			e.attrs = nil
		case 1:
			e.attrs = append(e.attrs, [2]string{"Ccy", pick(rng, "PKR", "pkr", "", "PK", "PKRS", " PKR", "P&#75;R", "PKR&#10;", "1&lt;2")})
		case 2:
			e.attrs = append(e.attrs, [2]string{pick(rng, "Id", "ccy", "xml:lang", "xml:space", "x:y", "a", "Ä"), "en"})
		case 3:
			e.attrs = append(e.attrs, xsi, [2]string{"xsi:schemaLocation", pick(rng, "urn:a b.xsd", "urn:a", "")})
		case 4:
			e.attrs = append(e.attrs, xsi, [2]string{"xsi:" + pick(rng, "nil", "type", "noNamespaceSchemaLocation", "foo"), pick(rng, "true", "Max35Text", "x.xsd")})
		case 5:
			for i := range e.attrs {
				if e.attrs[i][0] == "Ccy" {
					e.attrs[i][1] = pick(rng, "pkr", "", "PK", "PKRS", " PKR", "P&#75;R", "PKR&#10;", "A<B", "A&B", "A\"B", "USD")
				}
			}
		case 6:
			e.attrs = append(e.attrs, e.attrs...)
		case 7:
			for i := range e.attrs {
				if e.attrs[i][0] == "Ccy" {
					e.attrs[i][0] = pick(rng, "ccy", "Currency", "xml:Ccy")
				}
			}
		case 8:
			e.attrs = append(e.attrs, [2]string{"xmlns:q", "urn:q"}, [2]string{"q:Ccy", "PKR"})
		case 9:
			e.attrs = append(e.attrs, [2]string{"xmlns:q", "urn:q"}, [2]string{"xmlns:r", "urn:q"}, [2]string{"q:a", "1"}, [2]string{"r:a", "1"})
		case 10:
			e.attrs = append(e.attrs, xsi, [2]string{"xsi:schemaLocation", "a b"}, [2]string{"xsi:schemaLocation", "a b"})
		case 11:
			e.attrs = append(e.attrs, [2]string{"xmlns:y", pick(rng, "http://www.w3.org/2001/XMLSchema-instance", "urn:y")}, [2]string{"y:schemaLocation", "a b"})
		case 12:
			e.attrs = append([][2]string{{"a=\"1\"b", "2"}}, e.attrs...)
		}
	},
	"namespace": func(rng *rand.Rand, root, e, _ *elem, _ int, schema *xsd.Root) {
		switch rng.IntN(9) {
		case 0: // everything by prefix
			for _, x := range root.all() {
				if !strings.Contains(x.name, ":") {
					x.name = "p:" + x.name
				}
			}
			root.attrs = [][2]string{{"xmlns:p", schema.Namespace}}
		case 1: // one element by prefix, rightly
			e.name = "p:" + e.name
			e.attrs = append(e.attrs, [2]string{"xmlns:p", schema.Namespace})
		case 2:
			e.attrs = append(e.attrs, [2]string{"xmlns", pick(rng, "", "urn:other", schema.Namespace, schema.Namespace+"x")})
		case 3:
			e.attrs = append(e.attrs, [2]string{"xmlns:p", pick(rng, "", "urn:other", "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/")})
		case 4:
			e.name = "p:" + e.name
		case 5:
			root.attrs = [][2]string{{"xmlns", strings.Replace(schema.Namespace, "001", "002", 1)}}
		case 6:
			e.attrs = append(e.attrs, [2]string{pick(rng, "xmlns:xml", "xmlns:xmlns"), "http://www.w3.org/XML/1998/namespace"})
		case 7:
			e.name = pick(rng, ":"+e.name, e.name+":", "a:b:"+e.name, "xmlns:"+e.name, "xml:"+e.name)
		case 8:
			e.attrs = append(e.attrs, [2]string{"xmlns:p", "urn:other"}, [2]string{"p:x", "1"})
		}
	},
	"text between": func(rng *rand.Rand, _, e, parent *elem, at int, _ *xsd.Root) {
		x := &elem{name: "", text: "", raw: true}
		x.text = pick(rng, " ", "\n\t ", "\r", "x", "&#32;", "&#x9;", "&#120;", "<!-- comment -->", "<!-- a -- b -->", "<!---->", "<!--->", "<![CDATA[ ]]>", "<![CDATA[]]>", "<![CDATA[x]]>", "\u00a0", "\ufeff", "&amp;", "<?pi x?>", "]]>", "\x0b")
		parent.children = append(parent.children[:at:at], append([]*elem{x}, parent.children[at:]...)...)
		_ = e
	},
	"wildcard": func(rng *rand.Rand, root, _, _ *elem, _ int, schema *xsd.Root) {
		for _, x := range root.all() {
			if x.name != "x:Any" {
				continue
			}
			switch rng.IntN(8) {
			case 0:
				x.text, x.raw = `<Document xmlns="`+schema.Namespace+`"/>`, true
			case 1:
				x.name = "Any"
			case 2:
				x.name, x.attrs = "Document", [][2]string{{"xmlns", schema.Namespace}}
			case 3:
				x.text = "<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:" + pick(rng, "nil='true'", "type='x'", "schemaLocation='a'", "foo='1'") + "/>"
			case 4:
				x.attrs[0][1] = pick(rng, "http://www.w3.org/2000/09/xmldsig#", "urn:z", schema.Namespace)
			case 5:
				x.text = pick(rng, "<a:b/>", "<a b:c='1'/>", "&foo;", "<a></b>", "<![CDATA[<a>]]>", "<a a='1' a='2'/>", "a]]>b", "<a/>&#xFFFE;")
			case 6:
				n := 236 + rng.IntN(24)
				x.text = strings.Repeat("<a>", n) + strings.Repeat("</a>", n)
			case 7:
				doc := document(rng, schema)
				x.text = "<wrap>" + doc.String() + "</wrap>"
			}
			return
		}
	},
}

func pick(rng *rand.Rand, s ...string) string { return s[rng.IntN(len(s))] }

func (e *elem) clone() *elem {
	c := *e
	c.attrs = append([][2]string(nil), e.attrs...)
	c.children = nil
	for _, x := range e.children {
		c.children = append(c.children, x.clone())
	}
	return &c
}

// values gives the elements that hold a checked value.
func (e *elem) values() (out []*elem) {
	for _, x := range e.all() {
		if x.typ != nil {
			out = append(out, x)
		}
	}
	return out
}

// badValue makes a value that is near the edge of its type, inside or outside.
func badValue(rng *rand.Rand, e *elem) string {
	t := e.typ
	if rng.IntN(4) == 0 { // one character more, less or other
		r := []rune(e.text)
		if len(r) > 0 {
			at := rng.IntN(len(r))
			switch rng.IntN(3) {
			case 0:
				return string(r[:at]) + string(r[at+1:])
			case 1:
				return string(r[:at]) + pick(rng, "0", "A", "a", "-", " ", "é", ".", "\n") + string(r[at:])
			}
			return string(r[:at]) + pick(rng, "0", "A", "a", "-", " ", "é", ".", "\n") + string(r[at+1:])
		}
	}
	switch t.Base {
	case xsd.DecimalBase:
		digits := func(n int) string { return "123456789012345678901234567890"[:max(n, 0)] }
		return pick(rng, "", "-1", "-0", "-0.00", "1e3", digits(t.Total), digits(t.Total+1), digits(t.Total)+".0", "0"+digits(t.Total), "000000000000000000000000000"+digits(t.Total), "0."+digits(t.Fraction), "0."+digits(t.Fraction+1),
			"0."+digits(t.Fraction)+"0", digits(t.Total-t.Fraction)+"."+digits(t.Fraction), digits(t.Total-t.Fraction+1)+"."+digits(t.Fraction), "1."+digits(t.Fraction)+"00", "0."+strings.Repeat("0", max(t.Fraction-1, 0))+"1", "0."+strings.Repeat("0", max(t.Fraction, 0))+"1",
			"1,5", "１", "--1", "+-1", "NaN", "INF", ".", "5.", ".5", "+5", "1 2", "+", "-", "١", "0x1", "1_0", "1.2.3")
	case xsd.BooleanBase:
		return pick(rng, "", "TRUE", "yes", "2", "01", " 1 ", "true false")
	case xsd.DateBase, xsd.DateTimeBase, xsd.TimeBase, xsd.GYearBase, xsd.GYearMonthBase:
		return badTime(rng, t.Base)
	case xsd.Base64Base:
		return pick(rng, "", "A", "AA", "AAA", "AAAA", "AAA=", "AAB=", "AA==", "AB==", "A===", "=AAA", "AAAA=", "AAAAAA==", "AA AA", "AA*A", strings.Repeat("AAAA", 5000))
	}
	if t.Pattern != nil || t.Enum != nil {
		return pick(rng, "", strings.ToLower(e.text), strings.ToUpper(e.text), e.text+e.text, " "+e.text, e.text+"\n", e.text+"0", "0", "A", "AAAA", "Ä", strings.Repeat("A", 35), "&#65;"+e.text, "<![CDATA["+e.text+"]]>")
	}
	n := max(t.MaxLen, 1)
	if n > 400 {
		n = 3
	}
	long := func(s string, n int) string { return strings.Repeat(s, n) }
	return pick(rng, "", " ", long("x", n), long("x", n+1), long("é", n), long("é", n+1), long("🙂", n), long("🙂", n+1), long("&amp;", n), long("&#233;", n+1), long(" ", n+1), "\r\n", long("\r\n", n), long("\r\n", n+1),
		long("\r\r", n), "<![CDATA["+long("x", n)+"]]>", "<![CDATA["+long("x", n+1)+"]]>", "<![CDATA[<&]]>", "a<!-- -->b", "a]]>b", "&bogus;", "&#0;", "&#xD800;", "&#x110000;", "&#1;", "a\x01b", "a\ufffeb", "&#xfffe;", "&", "& ", "&;", "&#;", "&#x;", "&#65", "<", "a<b", ">", "<![CDATA[", "]]&gt;", "&lt;b&gt;", "&AMP;", "&#X41;")
}

// badTime makes a date or time with at most one odd part.
func badTime(rng *rand.Rand, base xsd.Base) string {
	odd := rng.IntN(5)
	part := func(n int, fine, strange []string) string {
		if odd == n {
			return pick(rng, strange...)
		}
		return pick(rng, fine...)
	}
	year := part(0, []string{"2026", "2024", "1999"}, []string{"2000", "2100", "2400", "1900", "0000", "-0001", "-0004", "-2024", "0004", "20260", "020260", "202", "26", "+2026", "99999999999", ""})
	month := part(1, []string{"01", "03", "12"}, []string{"02", "04", "06", "09", "11", "00", "13", "1", "010", "é"})
	day := part(2, []string{"01", "28", "21"}, []string{"29", "30", "31", "32", "00", "1", "029"})
	if odd == 0 && rng.IntN(2) == 0 {
		month, day = "02", "29"
	}
	if odd == 1 && rng.IntN(2) == 0 {
		day = pick(rng, "29", "30", "31")
	}
	clock := part(3, []string{"10:30:00", "23:59:59", "00:00:00.5"}, []string{"24:00:00", "24:00:00.000", "24:00:00.001", "24:00:01", "24:01:00", "25:00:00", "23:60:00", "23:59:60", "23:59:60.5", "23:59:59.999999", "1:00:00", "10:30", "10:30:00.", "10:30:0", "10:30:00,5", "103000", "-1:00:00"})
	zone := part(4, []string{"", "Z", "+05:00"}, []string{"-14:00", "+14:00", "+14:01", "-14:01", "+13:59", "+13:60", "+15:00", "+24:00", "+0500", "+05", "z", "+5:00", "-00:00", "05:00", "Z+05:00", "+05:00:00", "ZZ", " Z", "UTC"})
	switch base {
	case xsd.DateBase:
		return year + "-" + month + "-" + day + zone
	case xsd.DateTimeBase:
		return year + "-" + month + "-" + day + part(4, []string{"T"}, []string{"T", " ", "t", "", "TT"}) + clock + zone
	case xsd.TimeBase:
		return clock + zone
	case xsd.GYearBase:
		return year + zone
	}
	return year + "-" + month + zone
}

var firstTag = regexp.MustCompile(`<[^?!]`)

// textMutations damage the bytes.
var textMutations = map[string]func(rng *rand.Rand, doc string) string{
	"none": func(_ *rand.Rand, doc string) string { return doc },
	"doctype": func(rng *rand.Rand, doc string) string {
		name := pick(rng, "Document", "AppHdr")
		return before(doc, pick(rng, "<!DOCTYPE "+name+">", "<!DOCTYPE "+name+" [<!ENTITY e \"x\">]>", "<!DOCTYPE "+name+" SYSTEM \"file:///etc/passwd\">", "<!doctype "+name+">", "<!DOCTYPE>"))
	},
	"prolog": func(rng *rand.Rand, doc string) string {
		return pick(rng, "\ufeff", "\ufeff<?xml version='1.0'?>", "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "<?xml version='1.0' encoding='utf-8' standalone='yes'?>", "<?xml version='1.0' standalone='maybe'?>",
			"<?xml encoding='UTF-8'?>", "<?xml version='1.0' encoding='ISO-8859-1'?>", "<?xml version='1.0' encoding='UTF-16'?>", "<?xml version='1.0' encoding='US-ASCII'?>", "<?xml version='1.0' encoding='bogus'?>", "<?xml version='1.1'?>", "<?xml version='2.0'?>", "<?xml version='1.0'>",
			"<?xml version=1.0?>", " <?xml version='1.0'?>", "\n", " ", "<!-- x -->", "<!-- x -->\n<!-- y -->", "<?pi?>", "<?xml-stylesheet href='x'?>", "<?xml version='1.0'?><?xml version='1.0'?>", "x", "<?XML version='1.0'?>", "<?xml  version = '1.0' \n encoding = \"UTF-8\" ?>",
			"<?xml version='1.0'encoding='UTF-8'?>", "<?xml version='1.0' standalone='no' encoding='UTF-8'?>", "&#32;", "<![CDATA[]]>", "<?xml version='1.0' encoding=''?>", "<?xml version='1.a'?>", "<?xml version='1.'?>", "<?xml version=''?>", "<?xml?>", "<?xml version='1.0' foo='1'?>", "\xef\xbb", "\xfe\xff", "\xff\xfe", "\x00") + doc
	},
	"epilog": func(rng *rand.Rand, doc string) string {
		return doc + pick(rng, "\n", "<!-- x -->", "x", "<a/>", "<?pi x?>", "</Document>", "\x00", "&#32;", "<![CDATA[]]>", "<", "<!--", " \r\n ", doc)
	},
	"cut": func(rng *rand.Rand, doc string) string { return doc[:rng.IntN(len(doc)+1)] },
	"cut out": func(rng *rand.Rand, doc string) string {
		a := rng.IntN(len(doc))
		b := min(len(doc), a+1+rng.IntN(6))
		return doc[:a] + doc[b:]
	},
	"insert": func(rng *rand.Rand, doc string) string {
		at := rng.IntN(len(doc) + 1)
		return doc[:at] + pick(rng, "<", ">", "&", "\"", "'", "/", "=", " ", "\n", "\r", "\t", "x", "é", "\x00", "\x1f", "\x7f", "\u0085", "\u2028", "\ufffe", "\uffff", "\ufffd", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", ":", "]]>", "--", "<!--x-->", "&lt;", "&#10;", "<x/>", "<![CDATA[x]]>", "<?x?>", "\U0001F642", "&apos;") + doc[at:]
	},
	"octet": func(rng *rand.Rand, doc string) string {
		at := rng.IntN(len(doc))
		return doc[:at] + string([]byte{byte(rng.IntN(256))}) + doc[at+1:]
	},
	"tag style": func(rng *rand.Rand, doc string) string {
		tags := firstTag.FindAllStringIndex(doc, -1)
		if len(tags) == 0 {
			return doc
		}
		at := tags[rng.IntN(len(tags))][0]
		end := at + strings.IndexByte(doc[at:]+">", '>')
		switch rng.IntN(7) {
		case 0:
			return doc[:end] + pick(rng, " ", "\n", "\t\r\n", "/", " /") + doc[end:]
		case 1:
			return doc[:at+1] + pick(rng, " ", "\n", "/", "!", "?") + doc[at+1:]
		case 2:
			return doc[:at] + strings.ReplaceAll(doc[at:end], "\"", "'") + doc[end:]
		case 3:
			return doc[:at] + strings.ReplaceAll(doc[at:end], "=", pick(rng, " = ", "\n=", "==", "")) + doc[end:]
		case 4:
			return doc[:at] + strings.ReplaceAll(doc[at:end], "\"", "") + doc[end:]
		case 5:
			return doc[:at] + strings.Replace(doc[at:end], " ", pick(rng, "  ", "\n", ""), 1) + doc[end:]
		}
		return doc[:at] + strings.ToUpper(doc[at:end]) + doc[end:]
	},
	"encoding": func(rng *rand.Rand, doc string) string {
		switch rng.IntN(3) {
		case 0:
			var b strings.Builder
			b.WriteString("\xff\xfe")
			for _, c := range doc {
				b.Write([]byte{byte(c), byte(c >> 8)})
			}
			return b.String()
		case 1:
			var b strings.Builder
			b.WriteString("<?xml version='1.0' encoding='ISO-8859-1'?>")
			for _, c := range doc {
				if c < 256 {
					b.WriteByte(byte(c))
				}
			}
			return b.String()
		}
		return strings.ReplaceAll(doc, "é", "\xe9")
	},
	"line ends": func(rng *rand.Rand, doc string) string {
		return strings.ReplaceAll(doc, "><", ">"+pick(rng, "\n", "\r\n", "\r", "\t")+"<")
	},
	"char refs": func(_ *rand.Rand, doc string) string { return strings.Replace(doc, "e", "&#101;", 2) },
	"depth": func(rng *rand.Rand, doc string) string {
		n := 200 + rng.IntN(120)
		return before(doc, strings.Repeat("<a>", n)) + strings.Repeat("</a>", n)
	},
	"end tag": func(rng *rand.Rand, doc string) string {
		return someOf(rng, doc, "</", func(rest string) string {
			end := strings.IndexByte(rest+">", '>')
			return rest[:end] + pick(rng, " ", "\n\t", " a='1'", "/", "x", "\u00a0") + rest[end:]
		})
	},
	"split value": func(rng *rand.Rand, doc string) string {
		return someOf(rng, doc, ">", func(rest string) string {
			end := strings.IndexByte(rest[1:]+"<", '<')
			if end < 2 {
				return rest
			}
			at := 1 + rng.IntN(end)
			return rest[:at] + pick(rng, "<!-- c -->", "<!--c--><!----->", "<![CDATA[]]>", "<?p?>", "<!---->", "<![CDATA["+rest[at:end+1]+"]]><!--"+rest[at:end+1]+"-->", "<Nm/>", "<!ELEMENT a>") + rest[at:]
		})
	},
	"letter as reference": func(rng *rand.Rand, doc string) string {
		return someOf(rng, doc, ">", func(rest string) string {
			if len(rest) < 3 || rest[1] == '<' || rest[1] >= 0x80 || rest[1] == '&' {
				return rest
			}
			return ">" + fmt.Sprintf(pick(rng, "&#%d;", "&#x%x;", "&#x%X;", "&#000%d;", "&#x00%x;", "&#%d ;", "&#X%x;", "&# %d;", "&#-%d;", "&#+%d;", "&#1_%d;", "&#%d"), rest[1]) + rest[2:]
		})
	},
	"quotes": func(rng *rand.Rand, doc string) string {
		return someOf(rng, doc, "=\"", func(rest string) string {
			end := 2 + strings.IndexByte(rest[2:]+"\"", '"')
			if end >= len(rest) {
				return rest
			}
			return pick(rng, "='"+rest[2:end]+"'", "=\""+rest[2:end]+"'", "=\" "+rest[2:end]+"\"", "=\""+rest[2:end]+"\n\"", " =\t\""+rest[2:end]+"\"", "=\"&#32;"+rest[2:end]+"\"", "="+rest[2:end], "=\""+rest[2:end]+"\"\"") + rest[end+1:]
		})
	},
}

// someOf changes the document from one place where mark stands.
func someOf(rng *rand.Rand, doc, mark string, change func(rest string) string) string {
	n := strings.Count(doc, mark)
	if n == 0 {
		return doc
	}
	at := -1
	for range 1 + rng.IntN(n) {
		at += 1 + strings.Index(doc[at+1:], mark)
	}
	return doc[:at] + change(doc[at:])
}

// before puts text before the document element.
func before(doc, text string) string {
	if at := firstTag.FindStringIndex(doc); at != nil {
		return doc[:at[0]] + text + doc[at[0]:]
	}
	return text + doc
}

// mutate gives a document with one to three damages and their names.
func mutate(rng *rand.Rand, schema *xsd.Root, golden string) (doc, what string) {
	tree, text := keys(treeMutations), keys(textMutations)
	tree = append(tree, "value", "value", "value", "value", "attribute", "wildcard", "text between") // these have many kinds
	var names []string
	n := 1
	if rng.IntN(6) == 0 {
		n += 1 + rng.IntN(2)
	}
	doc = golden
	if golden == "" || rng.IntN(3) > 0 {
		root := document(rng, schema)
		for range n {
			if rng.IntN(3) == 0 {
				continue
			}
			name := tree[rng.IntN(len(tree))]
			var parents []*elem
			for _, x := range root.all() {
				if len(x.children) > 0 {
					parents = append(parents, x)
				}
			}
			if len(parents) == 0 {
				break
			}
			parent := parents[rng.IntN(len(parents))]
			at := rng.IntN(len(parent.children))
			treeMutations[name](rng, root, parent.children[at], parent, at, schema)
			names = append(names, name)
		}
		doc = root.String()
	}
	for range n - len(names) {
		name := text[rng.IntN(len(text))]
		if doc == "" {
			break
		}
		doc = textMutations[name](rng, doc)
		names = append(names, name)
	}
	return doc, strings.Join(names, " + ")
}
