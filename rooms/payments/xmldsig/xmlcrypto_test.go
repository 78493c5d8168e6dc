package xmldsig

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// party is one job for conformance/xml-crypto/party.mjs, and answer its answer.
type party struct {
	Do     string `json:"do"`
	XML    string `json:"xml"`
	Cert   string `json:"cert,omitempty"`
	Key    string `json:"key,omitempty"`
	Method string `json:"method,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	ISO    bool   `json:"iso,omitempty"`
}

type answer struct {
	Valid bool
	Why   string
	XML   string
	Error string
}

func xmlCrypto(t *testing.T, jobs []party) []answer {
	t.Helper()
	script := os.Getenv("SARAI_XML_CRYPTO")
	if script == "" {
		t.Skip("run conformance/xml-crypto/run: the proof against xml-crypto is skipped")
	}
	var in bytes.Buffer
	for _, j := range jobs {
		in.Write(append(must(json.Marshal(j)), '\n'))
	}
	cmd := exec.Command(tool(t, "node"), script)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(jobs) {
		t.Fatalf("%d answers to %d jobs", len(lines), len(jobs))
	}
	answers := make([]answer, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &answers[i]); err != nil {
			t.Fatal(err)
		}
		if answers[i].Error != "" {
			t.Fatalf("%s\n%s", answers[i].Error, jobs[i].XML)
		}
	}
	return answers
}

var xmlCryptoAlgorithms = []Algorithm{ECDSAP256SHA256, ECDSAP384SHA384, RSASHA256}

func TestXMLCryptoVerifiesOurs(t *testing.T) {
	var jobs []party
	var bad []bool
	add := func(iso bool, cert string, xml []byte, old, new string) {
		jobs = append(jobs, party{Do: "verify", XML: string(xml), Cert: cert, ISO: iso})
		bad = append(bad, false)
		jobs = append(jobs, party{Do: "verify", XML: swap(t, string(xml), old, new), Cert: cert, ISO: iso})
		bad = append(bad, true)
	}
	for _, a := range xmlCryptoAlgorithms {
		id := everyAlgorithm()[a]
		_, file := id.files(t)
		cert := string(must(os.ReadFile(file)))
		for _, form := range []Form{IssuerSerial, SubjectKeyID, Certificate} {
			s := must(NewSignerWith(a, id.key, id.cert, form))
			add(true, cert, must(s.Sign([]byte(unsigned))), "Ayesha", "Aisha")
			add(true, cert, must(s.Sign([]byte(forms["prefixed"]))), "PKR", "USD")
			add(true, cert, must(s.Sign([]byte(forms["comments and references"]))), "ee &#x627;", "er &#x627;")
			add(false, cert, must(s.SignEnveloped([]byte(unsigned))), "Ayesha", "Aisha")
			add(false, cert, must(s.SignEnveloped([]byte(documents["simple"]))), "417", "418")
		}
	}
	for i, a := range xmlCrypto(t, jobs) {
		if a.Valid == bad[i] {
			t.Errorf("xml-crypto says %v (%s), changed: %v\n%s", a.Valid, a.Why, bad[i], jobs[i].XML)
		}
	}
	t.Logf("%d signatures of ours verified by xml-crypto, %d changed ones refused", len(jobs)/2, len(jobs)/2)
}

func TestXMLCryptoIsVerifiedByUs(t *testing.T) {
	var jobs []party
	var ids []identity
	for _, a := range xmlCryptoAlgorithms {
		id := everyAlgorithm()[a]
		keyFile, certFile := id.files(t)
		job := party{Do: "sign", Key: string(must(os.ReadFile(keyFile))), Cert: string(must(os.ReadFile(certFile))), Method: string(a)}
		for _, prefix := range []string{"", "ds"} {
			job.Prefix = prefix
			for _, doc := range forms {
				job.XML, job.ISO = doc, true
				jobs, ids = append(jobs, job), append(ids, id)
			}
			for _, doc := range []string{unsigned, documents["simple"]} {
				job.XML, job.ISO = doc, false
				jobs, ids = append(jobs, job), append(ids, id)
			}
		}
	}
	for i, a := range xmlCrypto(t, jobs) {
		v := verifier(t, ids[i].cert)
		var err error
		if jobs[i].ISO {
			_, err = v.Verify([]byte(a.XML))
		} else {
			_, err = v.VerifyEnveloped([]byte(a.XML))
		}
		if err != nil {
			t.Errorf("%s, prefix %q: %v\n%s", jobs[i].Method, jobs[i].Prefix, err, a.XML)
		}
	}
	t.Logf("%d signatures of xml-crypto verified by us", len(jobs))
}
