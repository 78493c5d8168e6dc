package strict

import (
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits of one file. A definition is written by hand: what is larger or
// deeper than this is a mistake or an attack.
const (
	maxBytes = 1 << 20
	maxDepth = 24
)

// Text is a sentence in several languages, by language code.
type Text map[string]string

// In gives the text in lang, or in any other language it has, English first.
func (t Text) In(lang string) string {
	if s, ok := t[lang]; ok {
		return s
	}
	if s, ok := t["en"]; ok {
		return s
	}
	for _, s := range t {
		return s
	}
	return ""
}

// Reader reads files and gathers what is wrong with them.
type Reader struct {
	// Languages every Text must have; none means that texts are not checked.
	Languages []string
	problems  Problems
}

// Add records a problem at a place.
func (r *Reader) Add(at Pos, format string, args ...any) {
	r.problems = append(r.problems, Problem{Pos: at, Reason: fmt.Sprintf(format, args...)})
}

// Err gives all problems so far as a Problems error, or nil.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems.sorted()
}

// File reads one file of a file system into v, a pointer to a struct.
func (r *Reader) File(fsys fs.FS, name string, v any) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		reason := "cannot be read"
		if errors.Is(err, fs.ErrNotExist) {
			reason = "the file is missing"
		}
		r.Add(Pos{File: name, Line: 1}, "%s", reason)
		return
	}
	r.Bytes(name, data, v)
}

// Bytes reads the text of the file called name into v, a pointer to a struct.
func (r *Reader) Bytes(name string, data []byte, v any) {
	top := Pos{File: name, Line: 1}
	switch {
	case len(data) > maxBytes:
		r.Add(top, "the file has %d bytes, more than the %d we read", len(data), maxBytes)
		return
	case !utf8.Valid(data):
		r.Add(top, "the file is not UTF-8 text")
		return
	}
	file, err := parse(data)
	if err != nil {
		r.syntax(top, err)
		return
	}
	docs := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d == nil || d.Body == nil })
	switch len(docs) {
	case 0:
		r.Add(top, "the file is empty")
	case 1:
		d := decoding{Reader: r, file: name}
		d.value(docs[0].Body, reflect.ValueOf(v).Elem(), "", 0)
	default:
		r.Add(place(name, docs[1].Body), "the file holds a second document; one file, one document")
	}
}

// parse keeps a defect of the YAML library from taking the program down: these
// files also come from people who upload them.
func parse(data []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot be read as YAML: %v", p)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

func (r *Reader) syntax(at Pos, err error) {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		at.Line = y.GetToken().Position.Line
		r.Add(at, "not well-formed YAML: %s", y.GetMessage())
		return
	}
	r.Add(at, "not well-formed YAML: %s", strings.SplitN(err.Error(), "\n", 2)[0])
}

func place(file string, n ast.Node) Pos { return Pos{File: file, Line: line(n)} }

// line gives the line a node begins in.
func line(n ast.Node) int {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return line(n.Values[0])
		}
	case *ast.MappingValueNode:
		if n.Key != nil {
			return n.Key.GetToken().Position.Line
		}
	case *ast.SequenceNode:
		if len(n.Values) > 0 && n.Values[0] != nil {
			return line(n.Values[0])
		}
	case *ast.LiteralNode:
		if n.Start != nil {
			return n.Start.Position.Line
		}
	}
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		return n.GetToken().Position.Line
	}
	return 1
}

type decoding struct {
	*Reader
	file string
}

func (d decoding) add(n ast.Node, format string, args ...any) {
	d.Add(Pos{d.file, line(n)}, format, args...)
}

