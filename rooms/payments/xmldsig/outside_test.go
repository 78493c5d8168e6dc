package xmldsig

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tool skips the test when a program of others is not on this machine.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: this proof against another program is skipped", name)
	}
	return path
}

const mark = "<sarai-mark></sarai-mark>"

// verdict is what xmllint says of one document.
type verdict struct {
	canonical []byte // with comments; nil when it gave none
	complaint string // the first error or namespace error it reported
}

// xmllint gives the exclusive canonical form, with comments, of many documents
// in one call.
func xmllint(t testing.TB, documents [][]byte) []verdict {
	t.Helper()
	lint := tool(t, "xmllint")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mark"), []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	var args []string
	for i, d := range documents {
		name := fmt.Sprintf("d%d", i)
		if err := os.WriteFile(filepath.Join(dir, name), d, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name, "mark")
	}
	out := make([]verdict, len(documents))
	for from := 0; from < len(args); from += 1000 {
		batch := args[from:min(from+1000, len(args))]
		cmd := exec.Command(lint, append([]string{"--nonet", "--exc-c14n"}, batch...)...)
		cmd.Dir = dir
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // its exit code is that of one document; what it wrote says more
		parts := bytes.Split(stdout.Bytes(), []byte(mark))
		if len(parts) != len(batch)/2+1 {
			t.Fatalf("xmllint wrote %d parts for %d documents\n%.2000s", len(parts), len(batch)/2, stderr.String())
		}
		for i := range len(batch) / 2 {
			if len(parts[i]) > 0 {
				out[from/2+i].canonical = parts[i]
			}
		}
		for _, line := range strings.Split(stderr.String(), "\n") {
			var n int
			if _, err := fmt.Sscanf(line, "d%d:", &n); err == nil && out[n].complaint == "" {
				out[n].complaint = line
			}
		}
	}
	return out
}

var comment = regexp.MustCompile(`(?s)<!--.*?-->`)

// withoutComments takes the comments out of a canonical form: there is no "<!--"
// in it that is not one.
func withoutComments(canonical []byte) []byte {
	return bytes.Trim(comment.ReplaceAll(canonical, nil), "\n")
}
