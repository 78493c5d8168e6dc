package payments

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sarai/courtyard/fault"
)

// Instruction is one payment as a file orders it. One of IBAN, Mobile and
// Number says who gets it.
type Instruction struct {
	Line      int64  // where it stands in the file, for messages
	Reference string // the program's own, up to 35 characters as in ISO 20022 (Max35Text)
	IBAN      string
	Mobile    string
	Number    string // the national number
	Name      string // compared with the account's holder when given
	Amount    int64  // minor units, more than nothing
	Currency  string // ISO 4217; "" is the country's
}

// Source gives the instructions of a file one after the other, and io.EOF at
// its end. A fault with a line is about that instruction, and the next one can
// be asked for; any other error is about the file.
type Source interface {
	Next() (Instruction, error)
}

// Columns of a CSV file, in any order. amount has to be there, and iban, mobile
// or national_number.
var bulkColumns = map[string]string{"reference": "reference", "iban": "iban", "mobile": "mobile", "national_number": "number", "cnic": "number", "name": "name", "amount": "amount"}

const (
	bulkField     = 200 // most bytes of a field
	bulkReference = 35
)

// NewBulkCSV reads payments from CSV as RFC 4180 has it, in UTF-8 with or
// without a byte order mark, lines ended by LF or CRLF. The first line names
// the columns: reference, iban, mobile, national_number, name, amount. Amounts
// are rupees with a point and at most as many decimals as the currency has,
// without grouping: 1250 or 1250.50. decimals is 2 for rupees.
func NewBulkCSV(r io.Reader, decimals int) (Source, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	c := &bulkCSV{csv: csv.NewReader(in), decimals: decimals, at: map[string]int{}}
	c.csv.ReuseRecord = true
	head, err := c.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "payments.bulk.csv.empty")
	}
	if err != nil {
		return nil, c.broken(err)
	}
	for i, title := range head {
		name, known := bulkColumns[strings.ToLower(strings.TrimSpace(title))]
		if !utf8.ValidString(title) {
			return nil, fault.New(fault.Invalid, "payments.bulk.csv.utf8", "line", "1")
		}
		if _, twice := c.at[name]; !known || twice {
			if len(title) > 40 {
				title = title[:runeEnd(title, 40)] + "…"
			}
			return nil, fault.New(fault.Invalid, "payments.bulk.csv.column", "column", strings.ToValidUTF8(title, "?"))
		}
		c.at[name] = i
	}
	_, amount := c.at["amount"]
	_, iban := c.at["iban"]
	_, mobile := c.at["mobile"]
	_, number := c.at["number"]
	if !amount || !iban && !mobile && !number {
		return nil, fault.New(fault.Invalid, "payments.bulk.csv.missing")
	}
	return c, nil
}

// runeEnd is the largest n up to most at which s can be cut.
func runeEnd(s string, most int) int {
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return most
}

type bulkCSV struct {
	csv      *csv.Reader
	decimals int
	at       map[string]int // column by name
}

// broken says in words why a file is no CSV.
func (c *bulkCSV) broken(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	key := "payments.bulk.csv.quote"
	if errors.Is(p.Err, csv.ErrFieldCount) {
		key = "payments.bulk.csv.count"
	}
	return fault.New(fault.Invalid, key, "line", strconv.Itoa(p.StartLine)).Because(err)
}

// Next implements [Source].
func (c *bulkCSV) Next() (Instruction, error) {
	record, err := c.csv.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return Instruction{}, io.EOF
		}
		return Instruction{}, c.broken(err)
	}
	line, _ := c.csv.FieldPos(0)
	in := Instruction{Line: int64(line)}
	bad := func(key string) (Instruction, error) {
		return in, fault.New(fault.Invalid, key, "line", strconv.Itoa(line))
	}
	for _, field := range record {
		switch {
		case len(field) > bulkField:
			return bad("payments.bulk.csv.long")
		case !utf8.ValidString(field):
			return bad("payments.bulk.csv.utf8")
		case strings.ContainsRune(field, 0):
			return bad("payments.bulk.csv.nul")
		}
	}
	get := func(name string) string {
		if i, ok := c.at[name]; ok {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	in.Reference, in.IBAN, in.Mobile, in.Number, in.Name = get("reference"), get("iban"), get("mobile"), get("number"), get("name")
	given := 0
	for _, v := range []string{in.IBAN, in.Mobile, in.Number} {
		if v != "" {
			given++
		}
	}
	switch {
	case given == 0:
		return bad("payments.bulk.csv.nobody")
	case given > 1:
		return bad("payments.bulk.csv.twice")
	case utf8.RuneCountInString(in.Reference) > bulkReference:
		return bad("payments.bulk.csv.reference")
	}
	amount, key := parseBulkAmount(get("amount"), c.decimals)
	if key != "" {
		return bad(key)
	}
	in.Amount = amount
	return in, nil
}

// parseBulkAmount reads an amount as programs write it. People's ways of
// writing (grouping, Urdu digits, a sign) are refused, each with its own
// message: a file says what it means in one way only.
func parseBulkAmount(s string, decimals int) (minor int64, problem string) {
	if s == "" {
		return 0, "payments.bulk.csv.amount.none"
	}
	whole, part, point := strings.Cut(s, ".")
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9' || r == '.':
		case r >= '٠' && r <= '٩' || r >= '۰' && r <= '۹' || r == '٫' || r == '٬':
			return 0, "payments.bulk.csv.amount.urdu"
		case r == ',':
			return 0, "payments.bulk.csv.amount.grouped"
		default:
			return 0, "payments.bulk.csv.amount"
		}
	}
	if whole == "" || point && part == "" || strings.Contains(part, ".") {
		return 0, "payments.bulk.csv.amount"
	}
	if len(part) > decimals {
		return 0, "payments.bulk.csv.amount.decimals"
	}
	if len(whole) > 13 {
		return 0, "payments.bulk.csv.amount.large"
	}
	minor, err := strconv.ParseInt(whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
	if err != nil {
		return 0, "payments.bulk.csv.amount"
	}
	if minor == 0 {
		return 0, "payments.bulk.csv.amount.nothing"
	}
	return minor, ""
}

// foldName makes names comparable: composed letters, single spaces, small
// Latin letters. It does not forgive other spellings.
func foldName(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFC.String(s)), " "))
}
