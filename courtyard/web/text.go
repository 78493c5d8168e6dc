package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"gopkg.in/yaml.v3"
)

// texts holds every message of every room in every language.
type texts struct {
	langs []Language

	mu    sync.RWMutex
	rooms map[string]bool
	by    map[string]map[string]string // language, key
	where map[string]string            // "lang key" -> "room ur.yaml:12"
	errs  []error                      // found while reading
}

func newTexts(langs []Language) *texts {
	t := &texts{langs: langs, rooms: map[string]bool{}, by: map[string]map[string]string{}, where: map[string]string{}}
	for _, l := range langs {
		t.by[l.Code] = map[string]string{}
	}
	return t
}

// add reads a room's files. What is wrong with them is kept for check: texts
// are registered before there is anybody to hear of an error.
func (t *texts) add(room string, files fs.FS) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rooms[room] {
		return
	}
	t.rooms[room] = true
	for _, l := range t.langs {
		name := l.Code + ".yaml"
		data, err := fs.ReadFile(files, name)
		if err != nil {
			t.errs = append(t.errs, fmt.Errorf("texts of %s: %w", room, err))
			continue
		}
		file, err := parseTexts(data)
		if err != nil {
			t.errs = append(t.errs, fmt.Errorf("texts of %s: %s: %w", room, name, err))
			continue
		}
		if file.flaw > 0 {
			t.errs = append(t.errs, fmt.Errorf("texts of %s: %s:%d: want flat key: text lines", room, name, file.flaw))
			continue
		}
		for _, m := range file.lines {
			at := room + " " + name + ":" + strconv.Itoa(m.line)
			switch {
			case m.nested:
				t.errs = append(t.errs, fmt.Errorf("%s: %s is not a text", at, m.key))
				continue
			case !strings.HasPrefix(m.key, room+"."):
				t.errs = append(t.errs, fmt.Errorf("%s: key %s does not begin with %s", at, m.key, room+"."))
			case strings.TrimSpace(m.text) == "":
				t.errs = append(t.errs, fmt.Errorf("%s: %s is empty", at, m.key))
			case t.where[l.Code+" "+m.key] != "":
				t.errs = append(t.errs, fmt.Errorf("%s: %s is already in %s", at, m.key, t.where[l.Code+" "+m.key]))
			}
			t.by[l.Code][m.key] = m.text
			t.where[l.Code+" "+m.key] = at
		}
	}
}

// textLine is one line of a message file.
type textLine struct {
	key, text string
	line      int
	nested    bool // what stands at the key is no text
}

// textFile is what a message file says; flaw is the line at which it turns
// out to be no list of messages, 0 if it is one.
type textFile struct {
	lines []textLine
	flaw  int
}

// parsed remembers message files by their digest. They are compiled into the
// program, so there are few, and a process that opens many houses reads each once.
var parsed sync.Map

func parseTexts(data []byte) (textFile, error) {
	digest := sha256.Sum256(data)
	if kept, ok := parsed.Load(digest); ok {
		return kept.(textFile), nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return textFile{}, err
	}
	var file textFile
	if len(doc.Content) > 0 {
		root := doc.Content[0]
		if root.Kind != yaml.MappingNode {
			file.flaw = root.Line
		} else {
			for i := 0; i+1 < len(root.Content); i += 2 {
				k, v := root.Content[i], root.Content[i+1]
				file.lines = append(file.lines, textLine{key: k.Value, text: v.Value, line: k.Line, nested: v.Kind != yaml.ScalarNode})
			}
		}
	}
	parsed.Store(digest, file)
	return file, nil
}

var placeholder = regexp.MustCompile(`\{[a-z][a-z0-9_]*\}`)

// pluralForms are the suffixes a counted text may have (CLDR plural categories).
var pluralForms = []string{"zero", "one", "two", "few", "many", "other"}

// check gives every way in which the languages disagree.
func (t *texts) check() []error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	errs := slices.Clone(t.errs)
	first := t.langs[0].Code
	for _, l := range t.langs {
		for _, key := range slices.Sorted(maps.Keys(t.by[l.Code])) {
			text := t.by[l.Code][key]
			if base, form, ok := counted(key); ok {
				if form != "other" && t.by[l.Code][base+".other"] == "" {
					errs = append(errs, fmt.Errorf("%s: %s has no %s.other beside it", t.where[l.Code+" "+key], key, base))
				}
				continue
			}
			for _, other := range t.langs {
				if other.Code == l.Code {
					continue
				}
				theirs, ok := t.by[other.Code][key]
				if !ok {
					errs = append(errs, fmt.Errorf("%s: %s is missing in %s", t.where[l.Code+" "+key], key, other.Code))
				} else if l.Code == first && !slices.Equal(holes(text), holes(theirs)) {
					errs = append(errs, fmt.Errorf("%s: placeholders of %s are %v, in %s %v", t.where[other.Code+" "+key], key, holes(theirs), first, holes(text)))
				}
			}
		}
		forms := categories(l.Code)
		for _, key := range slices.Sorted(maps.Keys(t.by[l.Code])) {
			base, form, ok := counted(key)
			if !ok || form != "other" {
				continue
			}
			want := holes(t.by[l.Code][key])
			for _, other := range t.langs {
				theirs, ok := t.by[other.Code][key]
				if !ok {
					errs = append(errs, fmt.Errorf("%s: %s is missing in %s", t.where[l.Code+" "+key], key, other.Code))
				} else if l.Code == first && !slices.Equal(want, holes(theirs)) {
					errs = append(errs, fmt.Errorf("%s: placeholders of %s are %v, in %s %v", t.where[other.Code+" "+key], key, holes(theirs), first, want))
				}
			}
			// every category the language distinguishes must have its text
			for _, f := range forms {
				if t.by[l.Code][base+"."+f] == "" {
					errs = append(errs, fmt.Errorf("%s: %s.%s is missing in %s", t.where[l.Code+" "+key], base, f, l.Code))
				}
			}
		}
	}
	return errs
}

