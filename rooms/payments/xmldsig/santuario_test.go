package xmldsig

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// santuario has the JDK do jobs; see testdata/Santuario.java.
func santuario(t testing.TB, jobs []string) {
	t.Helper()
	java := tool(t, "java")
	tool(t, "javac") // without it a source file cannot be run
	var flags []string
	for _, p := range []string{
		"com.sun.org.apache.xml.internal.security", "com.sun.org.apache.xml.internal.security.c14n",
		"com.sun.org.apache.xml.internal.security.signature", "org.jcp.xml.dsig.internal.dom",
	} {
		flags = append(flags, "--add-exports", "java.xml.crypto/"+p+"=ALL-UNNAMED")
	}
	file := filepath.Join(t.TempDir(), "jobs")
	write(t, file, []byte(strings.Join(jobs, "\n")))
	if out, err := exec.Command(java, append(flags, "-XX:TieredStopAtLevel=1", "testdata/Santuario.java", file)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// forms are messages written in the ways that senders do.
var forms = map[string]string{
	"plain": unsigned,
	"prefixed": `<env:Message xmlns:env="urn:x:env" xmlns:h="urn:iso:std:iso:20022:tech:xsd:head.001.001.02" xmlns:d="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08" xmlns:xs="urn:xs" xmlns="urn:dflt">` +
		"<h:AppHdr><h:Fr>A</h:Fr><h:BizMsgIdr>1</h:BizMsgIdr></h:AppHdr>\r\n<d:Document><d:Amt   Ccy='PKR' >5</d:Amt><plain/></d:Document></env:Message>",
	"comments and references": `<Message><!-- a --><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.04"><Fr>A<!-- b -->B</Fr>&#13;<![CDATA[<x>]]></AppHdr><!-- c --><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10" xmlns:unused="urn:unused"><Nm>pay<!-- -->ee &#x627;</Nm><E/></Document></Message>`,
}

// TestSantuario gives all jobs to one process, whose start is what takes long.
func TestSantuario(t *testing.T) {
	if testing.Short() {
		t.Skip("starting Java takes seconds: the proof against Apache Santuario is skipped when testing is to be short")
	}
	tool(t, "java")
	var jobs []string
	var checks []func(t *testing.T)
	names := []string{"it verifies our messages", "we verify its messages", "subtrees", "nasty documents"}
	for _, prepare := range []func(*testing.T) ([]string, func(*testing.T)){santuarioVerifies, santuarioSigns, santuarioSubtrees, santuarioNasty} {
		j, c := prepare(t)
		jobs, checks = append(jobs, j...), append(checks, c)
	}
	santuario(t, jobs)
	for i, c := range checks {
		t.Run(names[i], c)
	}
}

func santuarioVerifies(t *testing.T) (jobs []string, check func(*testing.T)) {
	dir := t.TempDir()
	var files []string
	add := func(cert string, b []byte, suffix string) {
		file := filepath.Join(dir, strconv.Itoa(len(files))+suffix)
		write(t, file, b)
		files, jobs = append(files, file), append(jobs, "verify\t"+cert+"\t"+file)
	}
	for _, id := range []identity{p256(), p384(), rsa2048()} {
		_, cert := id.files(t)
		for _, doc := range forms {
			for _, form := range []Form{IssuerSerial, SubjectKeyID, Certificate} {
				out, err := must(NewSigner(id.key, id.cert, form)).Sign([]byte(doc))
				if err != nil {
					t.Fatal(err)
				}
				add(cert, out, "")
				add(cert, bytes.Replace(bytes.Replace(out, []byte("PKR"), []byte("USD"), 1), []byte("ee &#x627;"), []byte("er &#x627;"), 1), ".bad")
			}
		}
	}
	a := &author{Rand: rand.New(rand.NewPCG(5, 20022))}
	_, cert := p256().files(t)
	for i := range 100 {
		out, err := must(NewSigner(p256().key, p256().cert, Form(i%3))).Sign(a.message())
		if err != nil {
			t.Fatal(err)
		}
		add(cert, out, "")
		add(cert, bytes.Replace(out, []byte("<ds:Reference>"), []byte(`<ds:Reference Id="x">`), 1), ".bad")
	}
	return jobs, func(t *testing.T) {
		for _, file := range files {
			answer := string(must(os.ReadFile(file + ".answer")))
			if bad := strings.HasSuffix(file, ".bad"); (answer == "valid") == bad {
				t.Errorf("Santuario says %q (changed: %v)\n%s", answer, bad, must(os.ReadFile(file)))
			}
		}
		t.Logf("%d messages of ours verified, %d changed ones refused", len(files)/2, len(files)/2)
	}
}

func santuarioSigns(t *testing.T) (jobs []string, check func(*testing.T)) {
	type result struct {
		name, file string
		a          Algorithm
		id         identity
	}
	var results []result
	dir := t.TempDir()
	docs := map[string]string{}
	for name, doc := range forms {
		docs[name] = doc
	}
	a := &author{Rand: rand.New(rand.NewPCG(6, 20022))}
	for len(docs) < 10 {
		// Java's writer of documents cannot cope with prefixes that begin with xml
		if doc := string(a.message()); !strings.Contains(doc, "xml1") {
			docs["random "+strconv.Itoa(len(docs))] = doc
		}
	}
	for _, c := range []struct {
		id   identity
		kind string
		a    Algorithm
	}{{p256(), "EC", ECDSAP256SHA256}, {p384(), "EC", ECDSAP384SHA384}, {rsa2048(), "RSA", RSASHA256}, {rsa2048(), "RSA", RSAPSSSHA256}} {
		key, cert := c.id.files(t)
		for _, prefix := range []string{"", "ds", "list"} {
			for name, doc := range docs {
				file := filepath.Join(dir, strconv.Itoa(len(results)))
				write(t, file, []byte(doc))
				jobs = append(jobs, strings.Join([]string{"sign", c.kind, key, cert, string(c.a), prefix, file}, "\t"))
				results = append(results, result{name + ", prefix " + prefix, file + ".signed", c.a, c.id})
			}
		}
	}
	return jobs, func(t *testing.T) {
		for _, r := range results {
			out := must(os.ReadFile(r.file))
			v, err := verifier(t, r.id.cert).Verify(out)
			if err != nil {
				t.Errorf("%s, %s: %v\n%s", r.a, r.name, err, out)
				continue
			}
			if v.Algorithm != r.a || len(v.Document) == 0 || len(v.BareHeader()) == 0 {
				t.Errorf("%s: %+v", r.name, v)
			}
		}
		t.Logf("%d messages signed by Santuario verified", len(results))
	}
}

// santuarioSubtrees compares canonical forms of parts of random documents, with
// random prefix lists: the context above the part matters there.
// SARAI_C14N_DOCUMENTS sets how many.
func santuarioSubtrees(t *testing.T) (jobs []string, check func(*testing.T)) {
	n := 400
	if v, err := strconv.Atoi(os.Getenv("SARAI_C14N_DOCUMENTS")); err == nil {
		n = v
	}
	a := &author{Rand: rand.New(rand.NewPCG(3, 20022))}
	dir := t.TempDir()
	var docs [][]byte
	for len(docs) < n {
		doc := a.document()
		tags := openTags(doc)
		at := tags[a.IntN(len(tags))]
		list := a.pick("", "", "#default", "p", "p q", "q r xml1", "#default p q r xml1", "none p")
		doc = append(doc[:at:at], append([]byte(` part="`+list+`"`), doc[at:]...)...)
		write(t, filepath.Join(dir, "d"+strconv.Itoa(len(docs))), doc)
		docs = append(docs, doc)
	}
	return []string{"canon\t" + dir}, func(t *testing.T) {
		lists, below := 0, 0
		for i, answer := range canonAnswers(t, dir, n) {
			p := &part{}
			s := new(scanner)
			s.reset(docs[i], p)
			if err := s.run(); err != nil {
				t.Fatalf("%v\n%q", err, docs[i])
			}
			if p.list != nil {
				lists++
			}
			if p.depth > 1 {
				below++
			}
			if !bytes.Equal(p.sink.out, answer) {
				t.Fatalf("document %q, list %q\nwe say        %q\nSantuario has %q", docs[i], p.list, p.sink.out, answer)
			}
		}
		t.Logf("%d subtrees (%d below the root, %d with prefix lists) with equal bytes, 0 differences", n, below, lists)
	}
}

// santuarioNasty has a second opinion on the documents of canon_test.go, and on
// the one thing in which libxml2 is wrong.
func santuarioNasty(t *testing.T) (jobs []string, check func(*testing.T)) {
	docs := []string{`<a xmlns="http://x.example/?a=1&amp;b=2"><b/></a>`}
	for _, d := range nasty {
		docs = append(docs, d)
	}
	dir := t.TempDir()
	for i, d := range docs {
		write(t, filepath.Join(dir, "d"+strconv.Itoa(i)), []byte(d))
	}
	return []string{"canon\t" + dir}, func(t *testing.T) {
		for i, answer := range canonAnswers(t, dir, len(docs)) {
			if got, err := Canonicalize(nil, []byte(docs[i])); err != nil || !bytes.Equal(got, answer) {
				t.Errorf("document %q\nwe say        %q (%v)\nSantuario has %q", docs[i], got, err, answer)
			}
		}
	}
}

func canonAnswers(t *testing.T, dir string, n int) (answers [][]byte) {
	lines := strings.Split(strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "answers"))))), "\n")
	if len(lines) != n {
		t.Fatalf("%d answers for %d documents", len(lines), n)
	}
	for i, line := range lines {
		b, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			t.Fatalf("Santuario says %s of d%d", line, i)
		}
		answers = append(answers, b)
	}
	return answers
}

