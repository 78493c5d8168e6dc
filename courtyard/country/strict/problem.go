package strict

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Pos is a place in a file. A struct that embeds Pos is given the place of the
// mapping it was read from, so that later checks can point at it too.
type Pos struct {
	File string
	Line int // from 1
}

// String gives "file:line".
func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Problem is one mistake in a file.
type Problem struct {
	Pos
	Reason string
}

// Error gives "file:line: reason".
func (p Problem) Error() string { return p.String() + ": " + p.Reason }

// Problems are the mistakes of one reading, in the order of files and lines.
type Problems []Problem

// Error gives one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted gives the problems by file and line, each once.
func (ps Problems) sorted() Problems {
	out := append(Problems(nil), ps...)
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].File != out[j].File {
			return out[i].File < out[j].File
		}
		return out[i].Line < out[j].Line
	})
	kept := out[:0]
	for i, p := range out {
		if i == 0 || p != out[i-1] {
			kept = append(kept, p)
		}
	}
	return kept
}

// Of gives the problems inside err, or none.
func Of(err error) Problems {
	var ps Problems
	if errors.As(err, &ps) {
		return ps
	}
	return nil
}