func (t *texts) has(key string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.by[t.langs[0].Code][key]
	return ok
}

// text gives the message with its placeholders filled. args are name, value
// pairs. A missing text shows its key: CheckTexts finds it before people do.
func (t *texts) text(lang Language, key string, args []string) string {
	t.mu.RLock()
	text, ok := t.by[lang.Code][key]
	if !ok {
		text, ok = t.by[t.langs[0].Code][key]
	}
	t.mu.RUnlock()
	if !ok {
		return "[" + key + "]"
	}
	return fill(text, lang, args)
}

// number gives the form of a counted message that the language wants for n.
func (t *texts) number(lang Language, key string, n int64, args []string) string {
	form := pluralOf(lang.Code, n)
	args = append([]string{"n", digits(n)}, args...)
	for _, f := range []string{form, "other"} {
		t.mu.RLock()
		_, ok := t.by[lang.Code][key+"."+f]
		t.mu.RUnlock()
		if ok {
			return t.text(lang, key+"."+f, args)
		}
	}
	return t.text(lang, key+".other", args)
}

// fill puts values into {placeholders}. A value that runs the other way than
// the language is isolated (Unicode UAX 9), so that it cannot reorder the sentence around it.
func fill(text string, lang Language, args []string) string {
	if len(args) < 2 || !strings.Contains(text, "{") {
		return text
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+args[i]+"}", isolated(args[i+1], lang))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// isolated puts a value that could disturb the sentence between marks that say
// its direction. The direction is told (LRI, RLI) rather than left to be found
// (FSI): what is inside other isolates does not count when it is looked for.
func isolated(s string, lang Language) string {
	var first, rtl, ltr, figures bool // first: the first letter runs from right to left
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r) || unicode.Is(unicode.Hebrew, r):
			first = first || !ltr
			rtl = true
		case unicode.IsLetter(r):
			ltr = true
		case !unicode.IsDigit(r) && r != ',' && r != '.' && r != ' ':
			figures = true // "0300-1234567" breaks apart where text runs the other way
		}
	}
	switch {
	case !lang.RTL() && !rtl, lang.RTL() && !ltr && (rtl || !figures):
		return s
	case first:
		return "\u2067" + s + "\u2069"
	}
	return "\u2066" + s + "\u2069"
}

func holes(text string) []string {
	if !strings.Contains(text, "{") { // most texts
		return nil
	}
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// counted splits "office.files.one" into its key and plural form.
func counted(key string) (base, form string, ok bool) {
	i := strings.LastIndexByte(key, '.')
	if i < 0 || !slices.Contains(pluralForms, key[i+1:]) {
		return "", "", false
	}
	return key[:i], key[i+1:], true
}

// pluralOf is the CLDR plural category of a whole number.
func pluralOf(lang string, n int64) string {
	if n < 0 {
		n = -n
	}
	// MatchPlural wants the number modulo ten million for large ones
	switch plural.Cardinal.MatchPlural(language.Make(lang), int(n%10_000_000), 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	}
	return "other"
}

// categories are the forms a language has for whole numbers.
func categories(lang string) []string {
	var out []string
	for n := int64(0); n < 200; n++ {
		if f := pluralOf(lang, n); !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// T gives a text in the language of the page that is being drawn. args are
// name, value pairs for its {placeholders}.
func T(ctx context.Context, key string, args ...string) string {
	v := viewOf(ctx)
	if v.site == nil {
		return "[" + key + "]"
	}
	return v.site.texts.text(v.lang, key, args)
}

// N gives the form of a counted text for n: key.one, key.other and whatever
// else the language distinguishes; {n} is the number.
func N(ctx context.Context, key string, n int64, args ...string) string {
	v := viewOf(ctx)
	if v.site == nil {
		return "[" + key + "]"
	}
	return v.site.texts.number(v.lang, key, n, args)
}

// Say gives a text in a language; for what is written outside pages.
func (s *Site) Say(lang, key string, args ...string) string {
	return s.texts.text(s.language(lang), key, args)
}

// Has says whether there is a text with this key.
func (s *Site) Has(key string) bool { return s.texts.has(key) }
