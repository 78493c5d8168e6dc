package webtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Violation is what axe-core found against a rule of WCAG 2.0 to 2.2, A or AA,
// or its own best practices.
type Violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML   string `json:"html"`
		Why    string `json:"failureSummary"`
		Target []any  `json:"target"`
	} `json:"nodes"`
}

func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&b, "\n  %v %s\n    %s", n.Target, n.HTML, strings.ReplaceAll(n.Why, "\n", "\n    "))
	}
	return b.String()
}

// AxePath is where axe.min.js is, or "".
func AxePath() string {
	if p := os.Getenv("SARAI_AXE"); p != "" {
		return p
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for range 6 {
		p := filepath.Join(dir, "conformance", "axe", "node_modules", "axe-core", "axe.min.js")
		if _, err := os.Stat(p); err == nil {
			return p
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

// Axe runs axe-core over the page as it stands: all rules, or only those named.
func (t *Tab) Axe(only ...string) ([]Violation, error) {
	source, err := os.ReadFile(AxePath())
	if err != nil {
		return nil, fmt.Errorf("axe-core: %w", err)
	}
	if there, err := Eval[bool](t, `!!window.axe`); err != nil || !there {
		if _, err := Eval[bool](t, string(source)+";true"); err != nil {
			return nil, fmt.Errorf("load axe-core: %w", err)
		}
	}
	rules := `{type: "tag", values: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}`
	if len(only) > 0 {
		rules = `{type: "rule", values: ["` + strings.Join(only, `","`) + `"]}`
	}
	out, err := Eval[string](t, `axe.run(document, {runOnly: `+rules+`, resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`)
	if err != nil {
		return nil, fmt.Errorf("run axe-core: %w", err)
	}
	var found []Violation
	err = json.Unmarshal([]byte(out), &found)
	return found, err
}

// Need starts a browser for a test, or skips the test where there is none.
func Need(t testing.TB) *Browser {
	t.Helper()
	if _, err := Chromium(); err != nil {
		t.Skip(err)
	}
	b, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// NeedAxe skips the test where axe-core is not installed.
func NeedAxe(t testing.TB) {
	t.Helper()
	if AxePath() == "" {
		t.Skip("no axe-core: run npm ci in conformance/axe, or set SARAI_AXE")
	}
}

// Accessible fails the test for every violation on the page and for a page
// that has to be scrolled sideways.
func (tab *Tab) Accessible(t testing.TB, what string) {
	t.Helper()
	found, err := tab.Axe()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, v := range found {
		t.Errorf("%s, %s: %s", what, tab.View.Name, v)
	}
	over, err := tab.Overflow()
	if err != nil {
		t.Fatal(err)
	}
	if over > 0 {
		t.Errorf("%s, %s: the page is %d px wider than its window", what, tab.View.Name, over)
	}
}
