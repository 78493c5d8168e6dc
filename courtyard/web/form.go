package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sarai/courtyard/fault"
)

// Form is what a visitor sent. Reading a field cleans it; what cannot be
// accepted is kept as a message for that field, and the field reads as its
// zero value. Ask Err when all fields are read.
type Form struct {
	c      *Ctx
	values url.Values
	files  map[string]*Upload
	fields []fault.Field // messages, in the order they arose
	whole  *fault.Error  // a message about the form as a whole

	summarised bool
}

// Need is what a field has to be besides clean.
type Need func(f *Form, name, value string) (key string, args []string)

// Required refuses an empty field. key is the message: "Enter your full name".
func Required(key string) Need {
	return func(_ *Form, _, v string) (string, []string) {
		if v == "" {
			return key, nil
		}
		return "", nil
	}
}

// Longest refuses more than n characters.
func Longest(n int) Need {
	return func(_ *Form, _, v string) (string, []string) {
		if got := utf8.RuneCountInString(v); got > n {
			return "web.form.long", []string{"most", strconv.Itoa(n), "got", strconv.Itoa(got)}
		}
		return "", nil
	}
}

// fieldLimit and proseLimit are the most characters a field takes when the
// room does not say; bodyLimit the most bytes of a form without files.
const (
	fieldLimit = 200
	proseLimit = 5000
	bodyLimit  = 256 << 10
)

