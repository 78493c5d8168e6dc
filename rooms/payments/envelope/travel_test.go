package envelope

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sarai/rooms/payments/iso20022"
)

const fullHeader = `<?xml version="1.0"?>
<h:AppHdr xmlns:h="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><h:Fr><h:FIId><h:FinInstnId><h:BICFI>SONEPKKA</h:BICFI></h:FinInstnId></h:FIId></h:Fr><h:To><h:FIId><h:FinInstnId><h:BICFI>RAASPKKA</h:BICFI></h:FinInstnId></h:FIId></h:To><h:BizMsgIdr>B1</h:BizMsgIdr><h:MsgDefIdr>any</h:MsgDefIdr><h:CreDt>2026-11-21T12:30:00.123+05:00</h:CreDt><h:Prty>HIGH</h:Prty></h:AppHdr>
`

// TestMessagesTravel sends every message of package iso20022 and reads what was
// proven: it is the message that was sent.
func TestMessagesTravel(t *testing.T) {
	files, err := filepath.Glob("../iso20022/testdata/*.xml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	signer, verifier := party(t)
	for _, file := range files {
		sent, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(sent, []byte("<Document")) {
			continue
		}
		want, err := iso20022.Parse(sent)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		raw, err := Seal([]byte(fullHeader), sent, signer)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		m, err := Open(raw, verifier)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		got, err := iso20022.Parse(m.Document)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: arrives as another message: %v", file, err)
		}
		if !strings.HasPrefix(filepath.Base(file), m.Name) {
			t.Errorf("%s has the name %s", file, m.Name)
		}
		if _, err := iso20022.Parse(m.Header); err != nil {
			t.Errorf("the header: %v", err)
		}
	}
}

// TestSignedHeadersFitTheSchema: libxml2 finds the Sgntr where the schema of
// head.001.001.02 wants it.
func TestSignedHeadersFitTheSchema(t *testing.T) {
	schema := filepath.Join(os.Getenv("SARAI_TEST_DATA"), "iso20022", "head.001.001.02.xsd")
	if _, err := os.Stat(schema); err != nil {
		t.Skip("no schemas: set SARAI_TEST_DATA to a folder with iso20022/*.xsd")
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint: install libxml2-utils")
	}
	signer, _ := party(t)
	related := strings.Replace(strings.TrimPrefix(fullHeader, "<?xml version=\"1.0\"?>\n"), "</h:AppHdr>\n", "", 1)
	related = fullHeader[:len(fullHeader)-len("</h:AppHdr>\n")] + strings.Replace(related, `<h:AppHdr xmlns:h="urn:iso:std:iso:20022:tech:xsd:head.001.001.02">`, "<h:Rltd>", 1) + "</h:Rltd></h:AppHdr>"
	for name, h := range map[string]string{"alone": fullHeader, "with a related header": related} {
		raw, err := Seal([]byte(h), []byte(document), signer)
		if err != nil {
			t.Fatal(err)
		}
		from, to := bytes.Index(raw, []byte("<h:AppHdr")), bytes.Index(raw, []byte("</h:AppHdr>"))
		file := filepath.Join(t.TempDir(), "header.xml")
		if err := os.WriteFile(file, raw[from:to+len("</h:AppHdr>")], 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(lint, "--nonet", "--noout", "--schema", schema, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %s\n%s", name, out, raw)
		}
	}
}