// openTags gives the offsets behind the names of all start tags.
func openTags(doc []byte) []int {
	var at []int
	s := new(scanner)
	s.reset(doc, tagFinder{&at})
	if err := s.run(); err != nil {
		panic(err)
	}
	return at
}

type tagFinder struct{ at *[]int }

func (f tagFinder) open(_ *scanner, e *element) error {
	*f.at = append(*f.at, e.name.to)
	return nil
}
func (tagFinder) closing(*scanner, *element, int) error { return nil }
func (tagFinder) closed(*scanner, *element, int) error  { return nil }

// part is the watcher of the subtree whose apex has the attribute part.
type part struct {
	sink  sink
	depth int
	list  []string
}

func (p *part) open(s *scanner, e *element) error {
	for i := range s.attrs {
		if a := &s.attrs[i]; string(s.in[a.name.from:a.name.to]) == "part" {
			p.depth, p.list = len(s.elems), prefixes(a.value)
			p.sink.inclusive = p.list
			s.begin(&p.sink, e)
		}
	}
	return nil
}
func (p *part) closing(*scanner, *element, int) error { return nil }
func (p *part) closed(s *scanner, _ *element, end int) error {
	if len(s.elems) == p.depth && s.sink != nil {
		s.pause(end)
	}
	return nil
}