// Form reads the request's form. most is the largest file in bytes that is
// taken: a larger one is not kept, not even in memory, and File says so.
func (c *Ctx) Form(most ...int64) (*Form, error) {
	if c.view.form != nil {
		return c.view.form, nil
	}
	f := &Form{c: c, values: url.Values{}, files: map[string]*Upload{}}
	mediaType, params, _ := mime.ParseMediaType(c.R.Header.Get("Content-Type"))
	var err error
	if mediaType == "multipart/form-data" {
		largest := int64(0)
		if len(most) > 0 {
			largest = most[0]
		}
		c.uploads(largest)
		err = f.readParts(multipart.NewReader(c.R.Body, params["boundary"]), largest)
	} else {
		c.R.Body = http.MaxBytesReader(c.W, c.R.Body, bodyLimit)
		if err = c.R.ParseForm(); err == nil {
			f.values = c.R.PostForm
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, fault.New(fault.TooLarge, "web.form.too-large").Because(err)
	case err != nil:
		var known *fault.Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, fault.New(fault.Invalid, "web.form.broken").Because(err)
	}
	c.view.form = f
	return f, nil
}

// Text reads one line of text: trimmed, in Unicode NFC, without control
// characters and without the invisible marks that reorder text.
func (f *Form) Text(name string, needs ...Need) string {
	return f.read(name, false, fieldLimit, needs)
}

// Prose reads text of several lines.
func (f *Form) Prose(name string, needs ...Need) string {
	return f.read(name, true, proseLimit, needs)
}

func (f *Form) read(name string, lines bool, limit int, needs []Need) string {
	v, p := cleaned(f.values.Get(name), lines)
	f.values.Set(name, v)
	if p != nil {
		f.Wrong(name, p.key, p.args...)
		return ""
	}
	for _, need := range append(slices.Clone(needs), Longest(limit)) {
		if key, args := need(f, name, v); key != "" {
			f.Wrong(name, key, args...)
			return ""
		}
	}
	return v
}

// Code reads a number or code that people type in groups and in either set of
// digits: digits become 0-9, spaces and invisible marks go. Dashes stay.
func (f *Form) Code(name string, needs ...Need) string {
	f.values.Set(name, codeOf(f.values.Get(name)))
	return f.Text(name, needs...)
}

// Int reads a whole number in either set of digits. An empty field is 0 and
// no error: say Required if it must be there.
func (f *Form) Int(name string, needs ...Need) int64 {
	v := strings.ReplaceAll(f.Code(name, needs...), ",", "")
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || v[0] == '+' { // a sign that says nothing is a slip
		f.Wrong(name, "web.form.number")
		return 0
	}
	return n
}

// Money reads an amount into minor units.
func (f *Form) Money(name string, needs ...Need) int64 {
	v := f.Text(name, needs...)
	if v == "" {
		return 0
	}
	n, err := f.c.Site.o.Formats.ParseMoney(v)
	if err != nil {
		p := fault.As(err)
		f.fields = append(f.fields, fault.Field{Name: name, Key: p.Key, Args: p.Args})
		return 0
	}
	return n
}

// Date reads the three fields of a DateField: name-day, name-month, name-year.
// It gives the day at midnight UTC; zero when nothing or nonsense was typed.
func (f *Form) Date(name string, needs ...Need) time.Time {
	part := func(of string) string {
		v := codeOf(f.values.Get(name + "-" + of))
		f.values.Set(name+"-"+of, v)
		return v
	}
	d, m, y := part("day"), part("month"), part("year")
	all := d + m + y
	for _, need := range needs {
		if key, args := need(f, name, all); key != "" {
			f.Wrong(name, key, args...)
			return time.Time{}
		}
	}
	if all == "" {
		return time.Time{}
	}
	for _, p := range []struct{ v, key string }{{d, "web.form.day"}, {m, "web.form.month"}, {y, "web.form.year"}} {
		if p.v == "" {
			f.Wrong(name, p.key)
			return time.Time{}
		}
	}
	dd, err1 := strconv.Atoi(d)
	mm, err2 := strconv.Atoi(m)
	yy, err3 := strconv.Atoi(y)
	t := time.Date(yy, time.Month(mm), dd, 0, 0, 0, 0, time.UTC)
	if err1 != nil || err2 != nil || err3 != nil || t.Day() != dd || int(t.Month()) != mm || yy < 1850 || yy > 2200 {
		f.Wrong(name, "web.form.no-such-date")
		return time.Time{}
	}
	return t
}

// Choice reads one of the values a page offered.
func (f *Form) Choice(name, missing string, offered ...string) string {
	v := f.values.Get(name)
	if !slices.Contains(offered, v) {
		f.Wrong(name, missing)
		return ""
	}
	return v
}

// Choices reads the ticked values that were offered; others are left out.
func (f *Form) Choices(name string, offered ...string) []string {
	var out []string
	for _, v := range f.values[name] {
		if slices.Contains(offered, v) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Ticked says whether a checkbox with value "yes" was ticked.
func (f *Form) Ticked(name string) bool { return f.values.Get(name) == "yes" }

// Values are all fields as they were read so far.
func (f *Form) Values() url.Values { return f.values }

// Wrong adds a message for a field. Only the first message of a field is shown.
func (f *Form) Wrong(name, key string, args ...string) {
	e := fault.New(fault.Invalid, "").At(name, key, args...)
	f.fields = append(f.fields, e.Fields...)
}

// Add takes over the messages of a fault: those about fields go beside them,
// one about the whole goes on top. Messages that are there already are not
// added again, so the fault that Err gave may come back.
func (f *Form) Add(err error) {
	e := fault.As(err)
	if e == nil {
		return
	}
	for _, field := range e.Fields {
		if !slices.ContainsFunc(f.fields, func(have fault.Field) bool { return have.Name == field.Name && have.Key == field.Key }) {
			f.fields = append(f.fields, field)
		}
	}
	if len(e.Fields) == 0 {
		f.whole = e
	}
}

// Failed says whether anything was wrong.
func (f *Form) Failed() bool { return len(f.fields) > 0 || f.whole != nil }

// Err gives everything that was wrong as one fault, or nil.
func (f *Form) Err() error {
	if !f.Failed() {
		return nil
	}
	e := fault.New(fault.Invalid, "web.form.wrong")
	if f.whole != nil {
		e = fault.New(f.whole.Kind, f.whole.Key)
		e.Args = f.whole.Args
	}
	e.Fields = slices.Clone(f.fields)
	return e
}

// Problem is the message for a field in the visitor's language, or "".
func (f *Form) Problem(name string) string {
	for _, field := range f.fields {
		if field.Name == name {
			return f.c.Site.texts.text(f.c.Lang, field.Key, flat(field.Args))
		}
	}
	return ""
}

func flat(args map[string]string) []string {
	out := make([]string, 0, 2*len(args))
	for k, v := range args {
		out = append(out, k, v)
	}
	return out
}

var errTooLong = errors.New("more bytes than the limit")

// readAtMost reads r, but keeps nothing if it is longer than most.
func readAtMost(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, errTooLong
	}
	return data, nil
}
