package fspiop

import (
	"net/url"
	"strconv"
	"unicode/utf8"
)

// Schema is what a value must be. Members that a schema does not name may be there
// and mean nothing, as in the standard's OpenAPI.
type Schema struct {
	kind    Kind
	form    func(string) bool // of a string; nil: any
	name    string            // of the form, for people: "must be an amount ..."
	enum    []string
	number  bool // a JSON number of digits will do too
	integer bool // a parameter of digits: another one has the wrong type
	min     int  // characters of a string, items of an array
	max     int  // 0: no bound
	members []member
	items   *Schema
}

type member struct {
	name     string
	required bool
	schema   *Schema
}

func object(members ...member) *Schema { return &Schema{kind: Object, members: members} }

// must is a member that has to be there, may one that can be.
func must(name string, s *Schema) member { return member{name, true, s} }
func may(name string, s *Schema) member  { return member{name, false, s} }

func text(minimum, maximum int) *Schema { return &Schema{kind: String, min: minimum, max: maximum} }

// form is a string that has to satisfy a test; what it must be is said to people.
func form(what string, ok func(string) bool) *Schema {
	return &Schema{kind: String, form: ok, name: what}
}

func oneOf(values ...string) *Schema { return &Schema{kind: String, enum: values} }

func list(minimum, maximum int, items *Schema) *Schema {
	return &Schema{kind: Array, min: minimum, max: maximum, items: items}
}

// CheckQuery says what is wrong with the parameters of a request, by the same rules. A
// parameter that occurs twice is one too many.
func (s *Schema) CheckQuery(q url.Values) *Fault {
	v := Value{Kind: Object}
	for _, m := range s.members {
		switch values := q[m.name]; {
		case len(values) > 1:
			return Fail(CodeTooMany, "/query/"+m.name+" occurs twice")
		case len(values) == 1:
			v.Members = append(v.Members, Member{m.name, Value{Kind: String, Text: values[0]}})
		}
	}
	return s.check(&v, "/query")
}

// Check says what is wrong with a message, the first thing only; nil when nothing is.
// Its text names the place, never what stood there.
func (s *Schema) Check(v *Value) *Fault { return s.check(v, "/requestBody") }

func (s *Schema) check(v *Value, path string) *Fault {
	if v.Kind != s.kind {
		if v.Kind == Null && s.kind == String {
			// Hubs in use read null as an empty text, which no form allows.
			return s.checkText("", path)
		}
		if v.Kind == Number && s.number {
			return s.checkText(v.Text, path)
		}
		return Fail(CodeSyntax, path+" must be "+s.kind.String())
	}
	switch s.kind {
	case Object:
		return s.checkObject(v, path)
	case Array:
		switch {
		case len(v.Items) < s.min:
			return Fail(CodeValidation, path+" must NOT have fewer than "+strconv.Itoa(s.min)+" items")
		case s.max > 0 && len(v.Items) > s.max:
			return Fail(CodeTooMany, path+" must NOT have more than "+strconv.Itoa(s.max)+" items")
		}
		for i := range v.Items {
			if f := s.items.check(&v.Items[i], path+"/"+strconv.Itoa(i)); f != nil {
				return f
			}
		}
	case String:
		return s.checkText(v.Text, path)
	}
	return nil
}

func (s *Schema) checkObject(v *Value, path string) *Fault {
	for _, m := range s.members {
		if m.required && v.Get(m.name) == nil {
			return Fail(CodeMissing, path+" must have required property '"+m.name+"'")
		}
	}
	for _, m := range s.members {
		if x := v.Get(m.name); x != nil {
			if f := m.schema.check(x, path+"/"+m.name); f != nil {
				return f
			}
		}
	}
	return nil
}

func (s *Schema) checkText(t, path string) *Fault {
	n := 0
	if s.min > 0 || s.max > 0 {
		n = utf8.RuneCountInString(t)
	}
	switch {
	case n < s.min:
		return Fail(CodeValidation, path+" must NOT have fewer than "+strconv.Itoa(s.min)+" characters")
	case s.max > 0 && n > s.max:
		return Fail(CodeValidation, path+" must NOT have more than "+strconv.Itoa(s.max)+" characters")
	case s.integer && !allDigits(t):
		return Fail(CodeSyntax, path+" must be integer")
	case s.form != nil && !s.form(t):
		return Fail(CodeValidation, path+" must be "+s.name)
	case len(s.enum) > 0:
		for _, e := range s.enum {
			if e == t {
				return nil
			}
		}
		return Fail(CodeValidation, path+" must be equal to one of the allowed values")
	}
	return nil
}
