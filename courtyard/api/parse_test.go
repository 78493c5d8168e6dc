package api

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"sarai/courtyard/fault"
)

// Whatever strictJSON accepts, encoding/json accepts too and reads without loss;
// whatever it refuses, it refuses with a key that has a text.
func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `null`, `1`, `"a"`, `{"a":1,"a":2}`, `{"a":{"a":1}}`, `[1,2]]`, `{"a"`, `{"a":1}{`, "\xff", `{"\u0061":1,"a":2}`,
		strings.Repeat("[", 70) + strings.Repeat("]", 70), `[[[]]]`, ``, ` `, `{"x~/y":{"x":1,"x":2}}`, `{"a":1,}`, `1e999`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := strictJSON(body)
		if err != nil {
			if err.Kind != fault.Invalid || !strings.HasPrefix(err.Key, "api.json") {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if !json.Valid(body) || !utf8.Valid(body) {
			t.Fatalf("accepted %q", body)
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "zzz", encodeCursor([]any{int64(5), "x"}), encodeCursor([]any{"x"}), "W251bGwsbnVsbF0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		var n int64
		var s string
		first, err := Paging{Cursor: cursor}.After(&n, &s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if first {
			return
		}
		// what we read, we would write again so that it reads the same
		var m int64
		var u string
		if _, err := (Paging{Cursor: encodeCursor([]any{n, s})}).After(&m, &u); err != nil || m != n || u != s {
			t.Fatalf("%d %q became %d %q (%v)", n, s, m, u, err)
		}
	})
}
