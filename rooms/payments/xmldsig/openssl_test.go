package xmldsig

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openssl runs it and gives what it writes.
func openssl(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(tool(t, "openssl"), args...)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v %s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// opensslOptions are what openssl must be told besides the key.
var opensslOptions = map[Algorithm][]string{
	ECDSAP256SHA256: {"dgst", "-sha256"}, ECDSAP384SHA384: {"dgst", "-sha384"},
	RSASHA256: {"dgst", "-sha256"}, RSASHA384: {"dgst", "-sha384"}, RSASHA512: {"dgst", "-sha512"},
	RSAPSSSHA256: {"dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256"},
	Ed25519:      {"pkeyutl", "-rawin"},
}

// TestXmllintAndOpensslAgree takes a message apart by hand: libxml2 makes the
// canonical forms, OpenSSL the digests and the signature. It does so with one of
// ours, and makes one for us.
func TestXmllintAndOpensslAgree(t *testing.T) {
	tool(t, "openssl")
	tool(t, "xmllint")
	canonical := func(s string) []byte {
		v := xmllint(t, [][]byte{[]byte(s)})[0]
		if v.canonical == nil || v.complaint != "" {
			t.Fatalf("%s\n%s", v.complaint, s)
		}
		return withoutComments(v.canonical)
	}
	digest := func(b []byte) string {
		return base64.StdEncoding.EncodeToString(openssl(t, b, "dgst", "-sha256", "-binary"))
	}
	for a, id := range everyAlgorithm() {
		key, _ := id.files(t)
		pub := filepath.Join(filepath.Dir(key), "pub.pem")
		write(t, pub, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(id.key.Public()))}))

		message := string(must(must(NewSignerWith(a, id.key, id.cert, IssuerSerial)).Sign([]byte(unsigned))))
		signature := between(message, "<ds:Signature ", "</ds:Signature>")
		info, keyInfo := between(message, "<ds:SignedInfo", "</ds:SignedInfo>"), between(message, "<ds:KeyInfo", "</ds:KeyInfo>")
		value := strings.TrimSuffix(strings.TrimPrefix(between(message, "<ds:SignatureValue>", "</ds:SignatureValue>"), "<ds:SignatureValue>"), "</ds:SignatureValue>")
		header := swap(t, between(message, "<AppHdr", "</AppHdr>"), signature, "")
		for what, part := range map[string]string{
			"header": header, "document": between(message, "<Document", "</Document>"), "KeyInfo": swap(t, keyInfo, "<ds:KeyInfo", "<ds:KeyInfo"+declareDS),
		} {
			if d := digest(canonical(part)); !strings.Contains(info, "<ds:DigestValue>"+d+"</ds:DigestValue>") {
				t.Errorf("%s: libxml2 and OpenSSL give the %s the digest %s\n%s", a, what, d, info)
			}
		}
		signed := filepath.Join(t.TempDir(), "info")
		raw := must(base64.StdEncoding.DecodeString(value))
		if n := a.coordinate(); n > 0 {
			raw = must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:n]), new(big.Int).SetBytes(raw[n:])}))
		}
		write(t, signed, canonical(swap(t, info, "<ds:SignedInfo", "<ds:SignedInfo"+declareDS)))
		write(t, signed+".sig", raw)
		args := append([]string{}, opensslOptions[a]...)
		if args[0] == "dgst" {
			args = append(args, "-verify", pub, "-signature", signed+".sig", signed)
		} else {
			args = append(args, "-verify", "-pubin", "-inkey", pub, "-sigfile", signed+".sig", "-in", signed)
		}
		openssl(t, nil, args...) // fails when it does not verify

		// the other way: another document, another layout, signed by OpenSSL
		theirs := swap(t, message, "1250.00", "9950.00")
		spread := strings.ReplaceAll(swap(t, info, digest(canonical(between(message, "<Document", "</Document>"))), digest(canonical(between(theirs, "<Document", "</Document>")))), "><ds:", ">\n\t<ds:")
		write(t, signed, canonical(swap(t, spread, "<ds:SignedInfo", "<ds:SignedInfo"+declareDS)))
		args = append([]string{}, opensslOptions[a]...)
		if args[0] == "dgst" {
			args = append(args, "-sign", key, signed)
		} else {
			args = append(args, "-sign", "-inkey", key, "-in", signed)
		}
		made := openssl(t, nil, args...)
		if n := a.coordinate(); n > 0 {
			made = must(rawFromDER(made, n))
		}
		theirs = swap(t, swap(t, theirs, info, spread), value, base64.StdEncoding.EncodeToString(made))
		v, err := verifier(t, id.cert).Verify([]byte(theirs))
		if err != nil || !bytes.Contains(v.Document, []byte("9950.00")) {
			t.Errorf("%s: what libxml2 and OpenSSL made: %v", a, err)
		}
	}
}
