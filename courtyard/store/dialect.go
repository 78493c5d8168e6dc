package store

import (
	"strings"
	"sync"
)

// SQL is written once, in PostgreSQL's form. For SQLite $1 becomes ?1, or ?
// where all come in turn, and the suffix "for update" is dropped, because its one
// writer needs no row locks. The result is remembered per text: texts are constants of the program, but a
// room that builds an "in (...)" list makes many, so the memory has a bound.
type translations struct {
	mu   sync.RWMutex
	done map[string]string
}

const maxTranslations = 4096

// write is the text of a statement that gives no rows. A statement that fails
// undoes its whole update here (see Tx.Exec), so SQLite need not be able to undo
// it alone: with "or fail" it does not copy each page before it changes it,
// which for many rows in one statement is a quarter of their cost.
func (t *translations) write(query string) string {
	s := t.sqlite(query)
	if n, ok := word(s, 0, "insert"); ok {
		if _, ok := word(s, n, "into"); ok {
			return s[:n] + " or fail" + s[n:]
		}
	}
	if n := updating(s); n > 0 {
		return s[:n] + " or fail" + s[n:]
	}
	return s
}

// updating is the place behind the word "update" of an update statement, with or
// without a "with" before it, else 0.
func updating(s string) int {
	if n, ok := word(s, 0, "update"); ok {
		return n
	}
	if _, ok := word(s, 0, "with"); !ok {
		return 0
	}
	depth := 0
	for i := 0; i < len(s); {
		if n := opaque(s[i:]); n > 0 {
			i += n
			continue
		}
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && (c == 'u' || c == 'U') && space(s[i-1]):
			if n, ok := word(s, i, "update"); ok {
				return n
			}
		}
		i++
	}
	return 0
}

func (t *translations) sqlite(query string) string {
	t.mu.RLock()
	s, ok := t.done[query]
	t.mu.RUnlock()
	if ok {
		return s
	}
	s = toSQLite(query)
	t.mu.Lock()
	if t.done == nil || len(t.done) >= maxTranslations {
		t.done = make(map[string]string)
	}
	t.done[query] = s
	t.mu.Unlock()
	return s
}

