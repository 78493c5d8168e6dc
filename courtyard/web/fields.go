package web

import (
	"context"
	"strconv"
	"strings"
)

func (x Field) inputType() string {
	switch x.Kind {
	case "tel", "email", "search", "password":
		return x.Kind
	}
	return "text"
}

// direction is that of what is typed: numbers and addresses run left to right
// in every language.
func (x Field) direction() string {
	switch x.Kind {
	case "numeric", "money", "tel", "email", "password":
		return "ltr"
	}
	return "auto"
}

// shown is the value in the field; a password is never sent back.
func (x Field) shown(ctx context.Context) string {
	if x.Kind == "password" {
		return ""
	}
	return valueOf(ctx, x.Name, x.Value)
}

// width is the class for about so many characters.
func (x Field) width() string {
	for _, w := range []int{4, 8, 16, 24} {
		if x.Width <= w {
			return "w" + strconv.Itoa(w)
		}
	}
	return ""
}

func (x TextArea) rows() int {
	if x.Rows == 0 {
		return 5
	}
	return x.Rows
}

func optionID(name string, i int) string {
	if i == 0 {
		return name // the error summary leads to the first option
	}
	return name + "-" + strconv.Itoa(i+1)
}

func (x Checkboxes) ticked(ctx context.Context) []string {
	if f := formOf(ctx); f != nil {
		return f.values[x.Name]
	}
	return x.Values
}

func (x DateField) hint(ctx context.Context) string {
	if x.Hint != "" {
		return x.Hint
	}
	return T(ctx, "web.form.date-example")
}

type datePart struct{ id, label, value, width, autofill string }

func (x DateField) parts(ctx context.Context) []datePart {
	var d, m, y string
	if !x.Value.IsZero() {
		d, m, y = strconv.Itoa(x.Value.Day()), strconv.Itoa(int(x.Value.Month())), strconv.Itoa(x.Value.Year())
	}
	return []datePart{
		{x.Name + "-day", T(ctx, "web.day"), valueOf(ctx, x.Name+"-day", d), "w2", "bday-day"},
		{x.Name + "-month", T(ctx, "web.month"), valueOf(ctx, x.Name+"-month", m), "w2", "bday-month"},
		{x.Name + "-year", T(ctx, "web.year"), valueOf(ctx, x.Name+"-year", y), "w4", "bday-year"},
	}
}

func (x FileField) hint(ctx context.Context) string {
	if x.Most == 0 {
		return x.Hint
	}
	return strings.TrimSpace(x.Hint + " " + T(ctx, "web.form.file-most", "most", Bytes(x.Most)))
}

// message is a line of the error summary.
type message struct{ target, text string }

// summarise says once that there is something to list, so that a summary the
// page has placed itself is not drawn a second time by the frame.
func (f *Form) summarise() bool {
	if !f.Failed() || f.summarised {
		return false
	}
	f.summarised = true
	return true
}

func (f *Form) messages() []message {
	var out []message
	seen := map[string]bool{}
	for _, field := range f.fields {
		if seen[field.Name] {
			continue
		}
		seen[field.Name] = true
		target := field.Name
		if _, ok := f.values[field.Name+"-day"]; ok {
			target += "-day"
		}
		out = append(out, message{target, f.said(field.Key, field.Args)})
	}
	return out
}

func (f *Form) said(key string, args map[string]string) string {
	return f.c.Site.texts.text(f.c.Lang, key, flat(args))
}
