package xsd

import (
	"slices"
	"strings"
	"sync"
)

// Regexp is a regular expression of XML Schema (part 2, appendix F). It matches
// whole values: there are no anchors, ^ and $ are ordinary characters. It is
// made into a table of states when it is first used.
type Regexp struct {
	Source string
	once   sync.Once
	dfa    *dfa
	err    error
}

// Err is the reason why the expression cannot be understood, or nil.
func (p *Regexp) Err() error {
	p.once.Do(func() { p.dfa, p.err = compile(p.Source) })
	return p.err
}

// Match says whether the whole value is in the language of the expression. An
// expression that cannot be understood matches nothing.
func (p *Regexp) Match(value string) bool {
	if p.Err() != nil {
		return false
	}
	d := p.dfa
	state := 0
	ascii := true
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c >= 0x80 {
			ascii = false
			break
		}
		state = int(d.next[state*d.classes+int(d.ascii[c])])
		if state == dead {
			return false
		}
	}
	if ascii {
		return d.accept[state]
	}
	state = 0
	for _, c := range value {
		state = int(d.next[state*d.classes+d.class(c)])
		if state == dead {
			return false
		}
	}
	return d.accept[state]
}

const (
	dead      = 0xffff
	maxStates = 20_000
)

// dfa is the table of states: next[state*classes+class].
type dfa struct {
	classes int
	ascii   [128]uint16
	bounds  []rune // sorted first characters of the classes
	next    []uint16
	accept  []bool
	safe    bool // it matches nothing that XML writes as a reference
}

func (d *dfa) class(c rune) int {
	i, found := slices.BinarySearch(d.bounds, c)
	if !found {
		i--
	}
	return i
}

// nfa is Thompson's construction; state 0 is where it begins.
type nfa struct {
	eps   [][]int
	edges [][]edge
}

type edge struct {
	set set
	to  int
}

func (n *nfa) add() int {
	n.eps, n.edges = append(n.eps, nil), append(n.edges, nil)
	return len(n.eps) - 1
}

func (n *nfa) build(x node, from int) (to int) {
	switch x := x.(type) {
	case chars:
		to = n.add()
		n.edges[from] = append(n.edges[from], edge{set(x), to})
	case concat:
		to = from
		for _, part := range x {
			to = n.build(part, to)
		}
	case union:
		to = n.add()
		for _, part := range x {
			start := n.add()
			n.eps[from] = append(n.eps[from], start)
			end := n.build(part, start)
			n.eps[end] = append(n.eps[end], to)
		}
	case repeat:
		to = from
		for range x.min {
			to = n.build(x.of, to)
		}
		if x.max < 0 {
			start := n.add()
			n.eps[to] = append(n.eps[to], start)
			end := n.build(x.of, start)
			n.eps[end] = append(n.eps[end], start)
			to = start
			break
		}
		end := n.add()
		for range x.max - x.min {
			n.eps[to] = append(n.eps[to], end)
			to = n.build(x.of, to)
		}
		n.eps[to] = append(n.eps[to], end)
		to = end
	}
	return to
}

func (n *nfa) close(states []int) []int {
	seen := map[int]bool{}
	for _, s := range states {
		seen[s] = true
	}
	for i := 0; i < len(states); i++ {
		for _, e := range n.eps[states[i]] {
			if !seen[e] {
				seen[e] = true
				states = append(states, e)
			}
		}
	}
	slices.Sort(states)
	return states
}

func compile(source string) (*dfa, error) {
	tree, err := parseRegexp(source)
	if err != nil {
		return nil, err
	}
	n := &nfa{}
	final := n.build(tree, n.add())
	if len(n.eps) > maxStates {
		return nil, errTooLarge
	}
	d := &dfa{bounds: []rune{0}, safe: true}
	for _, edges := range n.edges {
		for _, e := range edges {
			for _, r := range e.set {
				d.safe = d.safe && r.lo >= ' ' && r.hi < 0x7f && !strings.ContainsFunc("&<>\"", e.set.has)
				d.bounds = append(d.bounds, r.lo, r.hi+1)
			}
		}
	}
	slices.Sort(d.bounds)
	d.bounds = slices.Compact(d.bounds)
	d.classes = len(d.bounds)
	for c := range d.ascii {
		d.ascii[c] = uint16(d.class(rune(c)))
	}
	key := func(states []int) string {
		b := make([]byte, 0, 3*len(states))
		for _, s := range states {
			b = append(b, byte(s), byte(s>>8), byte(s>>16))
		}
		return string(b)
	}
	start := n.close([]int{0})
	names := map[string]int{key(start): 0}
	todo := [][]int{start}
	for i := 0; i < len(todo); i++ {
		from := todo[i]
		d.accept = append(d.accept, slices.Contains(from, final))
		for _, first := range d.bounds {
			var to []int
			for _, s := range from {
				for _, e := range n.edges[s] {
					if e.set.has(first) && !slices.Contains(to, e.to) {
						to = append(to, e.to)
					}
				}
			}
			if len(to) == 0 {
				d.next = append(d.next, dead)
				continue
			}
			to = n.close(to)
			k := key(to)
			number, known := names[k]
			if !known {
				number = len(todo)
				if number >= maxStates {
					return nil, errTooLarge
				}
				names[k] = number
				todo = append(todo, to)
			}
			d.next = append(d.next, uint16(number))
		}
	}
	return d, nil
}