var (
	posType  = reflect.TypeFor[Pos]()
	textType = reflect.TypeFor[Text]()
	unText   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value reads node n into v. path is what the reader of a message is told:
// "posts[2].title".
func (d decoding) value(n ast.Node, v reflect.Value, path string, depth int) {
	if depth > maxDepth {
		d.add(n, "%s: nested deeper than %d levels", path, maxDepth)
		return
	}
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode, *ast.DirectiveNode:
		d.add(n, "%sanchors, aliases, merges and tags are not read; write the value out", prefix(path))
		return
	}
	if v.Kind() == reflect.Pointer && !v.Type().Implements(unText) {
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), path, depth)
		v.Set(p)
		return
	}
	if v.CanAddr() && v.Addr().Type().Implements(unText) {
		d.text(n, v.Addr().Interface().(encoding.TextUnmarshaler), path)
		return
	}
	switch {
	case v.Type() == textType:
		d.sentence(n, v, path)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path, depth)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path, depth)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path, depth)
	case v.Kind() == reflect.Interface:
		if x, ok := d.free(n, path, depth); ok && x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, v, path)
	}
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// pairs gives the keys and values of a mapping, and says of anything else that
// a mapping was wanted. A key that comes twice is a mistake.
func (d decoding) pairs(n ast.Node, path string) ([]*ast.MappingValueNode, bool) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.add(n, "%swanted keys and values, found %s", prefix(path), kind(n))
		return nil, false
	}
	seen := map[string]int{}
	kept := values[:0:0]
	for _, p := range values {
		key, ok := keyOf(p)
		if !ok {
			d.add(p, "%sa key must be a plain word", prefix(path))
			continue
		}
		if first, twice := seen[key]; twice {
			d.add(p, "%skey %q stands here a second time (first in line %d)", prefix(path), key, first)
			continue
		}
		seen[key] = line(p)
		kept = append(kept, p)
	}
	return kept, true
}

func keyOf(p *ast.MappingValueNode) (string, bool) {
	switch k := p.Key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode, nil:
		return "nothing"
	}
	return "a single value"
}

type field struct {
	index    []int
	optional bool
}

// fields lists what a struct can hold by its yaml tags; embedded structs with
// the tag ",inline" give theirs to the outer one.
func fields(t reflect.Type, index []int, into map[string]field, order *[]string) (pos []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		if f.Type == posType && f.Anonymous {
			pos = at
			continue
		}
		tag, has := f.Tag.Lookup("yaml")
		if !has || tag == "-" {
			continue
		}
		name, rest, _ := strings.Cut(tag, ",")
		if rest == "inline" {
			if p := fields(f.Type, at, into, order); p != nil && pos == nil {
				pos = p
			}
			continue
		}
		into[name] = field{at, rest == "optional"}
		*order = append(*order, name)
	}
	return pos
}

func (d decoding) structure(n ast.Node, v reflect.Value, path string, depth int) {
	known, order := map[string]field{}, []string{}
	pos := fields(v.Type(), nil, known, &order)
	if pos != nil {
		v.FieldByIndex(pos).Set(reflect.ValueOf(Pos{d.file, line(n)}))
	}
	values, ok := d.pairs(n, path)
	if !ok {
		return
	}
	given := map[string]bool{}
	for _, p := range values {
		key, _ := keyOf(p)
		f, ok := known[key]
		if !ok {
			d.add(p, "%sunknown key %q; known here: %s", prefix(path), key, strings.Join(order, ", "))
			continue
		}
		given[key] = true
		if _, empty := p.Value.(*ast.NullNode); empty || p.Value == nil {
			if !f.optional {
				d.add(p, "%skey %q has no value", prefix(path), key)
			}
			continue
		}
		d.value(p.Value, v.FieldByIndex(f.index), join(path, key), depth+1)
	}
	for _, name := range order {
		if !given[name] && !known[name].optional {
			d.add(n, "%skey %q is missing", prefix(path), name)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d decoding) mapping(n ast.Node, v reflect.Value, path string, depth int) {
	values, ok := d.pairs(n, path)
	if !ok {
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(values))
	for _, p := range values {
		key, _ := keyOf(p)
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(p.Value, e, join(path, key), depth+1)
		m.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
	}
	v.Set(m)
}

func (d decoding) sequence(n ast.Node, v reflect.Value, path string, depth int) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.add(n, "%swanted a list, found %s", prefix(path), kind(n))
		return
	}
	s := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, e := range seq.Values {
		d.value(e, s.Index(i), fmt.Sprintf("%s[%d]", path, i+1), depth+1)
	}
	v.Set(s)
}

func (d decoding) sentence(n ast.Node, v reflect.Value, path string) {
	values, ok := d.pairs(n, path)
	if !ok {
		return
	}
	t := Text{}
	for _, p := range values {
		key, _ := keyOf(p)
		var s string
		d.scalar(p.Value, reflect.ValueOf(&s).Elem(), join(path, key))
		if len(d.Languages) > 0 && !slices.Contains(d.Languages, key) {
			d.add(p, "%s: %q is not a language of this pack (%s)", path, key, strings.Join(d.Languages, ", "))
		}
		if strings.TrimSpace(s) == "" {
			d.add(p, "%s: the text in %q is empty", path, key)
		}
		t[key] = s
	}
	for _, l := range d.Languages {
		if _, ok := t[l]; !ok {
			d.add(n, "%s: the text in %q is missing", path, l)
		}
	}
	v.Set(reflect.ValueOf(t))
}
