package xsd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

var errTooLarge = errors.New("pattern: too many states")

// A node is a part of an expression.
type (
	node   any // chars, concat, union or repeat
	chars  set
	concat []node
	union  []node
	repeat struct {
		of       node
		min, max int // max < 0: no end
	}
)

type span struct{ lo, hi rune }

// set is a set of characters: sorted spans that do not touch.
type set []span

func (s set) has(c rune) bool {
	for _, r := range s {
		if c >= r.lo && c <= r.hi {
			return true
		}
	}
	return false
}

func normal(s set) set {
	slices.SortFunc(s, func(a, b span) int { return int(a.lo) - int(b.lo) })
	var out set
	for _, r := range s {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

func (s set) not() set {
	var out set
	next := rune(0)
	for _, r := range normal(s) {
		if r.lo > next {
			out = append(out, span{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, span{next, unicode.MaxRune})
	}
	return out
}

func (s set) minus(t set) set {
	return append(slices.Clone(s.not()), t...).not()
}

func fromTable(tables ...*unicode.RangeTable) set {
	var s set
	for _, t := range tables {
		for _, r := range t.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				s = append(s, span{c, c})
			}
		}
		for _, r := range t.R32 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				s = append(s, span{c, c})
			}
		}
	}
	return normal(s)
}

type patternParser struct {
	text []rune
	at   int
}

func parseRegexp(source string) (node, error) {
	p := &patternParser{text: []rune(source)}
	n, err := p.union()
	if err == nil && p.at < len(p.text) {
		err = p.bad("a parenthesis that was not opened")
	}
	return n, err
}

func (p *patternParser) bad(why string) error {
	return fmt.Errorf("pattern, character %d: %s", p.at+1, why)
}

func (p *patternParser) peek() rune {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return -1
}

