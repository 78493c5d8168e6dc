package emvqr_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sarai/rooms/payments/emvqr"
)

// theStandardsExample is the example of MPM annex A: a transport company in
// Beijing with its Chinese name in tag 64.
const theStandardsExample = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A"

var karachi = time.FixedZone("PKT", 5*3600)

func bakery() emvqr.Code {
	return emvqr.Code{Accounts: []emvqr.Template{emvqr.Raast.Template("PK36SARA0000001123456702", "SARAPKKA")}, Category: "5462", Currency: "586", Country: "PK",
		Name: "Shaheen Bakery", City: "Islamabad", Local: emvqr.Local{Language: "UR", Name: "شاہین بیکری", City: "اسلام آباد"}}
}

func TestTheStandardsExampleIsRead(t *testing.T) {
	c, err := emvqr.Parse(theStandardsExample)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Dynamic || c.Amount != "23.72" || c.Currency != "156" || c.Name != "BEST TRANSPORT" || c.Local.Name != "最佳运输" || c.Local.City != "北京" || c.Accounts[0].Identifier != "D15600000000" || len(c.Accounts) != 2 || c.Free[0].Identifier != "A011223344998877" {
		t.Fatalf("%+v", c)
	}
}

func TestChecksumAgreesWithTheCatalogue(t *testing.T) {
	if got := emvqr.Checksum("123456789"); got != "29B1" { // the check value of CRC-16/CCITT-FALSE
		t.Fatal(got)
	}
}

func TestALengthCountsLettersNotBytes(t *testing.T) {
	c := bakery()
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = "00020101021128560012PK.RAAST.P2M0124PK36SARA00000011234567020208SARAPKKA5204546253035865802PK5914Shaheen Bakery6009Islamabad64350002UR0111شاہین بیکری0210اسلام آباد6304"
	if !strings.HasPrefix(text, want) {
		t.Fatalf("got  %s\nwant %s", text, want)
	}
	back, err := emvqr.Parse(text)
	if err != nil || back.Local != c.Local || back.Dynamic {
		t.Fatalf("%+v %v", back, err)
	}
	account, bank, err := emvqr.Raast.Payee(back)
	if err != nil || account != "PK36SARA0000001123456702" || bank != "SARAPKKA" {
		t.Fatal(account, bank, err)
	}
	if _, _, err := emvqr.Raast.Payee(mustParse(t, theStandardsExample)); !errors.Is(err, emvqr.ErrContent) {
		t.Fatalf("a code of another country has a payee: %v", err)
	}
}

