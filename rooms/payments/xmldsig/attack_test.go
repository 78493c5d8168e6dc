package xmldsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// between gives the first text from one word to another, both included.
func between(s, from, to string) string {
	i := strings.Index(s, from)
	j := strings.Index(s[i:], to)
	return s[i : i+j+len(to)]
}

// swap replaces the first occurrence and insists that there is one.
func swap(t testing.TB, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q does not stand in the message", old)
	}
	return strings.Replace(s, old, new, 1)
}

// resign changes the SignedInfo of a signed message and signs it anew with the
// right key: what a participant could send who has one but does not keep to the
// form. The value may be made by hand.
func resign(t testing.TB, message string, change func(info string) string, make func(info []byte) []byte) string {
	t.Helper()
	old := between(message, "<ds:SignedInfo>", "</ds:SignedInfo>")
	info := change(old)
	canonical, err := Canonicalize(nil, []byte(strings.Replace(info, "<ds:SignedInfo", "<ds:SignedInfo"+declareDS, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if make == nil {
		make = func(info []byte) []byte { return must(ECDSAP256SHA256.make(p256().key, info)) }
	}
	value := base64.StdEncoding.EncodeToString(make(canonical))
	message = swap(t, message, old, info)
	return swap(t, message, between(message, "<ds:SignatureValue>", "</ds:SignatureValue>"), "<ds:SignatureValue>"+value+"</ds:SignatureValue>")
}

// withKeyInfo puts another KeyInfo into the message and signs its digest.
func withKeyInfo(t testing.TB, message, keyInfo string) string {
	t.Helper()
	old := between(message, "<ds:KeyInfo", "</ds:KeyInfo>")
	id := between(old, `Id="`, `">`)
	keyInfo = strings.Replace(keyInfo, "<ds:KeyInfo>", "<ds:KeyInfo "+id, 1)
	canonical := must(Canonicalize(nil, []byte(strings.Replace(keyInfo, "<ds:KeyInfo", "<ds:KeyInfo"+declareDS, 1))))
	digest := func(b []byte) string { d := sha256.Sum256(b); return base64.StdEncoding.EncodeToString(d[:]) }
	before := digest(must(Canonicalize(nil, []byte(strings.Replace(old, "<ds:KeyInfo", "<ds:KeyInfo"+declareDS, 1)))))
	message = swap(t, message, old, keyInfo)
	return resign(t, message, func(info string) string { return swap(t, info, before, digest(canonical)) }, nil)
}

func TestAttacks(t *testing.T) {
	good := string(signed(t, unsigned))
	header, document := between(good, "<AppHdr", "</AppHdr>"), between(good, "<Document", "</Document>")
	seal := between(good, "<Sgntr>", "</Sgntr>")
	signature := between(good, "<ds:Signature ", "</ds:Signature>")
	keyInfo := between(good, "<ds:KeyInfo", "</ds:KeyInfo>")
	keyID := between(keyInfo, `Id="`, `"`+">")
	keyID = strings.TrimSuffix(strings.TrimPrefix(keyID, `Id="`), `">`)
	value := between(good, "<ds:SignatureValue>", "</ds:SignatureValue>")
	raw := must(base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(value, "<ds:SignatureValue>"), "</ds:SignatureValue>")))
	evil := swap(t, document, ">1250.00<", ">9950.00<")
	evilHeader := swap(t, swap(t, header, seal, ""), "SONEPKKA", "EVILPKKA")
	docRef := regexp.MustCompile(`<ds:Reference>.*?</ds:Reference>`).FindString(good)
	headRef := regexp.MustCompile(`<ds:Reference URI="">.*?</ds:Reference>`).FindString(good)
	keyRef := regexp.MustCompile(`<ds:Reference URI="#.*?</ds:Reference>`).FindString(good)
	exclusive := `<ds:Transform Algorithm="` + algExclusive + `"></ds:Transform>`
	enveloped := `<ds:Transform Algorithm="` + algEnveloped + `"></ds:Transform>`
	method := `<ds:SignatureMethod Algorithm="` + string(ECDSAP256SHA256) + `"></ds:SignatureMethod>`
	digestMethod := `<ds:DigestMethod Algorithm="` + algSHA256 + `"></ds:DigestMethod>`

	edit := func(old, new string) string { return swap(t, good, old, new) }
	info := func(old, new string) string {
		return resign(t, good, func(i string) string { return swap(t, i, old, new) }, nil)
	}
	valued := func(b []byte) string {
		return edit(value, "<ds:SignatureValue>"+base64.StdEncoding.EncodeToString(b)+"</ds:SignatureValue>")
	}
	zeros := make([]byte, 32)

	attacks := map[string]struct {
		message string
		kind    error
		why     string
	}{
		// signature wrapping: what was signed is still there, what would be used is not it
		"document moved into a wrapper":     {edit(document, "<Old>"+document+"</Old>"+evil), ErrStructure, "<Old>"},
		"document moved behind":             {edit(document, evil+"<Old>"+document+"</Old>"), ErrStructure, "<Old>"},
		"document moved into the other":     {edit(document, swap(t, evil, "</Document>", document+"</Document>")), ErrStructure, "<Document> at another place"},
		"document moved into the header":    {edit(header, swap(t, header, "</AppHdr>", document+"</AppHdr>")), ErrStructure, "<Document> at another place"},
		"document moved into Sgntr":         {swap(t, edit("</Sgntr>", document+"</Sgntr>"), document+"\n</Message>", evil+"\n</Message>"), ErrStructure, "in Sgntr"},
		"document moved into the Signature": {edit("</ds:Signature>", "<ds:Object>"+document+"</ds:Object></ds:Signature>"), ErrStructure, "<ds:Object> in the Signature"},
		"second document before":            {edit(document, evil+document), ErrStructure, "a second Document"},
		"second document behind":            {edit(document, document+evil), ErrStructure, "a second Document"},
		"document of another namespace":     {edit(document, `<Document xmlns="urn:x"/>`+document), ErrStructure, "where only AppHdr and Document"},
		"document replaced":                 {edit(document, evil), ErrDigest, "the Document was changed"},
		"document before header":            {edit(header, evil+header), ErrStructure, "before the AppHdr"},
		"second header before":              {edit(header, evilHeader+header), ErrStructure, "a second AppHdr"},
		"second header behind":              {edit(header, header+evilHeader), ErrStructure, "a second AppHdr"},
		"header within a header":            {edit(header, swap(t, evilHeader, "</AppHdr>", header+"</AppHdr>")), ErrStructure, "<AppHdr> at another place"},
		"header in Rltd of another":         {edit(header, swap(t, evilHeader, "</AppHdr>", "<Rltd>"+seal+"</Rltd></AppHdr>")), ErrStructure, "a Signature outside of the header's Sgntr"},
		"header in the document":            {edit(document, swap(t, evil, "</Document>", header+"</Document>")), ErrStructure, "<AppHdr> at another place"},
		"signature moved to the envelope":   {swap(t, edit(seal, ""), "</Message>", seal+"</Message>"), ErrStructure, "<Sgntr>"},
		"signature moved to the document":   {swap(t, edit(seal, ""), "</GrpHdr>", "</GrpHdr>"+signature), ErrStructure, "outside of the header's Sgntr"},
		"signature deeper in Sgntr":         {edit(signature, "<x>"+signature+"</x>"), ErrStructure, "<x> in Sgntr"},
		"Sgntr of another namespace":        {edit(seal, `<Sgntr xmlns="urn:x">`+signature+"</Sgntr>"), ErrStructure, "outside of the header's Sgntr"},
		"Sgntr in a Sgntr":                  {edit(seal, "<Sgntr>"+seal+"</Sgntr>"), ErrStructure, "<Sgntr> in Sgntr"},
		"second Sgntr":                      {edit(seal, seal+"<Sgntr></Sgntr>"), ErrStructure, "a second Sgntr"},
		"second signature beside":           {edit(signature, signature+signature), ErrStructure, "a second Signature"},
		"second signature in the document":  {edit("</GrpHdr>", "</GrpHdr>"+signature), ErrStructure, "outside of the header's Sgntr"},
		"signature in a signature":          {edit("</ds:KeyInfo>", signature+"</ds:KeyInfo>"), ErrStructure, "a Signature within the Signature"},
		"no Sgntr":                          {edit(seal, ""), ErrUnsigned, "no Sgntr"},
		"empty Sgntr":                       {edit(signature, ""), ErrStructure, "Sgntr without a Signature"},
		"no header":                         {edit(header, ""), ErrStructure, "the Document comes before"},
		"no document":                       {edit(document, ""), ErrStructure, "no Document"},
		"text in the envelope":              {edit(document, "pay me"+document), ErrStructure, "text directly in <Message>"},
		"CDATA in the envelope":             {edit(document, "<![CDATA[ ]]>"+document), ErrStructure, "text directly in <Message>"},
		"reference in the envelope":         {edit(document, "&#32;"+document), ErrStructure, "text directly in <Message>"},
		"text in Sgntr":                     {edit("<Sgntr>", "<Sgntr>x"), ErrStructure, "text directly in <Sgntr>"},
		"text in the Signature":             {edit("<ds:SignedInfo>", "x<ds:SignedInfo>"), ErrStructure, "text directly in <ds:Signature>"},
		"attribute on the envelope":         {edit("<Message ", `<Message to="x" `), ErrStructure, "attribute to on the envelope"},
		"attribute on Sgntr":                {edit("<Sgntr>", `<Sgntr x="1">`), ErrStructure, "attribute on Sgntr"},
		"attribute on the Signature":        {edit("<ds:Signature ", `<ds:Signature x="1" `), ErrStructure, "attribute x"},
		"element in the envelope":           {edit(document, document+"<Note>paid</Note>"), ErrStructure, "<Note>"},
		"envelope is the header":            {between(good, "<?xml", "?>") + header, ErrStructure, "where only AppHdr and Document"},

		// Ids
		"Id twice":                    {edit("<GrpHdr>", `<GrpHdr Id="`+keyID+`">`), ErrStructure, "stands twice"},
		"Id twice in capitals":        {edit("<GrpHdr>", `<GrpHdr ID="`+keyID+`">`), ErrStructure, "stands twice"},
		"Id twice in small letters":   {edit("<GrpHdr>", `<GrpHdr id="`+keyID+`">`), ErrStructure, "stands twice"},
		"Id twice as xml:id":          {edit("<GrpHdr>", `<GrpHdr xml:id="`+keyID+`">`), ErrStructure, "stands twice"},
		"Id twice in other namespace": {edit("<GrpHdr>", `<GrpHdr xmlns:w="urn:w" w:Id="`+keyID+`">`), ErrStructure, "stands twice"},
		"Id by references":            {edit("<GrpHdr>", `<GrpHdr Id="&#107;`+keyID[1:]+`">`), ErrStructure, "stands twice"},
		"KeyInfo's Id in a namespace": {edit("<ds:KeyInfo Id", `<ds:KeyInfo xmlns:w="urn:w" w:Id`), ErrStructure, "in KeyInfo: attribute w:Id"},
		"KeyInfo without Id":          {edit(`<ds:KeyInfo Id="`+keyID+`">`, "<ds:KeyInfo>"), ErrStructure, "does not lead to the KeyInfo"},
		"reference to the Signature":  {swap(t, info("#"+keyID, "#sig"), "<ds:Signature ", `<ds:Signature Id="sig" `), ErrStructure, `"#sig" does not lead to the KeyInfo`},
		"reference to SignedInfo": {resign(t, good, func(i string) string {
			return swap(t, swap(t, i, "<ds:SignedInfo", `<ds:SignedInfo Id="si"`), "#"+keyID, "#si")
		}, nil), ErrStructure, "does not lead to the KeyInfo"},
		"reference by Id to document": {swap(t, info("<ds:Reference><ds:Transforms>", `<ds:Reference URI="#doc"><ds:Transforms>`), "<Document ", `<Document Id="doc" `), ErrStructure, "does not lead to the KeyInfo"},
		"xpointer":                    {info("#"+keyID, "#xpointer(/)"), ErrStructure, "does not lead to the KeyInfo"},
		"xpointer id":                 {info("#"+keyID, "#xpointer(id('"+keyID+"'))"), ErrStructure, "does not lead to the KeyInfo"},

		// text tricks
		"entity":                  {swap(t, edit(`?>`, `?><!DOCTYPE Message [<!ENTITY a "9">]>`), ">1250.00<", ">&a;250.00<"), ErrMalformed, "document type"},
		"entity undeclared":       {edit(">1250.00<", ">&a;250.00<"), ErrMalformed, "other entities are refused"},
		"default attribute":       {edit(`?>`, `?><!DOCTYPE Message [<!ATTLIST GrpHdr x CDATA "1">]>`), ErrMalformed, "document type"},
		"external subset":         {edit(`?>`, `?><!DOCTYPE Message SYSTEM "http://evil.example/x.dtd">`), ErrMalformed, "document type"},
		"instruction":             {edit("<GrpHdr>", "<GrpHdr><?x y?>"), ErrMalformed, "processing instruction"},
		"namespace redefined":     {edit("tech:xsd:pacs.008.001.08", "tech:xsd:pacs.009.001.08"), ErrDigest, "the Document was changed"},
		"header of other version": {edit("head.001.001.02", "head.001.001.03"), ErrDigest, "the AppHdr was changed"},
		"carriage return":         {edit("Invoice 417", "Invoice\r417"), ErrDigest, "the Document was changed"},
		"carriage return by ref":  {edit("Invoice 417, ", "Invoice 417, &#13;"), ErrDigest, "the Document was changed"},
		"white space":             {edit("<GrpHdr>", "<GrpHdr> "), ErrDigest, "the Document was changed"},
		"zero width":              {edit("Ayesha", "Aye\u200Bsha"), ErrDigest, "the Document was changed"},
		"mark in the text":        {edit("Ayesha", "\uFEFFAyesha"), ErrDigest, "the Document was changed"},
		"UTF-16":                  {string(utf16Bytes(good)), ErrMalformed, "UTF-16"},
		"other encoding":          {edit(`encoding="UTF-8"`, `encoding="ISO-8859-1"`), ErrMalformed, "only UTF-8"},
		"cut":                     {good[:len(good)-20], ErrMalformed, "does not match"},
		"empty":                   {"", ErrMalformed, "no element"},

		// algorithms
		"RSA with SHA-1":   {info(string(ECDSAP256SHA256), nsDS+"rsa-sha1"), ErrAlgorithm, "not accepted"},
		"ECDSA with SHA-1": {info(string(ECDSAP256SHA256), "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"), ErrAlgorithm, "not accepted"},
		"RSA with MD5":     {info(string(ECDSAP256SHA256), "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), ErrAlgorithm, "not accepted"},
		"HMAC with the public key": {resign(t, good, func(i string) string {
			return swap(t, i, string(ECDSAP256SHA256), "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
		}, hmacWith(p256().cert)), ErrAlgorithm, "not accepted"},
		"HMAC cut short":             {info(method, `<ds:SignatureMethod Algorithm="`+nsDS+`hmac-sha1"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>`), ErrAlgorithm, "not accepted"},
		"method with parameters":     {info("></ds:SignatureMethod>", "><x></x></ds:SignatureMethod>"), ErrStructure, "the end of SignatureMethod"},
		"no method":                  {info(method, ""), ErrStructure, "SignatureMethod is expected"},
		"method without algorithm":   {info(method, "<ds:SignatureMethod></ds:SignatureMethod>"), ErrStructure, "names no Algorithm"},
		"RSA named, EC key":          {info(string(ECDSAP256SHA256), string(RSASHA256)), ErrAlgorithm, "with a key of type *ecdsa.PublicKey"},
		"Ed25519 named, EC key":      {info(string(ECDSAP256SHA256), string(Ed25519)), ErrAlgorithm, "with a key of type *ecdsa.PublicKey"},
		"SHA-384 with P-256":         {info(string(ECDSAP256SHA256), string(ECDSAP384SHA384)), ErrAlgorithm, "goes with P-384"},
		"digest SHA-1":               {info(algSHA256, nsDS+"sha1"), ErrAlgorithm, "digest method"},
		"digest MD5":                 {info(algSHA256, "http://www.w3.org/2001/04/xmldsig-more#md5"), ErrAlgorithm, "digest method"},
		"inclusive canonicalization": {info(`<ds:CanonicalizationMethod Algorithm="`+algExclusive, `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315`), ErrAlgorithm, "canonicalization method"},
		"comments kept":              {info(`<ds:CanonicalizationMethod Algorithm="`+algExclusive, `<ds:CanonicalizationMethod Algorithm="`+algExclusive+`WithComments`), ErrAlgorithm, "canonicalization method"},
		"transform with comments":    {info(exclusive, strings.Replace(exclusive, "exc-c14n#", "exc-c14n#WithComments", 1)), ErrAlgorithm, "transform"},
		"XSLT":                       {info(exclusive, `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"></ds:Transform>`), ErrAlgorithm, "transform"},
		"XPath":                      {info(exclusive, `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>1</ds:XPath></ds:Transform>`+exclusive), ErrAlgorithm, "transform"},
		"XPath filter":               {info(exclusive, `<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"></ds:Transform>`+exclusive), ErrAlgorithm, "transform"},
		"base64":                     {info(exclusive, `<ds:Transform Algorithm="`+nsDS+`base64"></ds:Transform>`), ErrAlgorithm, "transform"},
		"exclusive twice":            {info(exclusive, exclusive+exclusive), ErrAlgorithm, "transform"},
		"enveloped twice":            {info(enveloped, enveloped+enveloped), ErrAlgorithm, "transform"},
		"enveloped last":             {info(enveloped+exclusive, exclusive+enveloped), ErrAlgorithm, "transform"},
		"not enveloped":              {info(enveloped, ""), ErrAlgorithm, "enveloped-signature transform belongs to"},
		"document enveloped":         {info(docRef, strings.Replace(docRef, exclusive, enveloped+exclusive, 1)), ErrAlgorithm, "enveloped-signature transform belongs to"},
		"no canonicalization":        {info(enveloped+exclusive, enveloped), ErrAlgorithm, "without exclusive"},
		"no transforms":              {info(docRef, strings.Replace(docRef, "<ds:Transforms>"+exclusive+"</ds:Transforms>", "", 1)), ErrStructure, "Transforms is expected"},
		"canonicalization with text": {info(exclusive, strings.Replace(exclusive, "></", ">x</", 1)), ErrStructure, "only InclusiveNamespaces"},
		"list of other namespace":    {info(exclusive, strings.Replace(exclusive, "></", `><e:InclusiveNamespaces xmlns:e="urn:e" PrefixList="x"></e:InclusiveNamespaces></`, 1)), ErrStructure, "not of the form"},

		// references
		"no reference to the document": {info(docRef, ""), ErrStructure, "no reference to the document"},
		"no reference to the header":   {info(headRef, ""), ErrStructure, "no reference to the header"},
		"no reference to KeyInfo":      {info(keyRef, ""), ErrStructure, "no reference to the KeyInfo"},
		"no references":                {info(headRef+keyRef+docRef, ""), ErrStructure, "no reference to the header"},
		"document twice":               {info(keyRef, docRef), ErrStructure, "the reference without URI stands twice"},
		"header twice":                 {info(docRef, headRef), ErrStructure, `URI="" stands twice`},
		"four references":              {info(docRef, docRef+docRef), ErrStructure, "more than 3 references"},
		"external http":                {info(`URI="#`+keyID, `URI="http://evil.example/`+keyID), ErrStructure, "leads out of the message"},
		"external file":                {info(`URI="#`+keyID, `URI="file:///etc/passwd`), ErrStructure, "leads out of the message"},
		"type on a reference":          {info("<ds:Reference>", `<ds:Reference Type="`+nsDS+`Manifest">`), ErrStructure, "attribute Type"},
		"URI in a namespace":           {info(`<ds:Reference URI=""`, `<ds:Reference xmlns:w="urn:w" w:URI=""`), ErrStructure, "attribute xmlns:w"},
		"element among references":     {info(docRef, "<ds:Manifest></ds:Manifest>"+docRef), ErrStructure, "the end of SignedInfo is expected"},
		"prefix redefined within":      {info("<ds:Reference>", `<ds:Reference xmlns:ds="urn:x">`), ErrStructure, "attribute xmlns:ds"},
		"other prefix within":          {info("<ds:Reference>", `<ds:Reference><e:Transforms xmlns:e="urn:x"></e:Transforms>`), ErrStructure, "Transforms is expected"},
		"digest changed":               {info(between(docRef, "<ds:DigestValue>", "="), "<ds:DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), ErrDigest, "the Document was changed"},
		"digest shorter":               {info(between(docRef, "<ds:DigestValue>", "="), "<ds:DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAA="), ErrDigest, "has 20 bytes, SHA-256 has 32"},
		"digest longer":                {info(digestMethod, strings.Replace(digestMethod, algSHA256, algSHA512, 1)), ErrDigest, "has 32 bytes, SHA-512 has 64"},
		"digest empty":                 {info(between(docRef, "<ds:DigestValue>", "="), "<ds:DigestValue>"), ErrDigest, "has 0 bytes"},
		"digest not base64":            {info(between(docRef, "<ds:DigestValue>", "="), "<ds:DigestValue>####"), ErrDigest, "not base64"},

		// the signature value
		"in DER":               {valued(must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])}))), ErrSignature, "is in DER"},
		"r zero":               {valued(append(bytes.Clone(zeros), raw[32:]...)), ErrSignature, "r or s of the ECDSA value is zero"},
		"s zero":               {valued(append(bytes.Clone(raw[:32]), zeros...)), ErrSignature, "r or s of the ECDSA value is zero"},
		"both zero":            {valued(make([]byte, 64)), ErrSignature, "zero"},
		"r is the order":       {valued(append(elliptic.P256().Params().N.Bytes(), raw[32:]...)), ErrSignature, "does not fit"},
		"all ones":             {valued(bytes.Repeat([]byte{0xff}, 64)), ErrSignature, "does not fit"},
		"value shorter":        {valued(raw[:63]), ErrSignature, "63 bytes"},
		"value longer":         {valued(append(bytes.Clone(raw), 0)), ErrSignature, "65 bytes"},
		"value of a P-384 key": {valued(make([]byte, 96)), ErrSignature, "96 bytes"},
		"value empty":          {valued(nil), ErrSignature, "0 bytes"},
		"bit flipped":          {valued(append(bytes.Clone(raw[:63]), raw[63]^1)), ErrSignature, "does not fit"},
		"padding cut":          {edit("==</ds:SignatureValue>", "</ds:SignatureValue>"), ErrSignature, "not base64"},
		"bits after the end":   {edit(value, "<ds:SignatureValue>"+loose(raw)+"</ds:SignatureValue>"), ErrSignature, "not base64"},
		"value cut":            {edit(value, value[:40]+"</ds:SignatureValue>"), ErrSignature, ""},
		"element in the value": {edit("</ds:SignatureValue>", "<x/></ds:SignatureValue>"), ErrStructure, "the end of SignatureValue"},
		"of another key":       {resign(t, good, func(i string) string { return i }, func(i []byte) []byte { return must(ECDSAP256SHA256.make(other().key, i)) }), ErrSignature, "does not fit"},
		"SignedInfo changed":   {edit("<ds:Reference>", `<ds:Reference Id="r">`), ErrSignature, "does not fit"},

		// KeyInfo and certificates
		"KeyInfo swapped":       {edit(">1001<", ">1002<"), ErrDigest, "the KeyInfo was changed"},
		"KeyInfo of another":    {withKeyInfo(t, good, strings.Replace(string(must(writeKeyInfo(p384().cert, IssuerSerial, ""))), declareDS, "", 1)), ErrAlgorithm, "goes with P-256, the key is on P-384"},
		"KeyInfo of a stranger": {withKeyInfo(t, good, strings.Replace(string(must(writeKeyInfo(other().cert, Certificate, ""))), declareDS, "", 1)), ErrCertificate, "none of the trusted"},
		"forged certificate":    {withKeyInfo(t, good, strings.Replace(string(must(writeKeyInfo(newIdentity(p256().key, "SONEPKKA", 1001).cert, Certificate, ""))), declareDS, "", 1)), ErrCertificate, "none of the trusted"},
		"KeyInfo at odds":       {withKeyInfo(t, good, "<ds:KeyInfo><ds:X509Data><ds:X509SKI>"+base64.StdEncoding.EncodeToString(p256().cert.SubjectKeyId)+"</ds:X509SKI><ds:X509SubjectName>CN=MEZNPKKA</ds:X509SubjectName></ds:X509Data></ds:KeyInfo>"), ErrCertificate, `names the subject "CN=MEZNPKKA"`},
		"other issuer":          {withKeyInfo(t, good, "<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=X</ds:X509IssuerName><ds:X509SerialNumber>1001</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>"), ErrCertificate, "none of the trusted"},
		"bare key":              {withKeyInfo(t, good, "<ds:KeyInfo><ds:KeyValue>x</ds:KeyValue></ds:KeyInfo>"), ErrStructure, "X509Data is expected"},
		"name of a key":         {withKeyInfo(t, good, "<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>"), ErrStructure, "X509Data is expected"},
		"key from elsewhere":    {withKeyInfo(t, good, `<ds:KeyInfo><ds:RetrievalMethod URI="http://evil.example/"></ds:RetrievalMethod></ds:KeyInfo>`), ErrStructure, "X509Data is expected"},
		"two certificates":      {withKeyInfo(t, good, "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"), ErrStructure, "a second X509Certificate"},
		"empty X509Data":        {withKeyInfo(t, good, "<ds:KeyInfo><ds:X509Data></ds:X509Data></ds:KeyInfo>"), ErrStructure, "names no certificate"},
		"serial not a number":   {withKeyInfo(t, good, "<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=X</ds:X509IssuerName><ds:X509SerialNumber>1e3</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>"), ErrStructure, "not a number"},
		"KeyInfo before value":  {swap(t, swap(t, good, keyInfo, ""), value, keyInfo+value), ErrStructure, "<ds:KeyInfo> in the Signature"},
		"second KeyInfo":        {edit(keyInfo, keyInfo+strings.Replace(keyInfo, keyID, "other", 1)), ErrStructure, "<ds:KeyInfo> in the Signature"},
		"no KeyInfo":            {edit(keyInfo, ""), ErrStructure, "no KeyInfo"},
		"no value":              {edit(value, ""), ErrStructure, "<ds:KeyInfo> in the Signature"},
	}
	for name, c := range attacks {
		v, err := verifier(t, p256().cert, p384().cert, rsa2048().cert).Verify([]byte(c.message))
		switch {
		case err == nil:
			t.Errorf("%s: accepted\n%s", name, v.Document)
		case !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.why):
			t.Errorf("%s: refused with %q, want %q and %q", name, err, c.kind, c.why)
		}
	}
	t.Logf("%d attacks refused", len(attacks))
	t.Run("certificates in time", func(t *testing.T) {
		for when, why := range map[time.Time]string{begins.Add(-time.Second): "is not valid before 2026-01-01", ends.Add(time.Second): "was valid until 2028-01-01"} {
			v := verifier(t, p256().cert)
			v.Now = func() time.Time { return when }
			if _, err := v.Verify([]byte(good)); !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), why) {
				t.Errorf("at %s: %v", when, err)
			}
		}
	})
	t.Run("what the verifier was told", func(t *testing.T) {
		v := verifier(t, p256().cert)
		v.Algorithms = []Algorithm{RSASHA256}
		if _, err := v.Verify([]byte(good)); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("algorithm: %v", err)
		}
		v = verifier(t, p256().cert)
		v.MaxBytes = len(good) - 1
		if _, err := v.Verify([]byte(good)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "at most") {
			t.Errorf("size: %v", err)
		}
		v = &Verifier{Certificate: func(*KeyInfo) (*Trusted, error) { return nil, errors.New("the directory does not answer") }}
		if _, err := v.Verify([]byte(good)); !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("lookup: %v", err)
		}
		v = &Verifier{Certificate: func(*KeyInfo) (*Trusted, error) { return Trust(p384().cert) }}
		if _, err := v.Verify([]byte(good)); !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "serial number 1001") {
			t.Errorf("another certificate than named: %v", err)
		}
		if _, err := new(Verifier).Verify([]byte(good)); !errors.Is(err, ErrCertificate) {
			t.Errorf("nobody to ask: %v", err)
		}
		v = &Verifier{Certificate: func(*KeyInfo) (*Trusted, error) { return nil, nil }}
		if _, err := v.Verify([]byte(good)); !errors.Is(err, ErrCertificate) {
			t.Errorf("none: %v", err)
		}
	})
}