// toSQLite leaves string literals, quoted identifiers and comments alone.
func toSQLite(query string) string {
	var b strings.Builder
	b.Grow(len(query))
	turn := inTurn(query)
	for i := 0; i < len(query); {
		if n := opaque(query[i:]); n > 0 {
			b.WriteString(query[i : i+n])
			i += n
			continue
		}
		c := query[i]
		switch {
		case c == '$' && i+1 < len(query) && query[i+1] >= '0' && query[i+1] <= '9':
			b.WriteByte('?')
			for i++; turn && i < len(query) && query[i] >= '0' && query[i] <= '9'; {
				i++
			}
		case (c == 'f' || c == 'F') && (i == 0 || !wordByte(query[i-1])):
			if n := locking(query[i:]); n > 0 {
				i += n
				continue
			}
			b.WriteByte(c)
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return strings.TrimRight(b.String(), " \t\n")
}

// inTurn says whether the parameters are $1, $2, $3 ... in this order, each
// once. Then they need no numbers: SQLite looks a numbered one up in a list, which
// takes as long as binding all that came before it.
func inTurn(query string) bool {
	next := 1
	for i := 0; i < len(query); {
		if n := opaque(query[i:]); n > 0 {
			i += n
			continue
		}
		if query[i] != '$' {
			i++
			continue
		}
		number, digits := 0, 0
		for i++; i < len(query) && query[i] >= '0' && query[i] <= '9' && digits < 6; i++ {
			number, digits = 10*number+int(query[i]-'0'), digits+1
		}
		if digits > 0 {
			if number != next {
				return false
			}
			next++
		}
	}
	return true
}

// opaque is the length of the literal, quoted identifier or comment that s
// begins with, else 0.
func opaque(s string) int {
	switch {
	case s[0] == '\'' || s[0] == '"':
		for i := 1; i < len(s); i++ {
			if s[i] == s[0] {
				return i + 1 // a doubled quote is two literals side by side, which is as well
			}
		}
		return len(s)
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return i
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if i := strings.Index(s, "*/"); i >= 0 {
			return i + 2
		}
		return len(s)
	}
	return 0
}

// locking is the length of a "for update [of t] [skip locked | nowait]" or "for
// share" clause that s begins with, else 0.
func locking(s string) int {
	n, ok := word(s, 0, "for")
	if !ok {
		return 0
	}
	m, ok := word(s, n, "update")
	if !ok {
		if m, ok = word(s, n, "share"); !ok {
			return 0
		}
	}
	if k, ok := word(s, m, "of"); ok {
		for k < len(s) && space(s[k]) {
			k++
		}
		for k < len(s) && wordByte(s[k]) {
			k++
		}
		m = k
	}
	if k, ok := word(s, m, "skip"); ok {
		if k, ok = word(s, k, "locked"); ok {
			m = k
		}
	} else if k, ok := word(s, m, "nowait"); ok {
		m = k
	}
	return m
}

// word skips white space and the word w at s[i:].
func word(s string, i int, w string) (int, bool) {
	for i < len(s) && space(s[i]) {
		i++
	}
	end := i + len(w)
	if end > len(s) || !strings.EqualFold(s[i:end], w) || (end < len(s) && wordByte(s[end])) {
		return i, false
	}
	return end, true
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// toDDL replaces the words of a migration that the engines spell differently:
// {id}, {bytes}, {json}, {strict}, {clustered}, {roomy}, bigint, boolean, text.
func toDDL(engine Engine, script string) string {
	var b strings.Builder
	b.Grow(len(script) + len(script)/8)
	previous := "" // the word before, if only white space lies between
	for i := 0; i < len(script); {
		if n := opaque(script[i:]); n > 0 {
			b.WriteString(script[i : i+n])
			i += n
			previous = ""
			continue
		}
		c := script[i]
		switch {
		case c == '{':
			if end := strings.IndexByte(script[i:], '}'); end > 0 {
				if w, ok := ddlWords[script[i:i+end+1]]; ok {
					if engine == SQLite {
						b.WriteString(w[0])
					} else {
						b.WriteString(w[1])
					}
					i += end + 1
					previous = ""
					continue
				}
			}
			b.WriteByte(c)
			i++
		case wordByte(c):
			j := i
			for j < len(script) && wordByte(script[j]) {
				j++
			}
			w := script[i:j]
			b.WriteString(ddlType(engine, previous, w))
			previous = strings.ToLower(w)
			i = j
		default:
			if !space(c) {
				previous = ""
			}
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// ddlWords: SQLite, PostgreSQL. Ids are text on both, because ids of posts,
// offices and other houses' things are no UUIDs. json (not jsonb) keeps the
// text as it was written, so that digests agree between engines.
var ddlWords = map[string][2]string{
	"{id}":     {"text", `text collate "C"`},
	"{bytes}":  {"blob", "bytea"},
	"{json}":   {"text", "json"},
	"{strict}": {"strict", ""},
	// A table kept in the order of its primary key, with no rows beside it.
	"{clustered}": {"strict, without rowid", ""},
	// A table whose lines change again and again: room in each page lets PostgreSQL
	// keep the new line beside the old one, with no new entry in its indexes.
	"{roomy}": {"", "with (fillfactor = 50)"},
}

// ddlType spells a column type. Text sorts by code point on both engines; a
// person's alphabet is the business of the room that shows a list.
func ddlType(engine Engine, previous, w string) string {
	if previous == "" || previous == "as" || previous == "collate" {
		return w
	}
	switch lower := strings.ToLower(w); {
	case engine == SQLite && (lower == "bigint" || lower == "boolean"):
		return "integer"
	case engine == Postgres && lower == "text":
		return `text collate "C"`
	}
	return w
}