func mustParse(t *testing.T, text string) *emvqr.Code {
	t.Helper()
	c, err := emvqr.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPakistaniPersonToPerson holds against vectors published with several
// programs; the IBAN is their test account.
func TestPakistaniPersonToPerson(t *testing.T) {
	for _, v := range []struct {
		text string
		code emvqr.P2P
	}{
		{"0002020102110202000424PK33ABCD00000000000000001004BA20", emvqr.P2P{IBAN: "PK33ABCD0000000000000000"}},
		{"0002020102120202000424PK33ABCD0000000000000000050350007123112202623591004EC99", emvqr.P2P{IBAN: "PK33ABCD0000000000000000", Amount: "500", Expires: time.Date(2026, 12, 31, 23, 59, 0, 0, karachi)}},
	} {
		got, err := v.code.Encode(karachi)
		if err != nil || got != v.text {
			t.Errorf("got  %s %v\nwant %s", got, err, v.text)
		}
		back, err := emvqr.ParseP2P(v.text, karachi)
		if err != nil || back.IBAN != v.code.IBAN || back.Amount != v.code.Amount || !back.Expires.Equal(v.code.Expires) {
			t.Errorf("%+v %v", back, err)
		}
	}
	if _, err := emvqr.ParseP2P("0002020102120202000424PK33ABCD0000000000000000050350007123113202623591004EC99", karachi); !errors.Is(err, emvqr.ErrChecksum) {
		t.Error("a mistyped code was accepted:", err)
	}
}

func TestWrongPayloadsAreNamed(t *testing.T) {
	c := bakery()
	good, _ := c.Encode()
	for name, v := range map[string]struct {
		text string
		want error
	}{
		"empty":             {"", emvqr.ErrSyntax},
		"a link":            {"https://example.org/pay?x=6304ABCD", emvqr.ErrChecksum},
		"one letter off":    {strings.Replace(good, "Bakery", "Bakerz", 1), emvqr.ErrChecksum},
		"cut":               {good[:len(good)-6], emvqr.ErrSyntax},
		"length too long":   {resealed("000201010211" + "2899PK"), emvqr.ErrSyntax},
		"empty object":      {resealed("0002015900"), emvqr.ErrSyntax},
		"a tag twice":       {resealed("00020159011A59011B"), emvqr.ErrSyntax},
		"no account":        {resealed("00020152045462530358658" + "02PK5901A6001B"), emvqr.ErrContent},
		"format is not 01":  {resealed("000202"), emvqr.ErrContent},
		"direction changed": {resealed("0002015905A\u202eBCD"), emvqr.ErrContent},
		"exponent":          {resealed("00020128160012PK.RAAST.P2M520454625303586" + "54031e35802PK5901A6001B"), emvqr.ErrContent},
		"minus":             {resealed("00020128160012PK.RAAST.P2M520454625303586" + "5402-15802PK5901A6001B"), emvqr.ErrContent},
		"very long":         {strings.Repeat("9", 5000), emvqr.ErrSyntax},
	} {
		if _, err := emvqr.Parse(v.text); !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
	lower := good[:len(good)-4] + strings.ToLower(good[len(good)-4:])
	if _, err := emvqr.Parse(lower); err != nil {
		t.Error("a checksum in lower case is read:", err)
	}
	c.Name = "A merchant name of more than twenty-five letters"
	if _, err := c.Encode(); !errors.Is(err, emvqr.ErrContent) {
		t.Error("a long name was written:", err)
	}
}

func resealed(body string) string { return body + "6304" + emvqr.Checksum(body+"6304") }

func TestASignedCodeCannotBeChanged(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	sign := func(b []byte) ([]byte, error) { return ed25519.Sign(private, b), nil }
	verify := func(key string, signed, signature []byte) bool {
		return key == "K7" && ed25519.Verify(public, signed, signature)
	}
	c := bakery()
	c.Dynamic, c.Amount, c.Additional.Bill = true, "200.00", "7K3M-Q2ZD-81VC"
	until := time.Date(2026, 11, 21, 12, 15, 0, 0, time.UTC)
	text, err := emvqr.Raast.Sign(c, emvqr.Terms{Expires: until, Key: "K7"}, sign)
	if err != nil {
		t.Fatal(err)
	}
	got, err := emvqr.Raast.Verify(mustParse(t, text), verify)
	if err != nil || got.Key != "K7" || !got.Expires.Equal(until) {
		t.Fatal(got, err)
	}
	for name, change := range map[string][2]string{
		"other amount":  {"200.00", "900.00"},
		"other account": {"1123456702", "1123456799"},
		"other expiry":  {"01101795263300", "01101795269300"},
		"other name":    {"Shaheen", "Shaheem"},
	} {
		body := strings.Replace(text[:len(text)-8], change[0], change[1], 1)
		if body == text[:len(text)-8] {
			t.Fatalf("%s: nothing changed in %s", name, text)
		}
		if _, err := emvqr.Raast.Verify(mustParse(t, resealed(body)), verify); !errors.Is(err, emvqr.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain, _ := c.Encode()
	if _, err := emvqr.Raast.Verify(mustParse(t, plain), verify); !errors.Is(err, emvqr.ErrUnsigned) {
		t.Error("an unsigned code:", err)
	}
	at := strings.LastIndex(text, "8199")
	if _, err := emvqr.Raast.Verify(mustParse(t, resealed(text[:at])), verify); !errors.Is(err, emvqr.ErrForged) {
		t.Error("a code whose signature was cut off:", err)
	}
}

// TestZbarReadsOurPictures asks Debian's zbarimg, which knows nothing of us.
func TestZbarReadsOurPictures(t *testing.T) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("zbarimg is not installed (Debian package zbar-tools): the picture is not read by another program")
	}
	_, private, _ := ed25519.GenerateKey(nil)
	c := bakery()
	static, _ := c.Encode()
	c.Dynamic, c.Amount, c.Additional = true, "1250.00", emvqr.Additional{Bill: "7K3M-Q2ZD-81VC", Reference: "domicile", Terminal: "till-1"}
	signed, err := emvqr.Raast.Sign(c, emvqr.Terms{Expires: time.Now(), Key: "K7"}, func(b []byte) ([]byte, error) { return ed25519.Sign(private, b), nil })
	if err != nil {
		t.Fatal(err)
	}
	p2p, _ := emvqr.P2P{IBAN: "PK33ABCD0000000000000000"}.Encode(karachi)
	for name, payload := range map[string]string{"static": static, "signed": signed, "person": p2p} {
		png, err := emvqr.PNG(payload, 6)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), name+".png")
		if err := os.WriteFile(file, png, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(zbar, "--raw", "-q", "-Sdisable", "-Sqrcode.enable", file).Output()
		if err != nil || strings.TrimSpace(string(out)) != payload {
			t.Errorf("%s: zbarimg read %q (%v), want %q", name, out, err, payload)
		}
	}
}

func TestThePictureIsOnePathWithATitle(t *testing.T) {
	svg, err := emvqr.SVG("0002020102110202000424PK33ABCD00000000000000001004BA20", `pay <b> & go`)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(svg, "<path") != 2 || !strings.Contains(svg, "<title>pay &lt;b&gt; &amp; go</title>") || strings.Contains(svg, "<b>") {
		t.Fatal(svg[:200])
	}
}

// FuzzParse: nothing panics, and whatever is accepted means the same after it
// was written and read again.
func FuzzParse(f *testing.F) {
	c := bakery()
	good, _ := c.Encode()
	for _, s := range []string{good, theStandardsExample, "0002020102120202000424PK33ABCD0000000000000000050350007123112202623591004EC99", "", "6304", "000201"} {
		f.Add(s, false)
		f.Add(strings.TrimSuffix(s, s[max(len(s)-8, 0):]), true)
	}
	f.Fuzz(func(t *testing.T, text string, sealIt bool) {
		if sealIt {
			text = resealed(text)
		}
		if c, err := emvqr.Parse(text); err == nil {
			again, err := c.Encode()
			if err != nil {
				t.Fatalf("accepted but cannot be written: %v", err)
			}
			b, err := emvqr.Parse(again)
			if err != nil || b.Name != c.Name || b.Amount != c.Amount || b.Local != c.Local || len(b.Accounts) != len(c.Accounts) {
				t.Fatalf("not the same after writing: %v", err)
			}
		}
		if p, err := emvqr.ParseP2P(text, karachi); err == nil {
			if _, err := p.Encode(karachi); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := emvqr.ParseTemplate(text); err == nil && len(text) > 0 {
			if back, err := m.Encode(); err != nil || back != text {
				t.Fatalf("objects changed: %q %v", back, err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	c := bakery()
	text, _ := c.Encode()
	for b.Loop() {
		if _, err := emvqr.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
