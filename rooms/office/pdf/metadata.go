package pdf

import (
	"crypto/md5" //nolint:gosec // ISO 32000-1 table 46 wants MD5 here; nothing trusts it
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const producer = "Sarai"

// attachment is a file that travels inside the document.
type attachment struct {
	name, mediaType, description, relation string
	data                                   []byte
	modified                               time.Time
}

// Attach puts a file into the document. relation says what it is to it
// (ISO 19005-3 annex E): "Source", "Data", "Alternative", "Supplement".
func (d *Document) Attach(name, mediaType, description, relation string, data []byte) {
	d.attachments = append(d.attachments, attachment{name, mediaType, description, relation, data, d.info.Created})
}

func (d *Document) writeAttachments() (names, files string) {
	var n, f []string
	for _, a := range d.attachments {
		//nolint:gosec // a checksum against accidents, as the standard has it
		sum := md5.Sum(a.data)
		sub := strings.NewReplacer("/", "#2F", "+", "#2B", " ", "#20", ";", "#3B").Replace(a.mediaType)
		s := d.file.stream(fmt.Sprintf("/Type /EmbeddedFile /Subtype /%s /Params << /Size %d /ModDate %s /CheckSum <%X> >>",
			sub, len(a.data), date(a.modified), sum[:]), a.data, true)
		spec := d.file.add(fmt.Sprintf("<< /Type /Filespec /F %s /UF %s /Desc %s /AFRelationship /%s /EF << /F %s /UF %s >> >>",
			text(a.name), text(a.name), text(a.description), a.relation, s, s))
		n = append(n, text(a.name)+" "+spec.String())
		f = append(f, spec.String())
	}
	return strings.Join(n, " "), strings.Join(f, " ")
}

// xmp writes the metadata as XMP (ISO 16684-1) with the identifications of
// PDF/A-3U and PDF/UA-1 and the extension schema the former wants for the latter.
func (i Info) xmp() []byte {
	esc := func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
		return b.String()
	}
	at := i.Created.UTC().Format("2006-01-02T15:04:05Z")
	return []byte("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">` + esc(i.Title) + `</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>` + esc(i.Author) + `</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">` + esc(i.Subject) + `</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>` + esc(i.Language) + `</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>` + esc(i.Creator) + `</xmp:CreatorTool><xmp:CreateDate>` + at + `</xmp:CreateDate><xmp:ModifyDate>` + at + `</xmp:ModifyDate>
<pdf:Producer>` + producer + `</pdf:Producer>
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>
<pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema><pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category><pdfaProperty:description>part of ISO 14289</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>`)
}

// srgbProfile is a matrix profile (ICC.1:2001-04, version 2.1) of the sRGB
// colour space of IEC 61966-2-1, primaries adapted to D50.
func srgbProfile() []byte {
	s15 := func(f float64) []byte {
		return binary.BigEndian.AppendUint32(nil, uint32(int32(math.Round(f*65536)))) //nolint:gosec // two's complement on purpose
	}
	xyz := func(x, y, z float64) []byte {
		return append(append(append([]byte("XYZ \x00\x00\x00\x00"), s15(x)...), s15(y)...), s15(z)...)
	}
	describe := func(s string) []byte {
		b := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(s)+1)) //nolint:gosec // a short name
		return append(append(b, s...), make([]byte, 1+4+4+2+1+67)...)
	}
	curve := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), 1024)
	for i := range 1024 {
		v := float64(i) / 1023
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		curve = binary.BigEndian.AppendUint16(curve, uint16(math.Round(v*65535)))
	}
	tags := []struct {
		sig  string
		data []byte
	}{
		{"cprt", append([]byte("text\x00\x00\x00\x00"), "No copyright, use freely\x00"...)},
		{"desc", describe("sRGB IEC61966-2.1")},
		{"wtpt", xyz(0.9642, 1, 0.8249)},
		{"rXYZ", xyz(0.43607, 0.22249, 0.01392)},
		{"gXYZ", xyz(0.38515, 0.71687, 0.09708)},
		{"bXYZ", xyz(0.14307, 0.06061, 0.7141)},
		{"rTRC", curve}, {"gTRC", curve}, {"bTRC", curve},
	}
	head := make([]byte, 128)
	copy(head[8:], "\x02\x10\x00\x00mntrRGB XYZ ")
	copy(head[24:], "\x07\xd1\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00acsp") // 1 January 2001
	copy(head[68:], xyz(0.9642, 1, 0.8249)[8:])
	dir := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	off := 128 + 4 + 12*len(tags)
	var body []byte
	shared := 0
	for _, t := range tags {
		at := off + len(body)
		if t.sig == "gTRC" || t.sig == "bTRC" {
			at = shared
		} else {
			body = append(body, t.data...)
			for len(body)%4 != 0 {
				body = append(body, 0)
			}
		}
		if t.sig == "rTRC" {
			shared = at
		}
		dir = append(dir, t.sig...)
		dir = binary.BigEndian.AppendUint32(dir, uint32(at))          //nolint:gosec // a few kilobytes
		dir = binary.BigEndian.AppendUint32(dir, uint32(len(t.data))) //nolint:gosec // a few kilobytes
	}
	out := slices.Concat(head, dir, body)
	binary.BigEndian.PutUint32(out, uint32(len(out))) //nolint:gosec // a few kilobytes
	return out
}
