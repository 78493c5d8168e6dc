package pain001_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"sarai/rooms/payments/iso20022/pain001"
	"sarai/rooms/payments/iso20022/xsd"
)

// file makes a file of n payments in batches of at most 5,000.
func file(t testing.TB, n int) []byte {
	t.Helper()
	sample, err := os.ReadFile("../testdata/pain.001.001.09.xml")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(sample), "<PmtInf>\n")
	batch, rest, _ := strings.Cut(rest, "<CdtTrfTxInf>")
	payment, _, _ := strings.Cut(rest, "\n<CdtTrfTxInf>")
	var b bytes.Buffer
	b.WriteString(head)
	for i := range n {
		if i%5000 == 0 {
			if i > 0 {
				b.WriteString("</PmtInf>\n")
			}
			b.WriteString("<PmtInf>\n" + batch)
		}
		b.WriteString("<CdtTrfTxInf>" + strings.Replace(payment, "FAMILY-0000001", fmt.Sprintf("FAMILY-%07d", i), 1) + "\n")
	}
	b.WriteString("</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n")
	return b.Bytes()
}

// slow gives a few octets at a time, so that every cut is somewhere.
type slow struct {
	from io.Reader
	n    int
}

func (s slow) Read(p []byte) (int, error) { return s.from.Read(p[:min(s.n, len(p))]) }

func TestStreamSeesWhatParseSees(t *testing.T) {
	doc := file(t, 12_000) // several chunks, three batches
	whole, err := pain001.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, b := range whole.CstmrCdtTrfInitn.PmtInf {
		for _, p := range b.CdtTrfTxInf {
			want = append(want, b.PmtInfId+p.PmtId.EndToEndId+string(p.Amt.InstdAmt.Value)+p.Cdtr.Nm)
		}
	}
	for name, from := range map[string]io.Reader{
		"at once":         bytes.NewReader(doc),
		"uneven":          slow{bytes.NewReader(doc), 77_777},
		"in small pieces": slow{bytes.NewReader(doc), 61},
		"with a mark":     io.MultiReader(strings.NewReader("\ufeff"), bytes.NewReader(doc)),
	} {
		i := 0
		err := pain001.Stream(from, xsd.Limits{}, func(head *pain001.GroupHeader85, b *pain001.PaymentInstruction30, p *pain001.CreditTransferTransaction34) error {
			got := b.PmtInfId + p.PmtId.EndToEndId + string(p.Amt.InstdAmt.Value) + p.Cdtr.Nm
			if i >= len(want) || got != want[i] || head.MsgId != "BISP-2026-11-1" || b.Dbtr.Nm == "" {
				t.Fatalf("%s: payment %d is %q", name, i, got)
			}
			i++
			return nil
		})
		if err != nil || i != len(want) {
			t.Errorf("%s: %d of %d payments, %v", name, i, len(want), err)
		}
	}
}

func TestStreamFindsWhatIsWrong(t *testing.T) {
	good := string(file(t, 3000))
	none := func(*pain001.GroupHeader85, *pain001.PaymentInstruction30, *pain001.CreditTransferTransaction34) error {
		return nil
	}
	at := strings.Index(good, "FAMILY-0002500")
	for name, doc := range map[string]string{
		"a bad value late":     strings.Replace(good, "FAMILY-0002500", strings.Repeat("x", 36), 1),
		"a bad octet late":     good[:at] + "\xff" + good[at:],
		"cut":                  good[:at],
		"cut within a tag":     good[:strings.LastIndex(good, "</PmtInf")+4],
		"something after":      good + "<a/>",
		"endless element":      good[:at] + strings.Repeat("x", 5<<20),
		"endless space":        good + strings.Repeat("<!-- -->", 1<<20),
		"a declaration of DTD": strings.Replace(good, "<Document", "<!DOCTYPE Document><Document", 1),
		"empty":                "",
		"no payments":          strings.Split(good, "<CdtTrfTxInf>")[0] + "</PmtInf></CstmrCdtTrfInitn></Document>",
		"two batches open":     strings.Replace(good, "</PmtInf>", "", 1),
	} {
		one, many := pain001.Stream(strings.NewReader(doc), xsd.Limits{}, none), xsd.Check([]byte(doc), pain001.Root(), xsd.Limits{})
		var a, b *xsd.Error
		if !errors.As(one, &a) || !errors.As(many, &b) && !strings.HasPrefix(name, "endless") {
			t.Errorf("%s: %v, as a whole %v", name, one, many)
			continue
		}
		if b != nil && !strings.HasPrefix(name, "endless") && (a.Rule != b.Rule || a.Line != b.Line && name != "no payments") {
			t.Errorf("%s: %v, as a whole %v", name, a, b)
		}
	}
	stop := errors.New("enough")
	seen := 0
	err := pain001.Stream(strings.NewReader(good), xsd.Limits{}, func(*pain001.GroupHeader85, *pain001.PaymentInstruction30, *pain001.CreditTransferTransaction34) error {
		if seen++; seen == 7 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || seen != 7 {
		t.Errorf("%v after %d", err, seen)
	}
	broken := errors.New("the line is cut")
	if err := pain001.Stream(io.MultiReader(strings.NewReader(good[:at]), iotest.ErrReader(broken)), xsd.Limits{}, none); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := pain001.Stream(strings.NewReader(good), xsd.Limits{Size: 1000}, none); err == nil {
		t.Error("the limit of size was not kept")
	}
}

func BenchmarkParse10000(b *testing.B) {
	doc := file(b, 10_000)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pain001.Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStream10000(b *testing.B) {
	doc := file(b, 10_000)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := pain001.Stream(bytes.NewReader(doc), xsd.Limits{}, func(*pain001.GroupHeader85, *pain001.PaymentInstruction30, *pain001.CreditTransferTransaction34) error {
			n++
			return nil
		})
		if err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}
