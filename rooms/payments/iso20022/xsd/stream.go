package xsd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// feed is where more of a document comes from, and what was read of it.
type feed struct {
	from         io.Reader
	buf          []byte
	ended        bool
	err          error   // of from
	size, limit  int64   // octets taken so far and at most; 0: no limit
	checked      int     // octets of the document in memory known to be UTF-8
	kept         int     // octets before them that are the tags of open elements
	line, column int     // line breaks and characters before what is in memory
	containers   []*Type // elements that are not held in memory as a whole
}

const chunk = 256 << 10

// Stream reads a document that need not fit into memory. The elements of the
// types in containers, the document element's among them, are read child by
// child with [Reader.Next]; every other element is in memory as a whole while it
// is read, up to [Limits].Element octets. into gets the reader after the start
// tag of the document element and must read that element, with Into or by
// [Reader.Enter] and [Reader.Next].
func Stream(from io.Reader, root *Root, limits Limits, containers []*Type, into func(*Reader)) error {
	r := readers.Get().(*Reader)
	r.root, r.limits = root, limits.filled()
	r.feed = &feed{from: from, limit: limits.Size, containers: containers, buf: make([]byte, chunk)}
	for !r.over && !r.complete(nil) && !r.feed.ended && len(r.src) < r.limits.Element && r.more(len(r.src)) {
		continue
	}
	if !r.over && r.begin() {
		into(r)
		for !r.over && !r.feed.ended && r.more(1) {
			if r.space(); len(r.src)-r.pos > r.limits.Element {
				r.fail(r.pos, Limit, "too much follows the document's element")
			}
		}
		r.end()
	}
	errs, err := r.errs, r.feed.err
	r.release()
	if err != nil {
		return fmt.Errorf("xsd: reading the stream: %w", err)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// Enter goes into the child that Next just opened, to read its children by Next.
func (r *Reader) Enter() { r.enter() }

// Err is the first error so far, or nil; reading has ended or goes on with the
// next value.
func (r *Reader) Err() error {
	if len(r.errs) == 0 {
		return nil
	}
	return r.errs
}

// Stop ends the reading with an error of the caller.
func (r *Reader) Stop(rule Rule, advice string) { r.fail(r.pos, rule, advice) }

// fill sees to it that the next child of a container is in memory: as a whole,
// or its start tag if it is a container too.
func (r *Reader) fill(t *Type) bool {
	if !slices.Contains(r.feed.containers, t) {
		return true // in memory with the element it is in
	}
	for !r.complete(t) {
		if len(r.src)-r.pos > r.limits.Element {
			r.fail(r.pos, Limit, "the element is too large")
			return false
		}
		if r.feed.ended {
			return true // the reading finds out what is missing
		}
		if !r.more(len(r.src) - r.pos) { // as much again, so that a long element is not searched often
			return false
		}
	}
	return true
}

// more takes at least so many octets, if there are, and drops what was read, but
// for the names of the elements that are open.
func (r *Reader) more(least int) bool {
	f := r.feed
	n, err := io.ReadAtLeast(f.from, f.buf, min(max(least, 1), len(f.buf)))
	f.size += int64(n)
	switch {
	case f.limit > 0 && f.size > f.limit:
		r.fail(r.pos, Limit, "the document is too large")
		return false
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		f.ended = true
	case err != nil:
		f.err = err
		r.fail(r.pos, WellFormed, "the document could not be read to its end")
		return false
	}
	dropped := r.src[f.kept:max(r.pos, f.kept)]
	if i := strings.LastIndexByte(dropped, '\n'); i >= 0 {
		f.line += strings.Count(dropped, "\n")
		f.column = utf8.RuneCountInString(dropped[i+1:])
	} else {
		f.column += utf8.RuneCountInString(dropped)
	}
	var b strings.Builder
	b.Grow(len(r.src) - r.pos + n + 64)
	for i := range r.frames {
		o := &r.frames[i].open
		start := b.Len()
		b.WriteByte('<')
		b.WriteString(r.name(o))
		o.start, o.end = int32(start), int32(b.Len())
	}
	f.kept = b.Len()
	b.WriteString(r.src[max(r.pos, 0):])
	b.Write(f.buf[:n])
	known := f.kept + max(0, f.checked-r.pos)
	r.src, r.pos = b.String(), f.kept
	return r.utf8From(known)
}

// utf8From checks the octets that came last. A character that is not complete
// yet waits for the next chunk.
func (r *Reader) utf8From(at int) bool {
	rest := r.src[at:]
	if !r.feed.ended {
		for cut := 1; cut <= 3 && cut <= len(rest); cut++ {
			if c := rest[len(rest)-cut]; utf8.RuneStart(c) {
				if !utf8.FullRuneInString(rest[len(rest)-cut:]) {
					rest = rest[:len(rest)-cut]
				}
				break
			}
		}
	}
	r.feed.checked = at + len(rest)
	if !utf8.ValidString(rest) && r.encoding() {
		r.fail(at+invalidAt(rest), WellFormed, "the document must be in UTF-8")
	}
	return !r.over
}

// complete says whether the next child, or the end tag, is in memory; of the
// document (t is nil) the start tag.
func (r *Reader) complete(t *Type) bool {
	s, depth := r.src[r.pos:], 0
	whole := true
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return false
		}
		s = s[i:]
		var end int
		switch {
		case strings.HasPrefix(s, "<!--"):
			end = after(s, 4, "-->")
		case strings.HasPrefix(s, "<![CDATA["):
			end = after(s, 9, "]]>")
		case len(s) < 9: // which of them it is stands in the next chunk
			end = -1
			if strings.IndexByte(s, '>') > 0 {
				end = strings.IndexByte(s, '>') + 1
			}
		default:
			end = tagEnd(s)
		}
		if end < 0 {
			return false
		}
		tag := s[:end]
		s = s[end:]
		switch {
		case tag[1] == '!':
			continue
		case tag[1] == '?' && t == nil:
			continue // the declaration
		case tag[1] == '?' || t == nil:
			return true
		case tag[1] == '/':
			depth--
		case tag[len(tag)-2] != '/':
			depth++
			if depth == 1 {
				whole = !r.contained(t, tag)
			}
		}
		if depth <= 0 || !whole {
			return true
		}
	}
}

// contained says whether the tag opens a container.
func (r *Reader) contained(t *Type, tag string) bool {
	name := tag[1:strings.IndexAny(tag+">", " \t\r\n/>")]
	i := t.Index(localName(name))
	return i >= 0 && slices.Contains(r.feed.containers, t.Fields[i].Complex)
}

func after(s string, from int, mark string) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return -1
}

// tagEnd finds the end of a tag, past the quoted values.
func tagEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '>':
			return i + 1
		case '"', '\'':
			n := strings.IndexByte(s[i+1:], s[i])
			if n < 0 {
				return -1
			}
			i += n + 1
		}
	}
	return -1
}
