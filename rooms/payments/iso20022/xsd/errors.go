package xsd

import (
	"strconv"
	"strings"
)

// Rule names what a document broke.
type Rule string

// The rules. Those of a facet have the name of the facet in the schema.
const (
	WellFormed   Rule = "well-formed"    // not XML
	Namespace    Rule = "namespace"      // Namespaces in XML, or a foreign namespace
	Forbidden    Rule = "forbidden"      // XML that this package refuses: see the package's text
	Limit        Rule = "limit"          // beyond the Limits
	Missing      Rule = "missing"        // a required element or attribute is not there
	Unexpected   Rule = "unexpected"     // an element, attribute or text that has no place here
	Lexical      Rule = "lexical"        // not written as its base type wants
	Pattern      Rule = "pattern"        // facet pattern
	Enumeration  Rule = "enumeration"    // facet enumeration
	MinLength    Rule = "minLength"      // facet minLength, in characters
	MaxLength    Rule = "maxLength"      // facet maxLength, in characters
	TotalDigits  Rule = "totalDigits"    // facet totalDigits
	FractionDigs Rule = "fractionDigits" // facet fractionDigits
	MinInclusive Rule = "minInclusive"   // facet minInclusive
	Occurrence   Rule = "maxOccurs"      // more elements of a name than allowed
	Choice       Rule = "choice"         // none or several of the alternatives
)

// Error is one thing wrong with a document. It never holds the content of the
// document, which may be about a person: it says where to look and what to
// change.
type Error struct {
	Line, Column int    // from 1, column in characters; 0 when a value was written, not read
	Path         string // /Document/FIToFICstmrCdtTrf/CdtTrfTxInf[2]/PmtId/UETR
	Rule         Rule
	Advice       string // what to change
}

// Error gives place, rule and advice in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		b.WriteString("line ")
		b.WriteString(strconv.Itoa(e.Line))
		b.WriteString(", column ")
		b.WriteString(strconv.Itoa(e.Column))
		if e.Path != "" {
			b.WriteString(", ")
		}
	}
	if b.WriteString(e.Path); b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(string(e.Rule))
	b.WriteString(": ")
	b.WriteString(e.Advice)
	return b.String()
}

// Errors are the things wrong with one document, in the order in which they
// stand. Values against a facet are gathered up to [Limits].Errors; the reading
// ends at the first error of structure, because what follows one is guessing.
type Errors []*Error

// Error joins the errors with semicolons.
func (e Errors) Error() string {
	all := make([]string, len(e))
	for i, one := range e {
		all[i] = one.Error()
	}
	return strings.Join(all, "; ")
}

// Unwrap lets errors.As find a single *Error.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}
