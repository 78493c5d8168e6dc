package country_test

import (
	"errors"
	"strings"
	"testing"

	"sarai/courtyard/fault"
)

func key(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Key
	}
	return ""
}

func TestTheCNICIsReadAsPeopleWriteIt(t *testing.T) {
	rules := pk(t).NationalNumber
	for _, s := range []string{"69901-4182736-4", "6990141827364", "69901 4182736 4", "۶۹۹۰۱-۴۱۸۲۷۳۶-۴", "٦٩٩٠١٤١٨٢٧٣٦٤", " 69901–4182736–4\u200f "} {
		n, err := rules.Parse(s)
		if err != nil || n.Digits != "6990141827364" || n.String() != "69901-4182736-4" || n.Sex() != "female" || n.FirstDigit() != 6 {
			t.Errorf("%q: %v %v", s, n, err)
		}
	}
	if n, _ := rules.Parse("6990141827364"); n.Masked() != "*****-****736-4" {
		t.Errorf("masked: %s", n.Masked())
	}
}

func TestEveryMistakeInACNICHasItsOwnMessage(t *testing.T) {
	rules := pk(t).NationalNumber
	for s, want := range map[string]string{
		"": "country.number.empty", " - ": "country.number.empty",
		"69901-4182736": "country.number.length", "69901-41827364-4": "country.number.length",
		"09901-4182736-4": "country.number.province", "99901-4182736-4": "country.number.province",
		"6990l-4182736-4": "country.number.character", "69901-4182736-4<": "country.number.character",
		strings.Repeat("1", 100): "country.number.long",
	} {
		if _, err := rules.Parse(s); key(err) != want {
			t.Errorf("%q: %s, want %s", s, key(err), want)
		}
	}
	_, err := rules.Parse("6990l-4182736-4")
	if f := fault.As(err); f.Args["character"] != "l" || f.Args["place"] != "5" {
		t.Errorf("which character: %v", f.Args)
	}
	if _, err := rules.ParseFor("69901-4182736-4", "male"); key(err) != "country.number.sex" {
		t.Errorf("an even last digit for a man: %v", err)
	}
}

func TestIBANs(t *testing.T) {
	p := pk(t)
	i, err := p.IBAN.Parse("pk36 scbl 0000 0011 2345 6702")
	if err != nil || i != "PK36SCBL0000001123456702" || i.String() != "PK36 SCBL 0000 0011 2345 6702" || p.IBAN.Bank(i) != "SCBL" {
		t.Fatal(i, err)
	}
	if _, err := p.IBAN.Parse("PK۳۶SCBL۰۰۰۰۰۰۱۱۲۳۴۵۶۷۰۲"); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]string{
		"": "country.iban.empty", "DE89370400440532013000": "country.iban.country", "PK36SCBL000000112345670": "country.iban.length",
		"PK36SCBL0000001123456720": "country.iban.check", "PK37SCBL0000001123456702": "country.iban.check", "PK36SC4L0000001123456702": "country.iban.bank",
		"PK36SCBL0000001123456702!": "country.iban.character", "PKAASCBL0000001123456702": "country.iban.check",
	} {
		if err := p.IBAN.Check(s); key(err) != want {
			t.Errorf("%q: %s, want %s", s, key(err), want)
		}
	}
	for _, b := range p.Banks {
		if i, err := p.IBAN.Make(b.Code, "42"); err != nil || p.IBAN.Check(string(i)) != nil {
			t.Errorf("%s: %s %v", b.ID, i, err)
		}
	}
}