// TestHarmlessChangesAreAccepted: what XML says is the same message is the same.
func TestHarmlessChangesAreAccepted(t *testing.T) {
	good := string(signed(t, unsigned))
	value := between(good, "<ds:SignatureValue>", "</ds:SignatureValue>")
	digest := regexp.MustCompile(`<ds:DigestValue>[^<]*`).FindString(good)
	wide := func(s string) string { return s[:30] + "\n \t " + s[30:40] + "&#13;\r\n" + s[40:] }
	first, err := verifier(t, p256().cert).Verify([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for name, message := range map[string]string{
		"byte order mark":          "\uFEFF" + good,
		"no declaration":           swap(t, good, `<?xml version="1.0" encoding="UTF-8"?>`, ""),
		"lines end otherwise":      strings.ReplaceAll(good, "\n", "\r\n"),
		"comment in the payee":     swap(t, good, "Ayesha", "Aye<!-- -->sha"),
		"comment at its end":       swap(t, good, "Sons</Nm>", "Sons<!-- </Nm><Nm>Other</Nm> --></Nm>"),
		"CDATA":                    swap(t, good, "Ayesha Khan &amp; Sons", "<![CDATA[Ayesha Khan & Sons]]>"),
		"reference":                swap(t, good, "Ayesha", "&#x41;yesha"),
		"quotes":                   swap(t, good, `Ccy="PKR"`, "Ccy = 'P&#75;R'"),
		"unused namespace":         swap(t, good, "<GrpHdr>", `<GrpHdr xmlns:evil="urn:evil">`),
		"other name of envelope":   strings.ReplaceAll(swap(t, good, `<Message xmlns="urn:sarai:payments:message:1"`, `<x:Envelope xmlns:x="urn:x"`), "</Message>", "</x:Envelope>"),
		"white space in value":     swap(t, good, value, wide(value)),
		"comment in signed info":   swap(t, good, "<ds:Reference>", "<!-- x --><ds:Reference>"),
		"comment around signature": swap(t, good, "<ds:Signature ", "<!-- x --> <ds:Signature "),
		"space in a digest":        resign(t, good, func(i string) string { return swap(t, i, digest, wide(digest)) }, nil),
		"spread signed info":       resign(t, good, func(i string) string { return strings.ReplaceAll(i, "><", ">\n  <") }, nil),
		"references reordered": resign(t, good, func(i string) string {
			refs := regexp.MustCompile(`<ds:Reference.*?</ds:Reference>`).FindAllString(i, -1)
			return swap(t, i, refs[0]+refs[1]+refs[2], refs[2]+refs[1]+refs[0])
		}, nil),
	} {
		v, err := verifier(t, p256().cert).Verify([]byte(message))
		if name == "comment around signature" {
			// the space beside it is signed: Sgntr is not empty any more
			if !errors.Is(err, ErrDigest) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(v.Document, first.Document) || !bytes.Equal(v.Header, first.Header) {
			t.Errorf("%s: other bytes were verified:\n%s", name, v.Document)
		}
		if !bytes.Contains(v.Document, []byte("<Nm>Ayesha Khan &amp; Sons</Nm>")) {
			t.Errorf("%s: the payee is cut: %s", name, v.Document)
		}
	}
}

func TestSigningRefuses(t *testing.T) {
	good := string(signed(t, unsigned))
	s := must(NewSigner(p256().key, p256().cert, IssuerSerial))
	for name, c := range map[string]struct {
		message, why string
	}{
		"signed already":    {good, "already has a Sgntr"},
		"Id taken":          {swap(t, unsigned, "<GrpHdr>", `<GrpHdr Id="`+s.keyID+`">`), "already"},
		"no header":         {`<M><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"/></M>`, "before the AppHdr"},
		"empty header":      {`<M><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"/><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"/></M>`, "the AppHdr is empty"},
		"signature within":  {swap(t, unsigned, "<GrpHdr>", `<GrpHdr><Signature xmlns="`+nsDS+`"/>`), "outside of the header's Sgntr"},
		"not well-formed":   {unsigned[:100], "malformed"},
		"something besides": {swap(t, unsigned, "</Document>", "</Document><x/>"), "<x>"},
	} {
		if out, err := s.Sign([]byte(c.message)); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if _, err := NewSigner(p256().key, other().cert, IssuerSerial); !errors.Is(err, ErrCertificate) {
		t.Errorf("the certificate of another key: %v", err)
	}
	if _, err := NewSignerWith(RSASHA256, p256().key, p256().cert, IssuerSerial); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("an algorithm of another key: %v", err)
	}
	key := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	if _, err := NewSigner(key, newIdentity(key, "X", 1).cert, IssuerSerial); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("a curve that is not used: %v", err)
	}
}

// TestSgntrStandsWhereTheSchemaWantsIt: after everything but Rltd.
func TestSgntrStandsWhereTheSchemaWantsIt(t *testing.T) {
	message := swap(t, unsigned, "</CreDt>\n</AppHdr>", "</CreDt>\n<Prty>HIGH</Prty><Rltd><Fr>x</Fr><Sgntr></Sgntr></Rltd>\n<Rltd/></AppHdr>")
	out := signed(t, message)
	if !bytes.Contains(out, []byte("</Prty><Sgntr><ds:Signature")) || !bytes.Contains(out, []byte("</ds:Signature></Sgntr><Rltd>")) {
		t.Errorf("%s", out)
	}
	v, err := verifier(t, p256().cert).Verify(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(v.BareHeader(), []byte("<Prty>HIGH</Prty><Rltd><Fr>x</Fr><Sgntr></Sgntr></Rltd>\n<Rltd></Rltd></AppHdr>")) {
		t.Errorf("%s", v.BareHeader())
	}
}

func utf16Bytes(s string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// loose is base64 whose last digit has bits that mean nothing.
func loose(b []byte) string {
	s := []byte(base64.StdEncoding.EncodeToString(b))
	i := bytes.IndexByte(s, '=') - 1
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	s[i] = digits[strings.IndexByte(digits, s[i])|1]
	return string(s)
}

func hmacWith(cert *x509.Certificate) func([]byte) []byte {
	return func(info []byte) []byte {
		h := hmac.New(sha256.New, cert.RawSubjectPublicKeyInfo)
		h.Write(info)
		return h.Sum(nil)
	}
}
