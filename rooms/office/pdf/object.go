package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// ref is an indirect object's number.
type ref int

func (r ref) String() string { return strconv.Itoa(int(r)) + " 0 R" }

// file collects indirect objects and writes them with a classic
// cross-reference table (ISO 32000-1 section 7.5).
type file struct{ objects [][]byte }

// reserve takes a number for an object written later with set.
func (f *file) reserve() ref {
	f.objects = append(f.objects, nil)
	return ref(len(f.objects))
}

func (f *file) set(r ref, body string) { f.objects[r-1] = []byte(body) }

func (f *file) add(body string) ref {
	r := f.reserve()
	f.set(r, body)
	return r
}

// stream adds a stream; dict is the inside of its dictionary without Length.
func (f *file) stream(dict string, data []byte, compress bool) ref {
	r := f.reserve()
	f.setStream(r, dict, data, compress)
	return r
}

func (f *file) setStream(r ref, dict string, data []byte, compress bool) {
	if compress {
		var b bytes.Buffer
		w, _ := zlib.NewWriterLevel(&b, zlib.BestCompression)
		_, _ = w.Write(data) // a bytes.Buffer takes everything
		_ = w.Close()
		data, dict = b.Bytes(), dict+" /Filter /FlateDecode"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<< %s /Length %d >>\nstream\n", strings.TrimSpace(dict), len(data))
	b.Write(data)
	b.WriteString("\nendstream")
	f.objects[r-1] = b.Bytes()
}

// bytes writes the whole file. The file identifier is a digest of its content.
func (f *file) bytes(root, info ref) []byte {
	var b bytes.Buffer
	// the second line tells transports that the file is binary
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	offsets := make([]int, len(f.objects))
	for i, o := range f.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n", i+1)
		b.Write(o)
		b.WriteString("\nendobj\n")
	}
	id := sha256.Sum256(b.Bytes())
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %s /Info %s /ID [<%X> <%X>] >>\nstartxref\n%d\n%%%%EOF\n",
		len(offsets)+1, root, info, id[:16], id[:16], xref)
	return b.Bytes()
}

// text writes a text string as UTF-16 in hexadecimal (section 7.9.2.2).
func text(s string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	b.WriteByte('>')
	return b.String()
}

// date writes a date (section 7.9.4) in UTC.
func date(t time.Time) string { return t.UTC().Format("(D:20060102150405Z)") }

// num writes a number with at most three decimals and no exponent.
func num(f float64) string {
	s := strconv.FormatFloat(f, 'f', 3, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

func nums(f ...float64) string {
	s := make([]string, len(f))
	for i, v := range f {
		s[i] = num(v)
	}
	return strings.Join(s, " ")
}