func TestTelephoneNumbers(t *testing.T) {
	p := pk(t)
	for _, s := range []string{"0300 1234567", "+92 300 1234567", "0092-300-1234567", "923001234567", "(0300) 123-4567", "۰۳۰۰۱۲۳۴۵۶۷", "+92 (0)300 1234567"} {
		n, kind, err := p.Phone.Parse(s)
		if err != nil || n != "+923001234567" || kind != "mobile" || p.Phone.Format(n) != "0300 1234567" {
			t.Errorf("%q: %s %s %v", s, n, kind, err)
		}
	}
	if n, kind, err := p.Phone.Parse("051 1234 5678"); err != nil || kind != "fixed" || p.Phone.Format(n) != "051 12345678" {
		t.Errorf("fixed line: %s %s %v", n, kind, err)
	}
	for s, want := range map[string]string{"": "country.phone.empty", "0300 123456": "country.phone.length", "+44 20 7946 0000": "country.phone.country", "0900 12345": "country.phone.kind", "0300x": "country.phone.character"} {
		if _, _, err := p.Phone.Parse(s); key(err) != want {
			t.Errorf("%q: %s, want %s", s, key(err), want)
		}
	}
}

func TestMoney(t *testing.T) {
	c := pk(t).Currency
	for s, want := range map[string]int64{"1,250": 125000, "Rs 1,250.5": 125050, "PKR 12.34": 1234, "۱۲۵۰": 125000, "روپے ۱۲٬۵۰۰٫۷۵": 1250075, "1250/-": 125000, "0": 0} {
		if got, err := c.Parse(s); err != nil || got != want {
			t.Errorf("%q: %d %v, want %d", s, got, err, want)
		}
	}
	for s, want := range map[string]string{"": "country.money.empty", "1.234": "country.money.decimals", "-5": "country.money.character", "1e9": "country.money.character", "99999999999999999999": "country.money.large", "1.2.3": "country.money.character"} {
		if _, err := c.Parse(s); key(err) != want {
			t.Errorf("%q: %s, want %s", s, key(err), want)
		}
	}
	for minor, want := range map[int64]string{125000: "Rs\u00a01,250.00", 5: "Rs\u00a00.05", -125000: "Rs\u00a0−1,250.00", -9223372036854775808: "Rs\u00a0−92,233,720,368,547,758.08"} {
		if got := c.Format("en", minor); got != want {
			t.Errorf("%d: %q, want %q", minor, got, want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	rules := pk(f).NationalNumber
	for _, s := range []string{"69901-4182736-4", "۶۹۹۰۱-۴۱۸۲۷۳۶-۴", "", "-", "\u202e4-6372814-10996", "6990l"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := rules.Parse(s)
		if err != nil {
			if key(err) == "" || !strings.HasPrefix(key(err), "country.number.") {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if again, err := rules.Parse(n.String()); err != nil || again.Digits != n.Digits {
			t.Fatalf("%q: %s is not read again", s, n)
		}
	})
}

func FuzzIBAN(f *testing.F) {
	p := pk(f)
	for _, s := range []string{"PK36SCBL0000001123456702", "pk36 scbl", "PK", "ß", "PK۳۶"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i, err := p.IBAN.Parse(s)
		if err == nil && (len(i) != 24 || p.IBAN.Check(i.String()) != nil) {
			t.Fatalf("%q gives %q", s, i)
		}
	})
}

func FuzzPhone(f *testing.F) {
	p := pk(f)
	for _, s := range []string{"0300 1234567", "+92", "00", "0092", "+92 (0)", "۰۳۰۰"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, _, err := p.Phone.Parse(s)
		if err != nil {
			return
		}
		if again, _, err := p.Phone.Parse(p.Phone.Format(n)); err != nil || again != n {
			t.Fatalf("%q gives %q, written %q gives %q", s, n, p.Phone.Format(n), again)
		}
	})
}

func FuzzMoney(f *testing.F) {
	c := pk(f).Currency
	for _, s := range []string{"1,250", "Rs 0.5", "/-", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := c.Parse(s)
		if err == nil && n < 0 {
			t.Fatalf("%q gives %d", s, n)
		}
		if again, err2 := c.Parse(c.Digits(n)); err == nil && (err2 != nil || again != n) {
			t.Fatalf("%q gives %d, written %q gives %d %v", s, n, c.Digits(n), again, err2)
		}
	})
}
