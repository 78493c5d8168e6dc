package xmldsig

import (
	"bytes"
	"unicode/utf8"
)

// text reads character data up to the next "<" and leaves in the sink what
// canonical form changes: line ends, references and ">".
func (s *scanner) text() error {
	in, i, k := s.in, s.pos, s.sink
	begin, blankOnly := i, s.elems[len(s.elems)-1].blank
	for {
		for class[in[i]]&stopText == 0 {
			i++
		}
		switch c := in[i]; c {
		case '<':
			if blankOnly && !isBlank(in[begin:i]) {
				return s.stray(begin)
			}
			s.pos = i
			return nil
		case '&':
			r, n, err := s.reference(i)
			if err != nil {
				return err
			}
			if blankOnly {
				return s.stray(i)
			}
			if k != nil {
				k.flush(in, i)
				k.out = appendText(k.out, r)
				k.from = i + n
			}
			i += n
		case '\r':
			if k != nil {
				k.flush(in, i)
				if in[i+1] != '\n' {
					k.out = append(k.out, '\n')
				}
				k.from = i + 1
			}
			i++
		case '>':
			if k != nil {
				k.flush(in, i)
				k.out = append(k.out, "&gt;"...)
				k.from = i + 1
			}
			i++
		case ']':
			if in[i+1] == ']' && in[i+2] == '>' {
				return s.wrong(i, `"]]>" in text`)
			}
			i++
		case 0xEF:
			if noChar(in[i:]) {
				return s.wrong(i, "U+FFFE or U+FFFF is not a character of XML")
			}
			i++
		default:
			if i >= s.end {
				e := &s.elems[len(s.elems)-1]
				return s.wrong(i, "the message ends within <%.60s>", in[e.name.from:e.name.to])
			}
			return s.wrong(i, "control character %U", c)
		}
	}
}

func (s *scanner) stray(at int) error {
	e := &s.elems[len(s.elems)-1]
	return structure("byte %d: text directly in <%.60s>, outside of what can be signed", at, s.in[e.name.from:e.name.to])
}

func isBlank(b []byte) bool {
	for _, c := range b {
		if class[c]&blank == 0 {
			return false
		}
	}
	return true
}

// reference reads a character reference or one of the five predefined entities
// at i. There is no way to declare others, so any other is refused.
func (s *scanner) reference(i int) (r rune, n int, err error) {
	in := s.in
	if in[i+1] == '#' {
		j, v := i+2, 0
		if in[j] == 'x' {
			for j++; ; j++ {
				d := hexDigit(in[j])
				if d < 0 || v > utf8.MaxRune {
					break
				}
				v = v<<4 | d
			}
			if in[j] != ';' || j == i+3 {
				return 0, 0, s.wrong(i, "a character reference that is not well-formed")
			}
		} else {
			for ; in[j] >= '0' && in[j] <= '9' && v <= utf8.MaxRune; j++ {
				v = v*10 + int(in[j]-'0')
			}
			if in[j] != ';' || j == i+2 {
				return 0, 0, s.wrong(i, "a character reference that is not well-formed")
			}
		}
		if !isChar(rune(v)) {
			return 0, 0, s.wrong(i, "a reference to %#x, which is not a character of XML", v)
		}
		return rune(v), j + 1 - i, nil
	}
	rest := in[i+1:]
	switch {
	case bytes.HasPrefix(rest, []byte("amp;")):
		return '&', 5, nil
	case bytes.HasPrefix(rest, []byte("lt;")):
		return '<', 4, nil
	case bytes.HasPrefix(rest, []byte("gt;")):
		return '>', 4, nil
	case bytes.HasPrefix(rest, []byte("quot;")):
		return '"', 6, nil
	case bytes.HasPrefix(rest, []byte("apos;")):
		return '\'', 6, nil
	}
	return 0, 0, s.wrong(i, `"&" begins neither a character reference nor a predefined entity; other entities are refused`)
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// marked reads what begins with "<!".
func (s *scanner) marked() error {
	rest := s.in[s.pos:s.end]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return s.comment()
	case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(s.elems) > 0:
		return s.cdata()
	case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
		return s.wrong(s.pos, "a document type declaration; messages may hold none")
	}
	return s.wrong(s.pos, `"<!" begins neither a comment nor a CDATA section`)
}

func (s *scanner) comment() error {
	in, begin := s.in, s.pos
	i := begin + 4
	for {
		for class[in[i]]&stopSkip == 0 {
			i++
		}
		switch c := in[i]; {
		case c == '-' && in[i+1] == '-':
			if in[i+2] != '>' {
				return s.wrong(i, `"--" within a comment`)
			}
			s.putComment(begin, i)
			s.pos = i + 3
			return nil
		case c == '-' || c == ']' || c == '\r' || c == 0xEF && !noChar(in[i:]):
			i++
		default:
			return s.badSkip(i, begin, "a comment")
		}
	}
}

// putComment takes the comment out of the sink's way, or writes it there when
// comments are kept (Canonical XML 1.0, 2.3: those outside of the root element
// stand on lines of their own).
func (s *scanner) putComment(begin, to int) {
	k := s.sink
	if k == nil {
		return
	}
	k.flush(s.in, begin)
	k.from = to + 3
	if !s.comments {
		return
	}
	if k.closed {
		k.out = append(k.out, '\n')
	}
	k.out = append(k.out, "<!--"...)
	k.out = appendLines(k.out, s.in[begin+4:to])
	k.out = append(k.out, "-->"...)
	if !k.opened {
		k.out = append(k.out, '\n')
	}
}

func (s *scanner) cdata() error {
	in, begin := s.in, s.pos
	first := begin + len("<![CDATA[")
	for i := first; ; {
		for class[in[i]]&stopSkip == 0 {
			i++
		}
		switch c := in[i]; {
		case c == ']' && in[i+1] == ']' && in[i+2] == '>':
			if s.elems[len(s.elems)-1].blank {
				return s.stray(begin)
			}
			if k := s.sink; k != nil {
				k.flush(in, begin)
				k.out = appendEscapedText(k.out, in[first:i])
				k.from = i + 3
			}
			s.pos = i + 3
			return nil
		case c == '-' || c == ']' || c == '\r' || c == 0xEF && !noChar(in[i:]):
			i++
		default:
			return s.badSkip(i, begin, "a CDATA section")
		}
	}
}

func (s *scanner) badSkip(i, begin int, what string) error {
	switch {
	case i >= s.end:
		return s.wrong(begin, "%s does not end", what)
	case s.in[i] == 0xEF:
		return s.wrong(i, "U+FFFE or U+FFFF is not a character of XML")
	}
	return s.wrong(i, "control character %U", s.in[i])
}

// appendText appends one character of text in canonical form.
func appendText(out []byte, r rune) []byte {
	switch r {
	case '&':
		return append(out, "&amp;"...)
	case '<':
		return append(out, "&lt;"...)
	case '>':
		return append(out, "&gt;"...)
	case '\r':
		return append(out, "&#xD;"...)
	}
	return utf8.AppendRune(out, r)
}

// appendEscapedText appends raw character data: line ends normalised, then
// escaped.
func appendEscapedText(out, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '>':
			out = append(out, "&gt;"...)
		case '\r':
			if i+1 == len(raw) || raw[i+1] != '\n' {
				out = append(out, '\n')
			}
		default:
			out = append(out, c)
		}
	}
	return out
}

// appendLines appends raw text with line ends normalised.
func appendLines(out, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\r' {
			out = append(out, raw[i])
		} else if i+1 == len(raw) || raw[i+1] != '\n' {
			out = append(out, '\n')
		}
	}
	return out
}