func (p *patternParser) union() (node, error) {
	var all union
	for {
		var branch concat
		for c := p.peek(); c != -1 && c != '|' && c != ')'; c = p.peek() {
			piece, err := p.piece()
			if err != nil {
				return nil, err
			}
			branch = append(branch, piece)
		}
		all = append(all, branch)
		if p.peek() != '|' {
			break
		}
		p.at++
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

func (p *patternParser) piece() (node, error) {
	atom, err := p.atom()
	if err != nil {
		return nil, err
	}
	switch p.peek() {
	case '?':
		p.at++
		return repeat{atom, 0, 1}, nil
	case '*':
		p.at++
		return repeat{atom, 0, -1}, nil
	case '+':
		p.at++
		return repeat{atom, 1, -1}, nil
	case '{':
		p.at++
		low, ok := p.number()
		if !ok {
			return nil, p.bad("a number is wanted")
		}
		high := low
		if p.peek() == ',' {
			p.at++
			if high, ok = p.number(); !ok {
				high = -1
			}
		}
		if p.peek() != '}' || high >= 0 && high < low || max(low, high) > maxStates {
			return nil, p.bad("a quantity like {2,5} is wanted")
		}
		p.at++
		return repeat{atom, low, high}, nil
	}
	return atom, nil
}

func (p *patternParser) number() (n int, ok bool) {
	for c := p.peek(); c >= '0' && c <= '9' && n <= maxStates; c = p.peek() {
		n, ok = n*10+int(c-'0'), true
		p.at++
	}
	return n, ok
}

func (p *patternParser) atom() (node, error) {
	c := p.peek()
	p.at++
	switch c {
	case '(':
		n, err := p.union()
		if err == nil && p.peek() != ')' {
			err = p.bad("a parenthesis is not closed")
		}
		p.at++
		return n, err
	case '[':
		s, err := p.class()
		return chars(s), err
	case '\\':
		s, err := p.escape()
		return chars(s), err
	case '.':
		return chars(set{{'\n', '\n'}, {'\r', '\r'}}.not()), nil
	case '?', '*', '+', '{', '}', ']':
		p.at--
		return nil, p.bad("a quantity with nothing before it, or a bracket too many")
	}
	return chars(set{{c, c}}), nil
}

// class reads after the opening bracket.
func (p *patternParser) class() (set, error) {
	negated := p.peek() == '^'
	if negated {
		p.at++
	}
	var s set
	for first := true; ; first = false {
		c := p.peek()
		switch {
		case c == -1:
			return nil, p.bad("a bracket is not closed")
		case c == ']' && !first:
			p.at++
			if negated {
				return s.not(), nil
			}
			return normal(s), nil
		case c == '-' && p.at+1 < len(p.text) && p.text[p.at+1] == '[' && !first:
			p.at += 2
			without, err := p.class()
			if err != nil {
				return nil, err
			}
			if p.peek() != ']' {
				return nil, p.bad("nothing may follow what is taken away")
			}
			p.at++
			if negated {
				s = s.not()
			}
			return normal(s).minus(without), nil
		case c == '[' || c == ']':
			return nil, p.bad("write \\[ or \\] within brackets")
		}
		low, err := p.member()
		if err != nil {
			return nil, err
		}
		single := len(low) == 1 && low[0].lo == low[0].hi
		if p.peek() == '-' && single && p.at+1 < len(p.text) && p.text[p.at+1] != ']' && p.text[p.at+1] != '[' {
			p.at++
			high, err := p.member()
			if err != nil {
				return nil, err
			}
			if len(high) != 1 || high[0].lo != high[0].hi || high[0].lo < low[0].lo {
				return nil, p.bad("a range that runs backwards")
			}
			low = set{{low[0].lo, high[0].lo}}
		}
		s = append(s, low...)
	}
}

func (p *patternParser) member() (set, error) {
	c := p.peek()
	p.at++
	if c == '\\' {
		return p.escape()
	}
	return set{{c, c}}, nil
}

var (
	spaceSet = set{{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}}
	startSet = set{{':', ':'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x2ff}, {0x370, 0x37d}, {0x37f, 0x1fff},
		{0x200c, 0x200d}, {0x2070, 0x218f}, {0x2c00, 0x2fef}, {0x3001, 0xd7ff}, {0xf900, 0xfdcf}, {0xfdf0, 0xfffd}, {0x10000, 0xeffff}}
	nameSet = normal(append(slices.Clone(startSet), span{'-', '.'}, span{'0', '9'}, span{0xb7, 0xb7}, span{0x300, 0x36f}, span{0x203f, 0x2040}))
)

// escape reads after the backslash.
func (p *patternParser) escape() (set, error) {
	c := p.peek()
	p.at++
	switch c {
	case 'n':
		return set{{'\n', '\n'}}, nil
	case 'r':
		return set{{'\r', '\r'}}, nil
	case 't':
		return set{{'\t', '\t'}}, nil
	case 's', 'S':
		return turn(spaceSet, c == 'S'), nil
	case 'i', 'I':
		return turn(startSet, c == 'I'), nil
	case 'c', 'C':
		return turn(nameSet, c == 'C'), nil
	case 'd', 'D':
		return turn(fromTable(unicode.Nd), c == 'D'), nil
	case 'w', 'W':
		return turn(fromTable(unicode.P, unicode.Z, unicode.C), c == 'w'), nil
	case 'p', 'P':
		end := slices.Index(p.text[min(p.at, len(p.text)):], '}')
		if p.peek() != '{' || end < 0 {
			return nil, p.bad("a category like \\p{Lu} is wanted")
		}
		table, ok := unicode.Categories[string(p.text[p.at+1:p.at+end])]
		if !ok {
			return nil, p.bad("a category of Unicode is wanted; blocks are not known")
		}
		p.at += end + 1
		return turn(fromTable(table), c == 'P'), nil
	}
	if c == -1 || !strings.ContainsRune(`\|.-^?*+{}()[]`, c) {
		return nil, p.bad("an escape that is not known")
	}
	return set{{c, c}}, nil
}

func turn(s set, negated bool) set {
	if negated {
		return s.not()
	}
	return s
}
