package emvqr

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The ways in which a payload can be wrong. Errors wrap one of these and say
// where; they never repeat the payload, which may name a person.
var (
	ErrSyntax   = errors.New("emvqr: not a row of tag, length and value")
	ErrChecksum = errors.New("emvqr: checksum does not fit")
	ErrContent  = errors.New("emvqr: a required value is missing or not allowed")
)

// MaxPayload is the longest payload that is looked at, in bytes. MPM 3.2 allows
// 512 characters; 4 bytes is the longest UTF-8 character.
const MaxPayload = 4 * 512

// maxCharacters is MPM's limit of a whole payload.
const maxCharacters = 512

// Object is one data object: a tag of two digits and its value.
type Object struct {
	Tag   string
	Value string
}

// Message is a row of data objects in the order in which they stand.
type Message []Object

// Get gives the value of the first object with the tag, or nothing.
func (m Message) Get(tag string) string {
	for _, o := range m {
		if o.Tag == tag {
			return o.Value
		}
	}
	return ""
}

// Has says whether there is an object with the tag.
func (m Message) Has(tag string) bool {
	for _, o := range m {
		if o.Tag == tag {
			return true
		}
	}
	return false
}

// Add appends an object unless its value is empty: MPM has no empty objects.
func (m *Message) Add(tag, value string) {
	if value != "" {
		*m = append(*m, Object{tag, value})
	}
}

// Encode writes the objects without a checksum; templates are made this way.
func (m Message) Encode() (string, error) {
	var b strings.Builder
	for _, o := range m {
		n, err := characters(o.Value)
		switch {
		case err != nil:
			return "", fmt.Errorf("tag %s: %w", o.Tag, err)
		case !isTag(o.Tag):
			return "", fmt.Errorf("%w: a tag has two digits", ErrSyntax)
		case n == 0 || n > 99:
			return "", fmt.Errorf("%w: tag %s has %d characters, allowed are 1 to 99", ErrContent, o.Tag, n)
		}
		fmt.Fprintf(&b, "%s%02d%s", o.Tag, n, o.Value)
	}
	return b.String(), nil
}

// ParseTemplate reads objects up to the end of text; there is no checksum. An
// object may not have length 00 and a tag may not occur twice.
func ParseTemplate(text string) (Message, error) {
	if len(text) > MaxPayload || !utf8.ValidString(text) {
		return nil, fmt.Errorf("%w: too long, or not UTF-8", ErrSyntax)
	}
	var m Message
	var seen [100]bool
	for at := 0; at < len(text); {
		rest := text[at:]
		if len(rest) < 4 || !isTag(rest[:2]) || !isTag(rest[2:4]) {
			return nil, fmt.Errorf("%w: at byte %d", ErrSyntax, at)
		}
		tag, length := number(rest[:2]), number(rest[2:4])
		end := 4
		for range length {
			_, size := utf8.DecodeRuneInString(rest[end:])
			if size == 0 {
				return nil, fmt.Errorf("%w: tag %02d ends before its length of %d", ErrSyntax, tag, length)
			}
			end += size
		}
		if length == 0 || seen[tag] {
			return nil, fmt.Errorf("%w: tag %02d is empty or occurs twice", ErrSyntax, tag)
		}
		if _, err := characters(rest[4:end]); err != nil {
			return nil, fmt.Errorf("tag %02d: %w", tag, err)
		}
		seen[tag] = true
		m = append(m, Object{rest[:2], rest[4:end]})
		at += end
	}
	return m, nil
}

// characters counts as MPM counts. Letters outside the basic plane are refused
// because readers disagree on whether they are one character or two; control
// and direction-changing characters have no place in a name that is shown to
// somebody who is about to pay.
func characters(s string) (int, error) {
	n := 0
	for _, r := range s {
		switch {
		case r > 0xFFFF || r == utf8.RuneError:
			return 0, fmt.Errorf("%w: a character outside the basic plane", ErrContent)
		case r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0x061C || r >= 0x200E && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF:
			return 0, fmt.Errorf("%w: a control character", ErrContent)
		}
		n++
	}
	return n, nil
}

func isTag(s string) bool {
	return len(s) == 2 && s[0] >= '0' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9'
}

func number(two string) int { return int(two[0]-'0')*10 + int(two[1]-'0') }

// Checksum is CRC-16/CCITT-FALSE (polynomial 1021, initial value FFFF, not
// reflected) over the bytes of text, as four upper-case hexadecimal digits.
func Checksum(text string) string {
	crc := uint16(0xFFFF)
	for i := range len(text) {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return fmt.Sprintf("%04X", crc)
}

// seal appends the checksum object with the given tag (63 in MPM, 10 in P2P).
func seal(body, tag string) string {
	body += tag + "04"
	return body + Checksum(body)
}

// unseal checks that text ends with a fitting checksum object and gives what
// stands before it. Lower-case digits are accepted from others, never written.
func unseal(text, tag string) (string, error) {
	text = strings.Trim(text, " \t\r\n")
	if len(text) > MaxPayload || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxCharacters {
		return "", fmt.Errorf("%w: longer than %d characters, or not UTF-8", ErrSyntax, maxCharacters)
	}
	at := len(text) - 8
	if at < 0 || text[at:at+4] != tag+"04" {
		return "", fmt.Errorf("%w: no checksum at the end", ErrSyntax)
	}
	if Checksum(text[:at+4]) != strings.ToUpper(text[at+4:]) {
		return "", ErrChecksum
	}
	return text[:at], nil
}
