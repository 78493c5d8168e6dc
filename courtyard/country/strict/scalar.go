package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// raw gives the text of a scalar as it was written.
func raw(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		if n.Value == nil {
			return "", true
		}
		return strings.TrimRight(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (d decoding) text(n ast.Node, v encoding.TextUnmarshaler, path string) {
	s, ok := raw(n)
	if !ok {
		d.add(n, "%swanted a single value, found %s", prefix(path), kind(n))
		return
	}
	if err := v.UnmarshalText([]byte(s)); err != nil {
		d.add(n, "%s%s", prefix(path), err)
	}
}

func (d decoding) scalar(n ast.Node, v reflect.Value, path string) {
	s, ok := raw(n)
	if !ok {
		d.add(n, "%swanted a single value, found %s", prefix(path), kind(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, isBool := n.(*ast.BoolNode)
		if !isBool {
			d.add(n, "%swanted true or false, found %q", prefix(path), short(s))
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
		if err != nil {
			d.add(n, "%swanted a whole number, found %q", prefix(path), short(s))
			return
		}
		v.SetInt(i)
	default:
		panic(fmt.Sprintf("strict: cannot read into %s", v.Type()))
	}
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// free reads a value whose type the file decides: string, bool, int64, list or
// map. Numbers with a point stay text, because money and shares are never
// floating point here.
func (d decoding) free(n ast.Node, path string, depth int) (any, bool) {
	if depth > maxDepth {
		d.add(n, "%s: nested deeper than %d levels", path, maxDepth)
		return nil, false
	}
	switch n := n.(type) {
	case *ast.NullNode, nil:
		return nil, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.IntegerNode:
		i, err := strconv.ParseInt(strings.ReplaceAll(n.GetToken().Value, "_", ""), 10, 64)
		if err != nil {
			d.add(n, "%swanted a whole number, found %q", prefix(path), short(n.GetToken().Value))
			return nil, false
		}
		return i, true
	case *ast.SequenceNode:
		out := make([]any, 0, len(n.Values))
		for i, e := range n.Values {
			x, ok := d.free(e, fmt.Sprintf("%s[%d]", path, i+1), depth+1)
			if !ok {
				return nil, false
			}
			out = append(out, x)
		}
		return out, true
	case *ast.MappingNode, *ast.MappingValueNode:
		values, ok := d.pairs(n, path)
		if !ok {
			return nil, false
		}
		out := map[string]any{}
		for _, p := range values {
			key, _ := keyOf(p)
			x, ok := d.free(p.Value, join(path, key), depth+1)
			if !ok {
				return nil, false
			}
			out[key] = x
		}
		return out, true
	}
	if s, ok := raw(n); ok {
		return s, true
	}
	d.add(n, "%sanchors, aliases, merges and tags are not read; write the value out", prefix(path))
	return nil, false
}
