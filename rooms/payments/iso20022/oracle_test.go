package iso20022_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// schemas gives the folder of ISO's schemas, which are not part of the
// repository, and skips the test where they or xmllint are missing.
func schemas(t testing.TB) string {
	t.Helper()
	base := os.Getenv("SARAI_TEST_DATA")
	if base == "" {
		base = "/work/shared/data"
	}
	dir := filepath.Join(base, "iso20022")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no schemas: set SARAI_TEST_DATA to a folder with iso20022/*.xsd")
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("no xmllint: install libxml2-utils")
	}
	return dir
}

// xmllint gives libxml2's verdict on each document against the schema.
func xmllint(t testing.TB, schema string, docs []string) []bool {
	t.Helper()
	dir := t.TempDir()
	verdicts := make([]bool, len(docs))
	const batch = 400
	for from := 0; from < len(docs); from += batch {
		to := min(from+batch, len(docs))
		args := []string{"--nonet", "--noout", "--schema", schema}
		for i := from; i < to; i++ {
			file := filepath.Join(dir, fmt.Sprintf("%06d.xml", i))
			if err := os.WriteFile(file, []byte(docs[i]), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, file)
		}
		out, _ := exec.CommandContext(t.Context(), "xmllint", args...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			if file, ok := strings.CutSuffix(line, ".xml validates"); ok {
				var i int
				if _, err := fmt.Sscanf(filepath.Base(file), "%d", &i); err == nil && i >= from && i < to {
					verdicts[i] = true
				}
			}
		}
		if !strings.Contains(string(out), ".xml") {
			t.Fatalf("xmllint: %s", out)
		}
	}
	return verdicts
}
