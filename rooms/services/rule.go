package services

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"sarai/courtyard/country"
)

// Limits of one rule. A rule is a sentence of a law; one that needs more than
// this is either wrong or meant to stop the house.
const (
	ruleChars = 2000
	ruleCost  = 20_000 // CEL cost units; the rules of this pack need under 100
	ruleTime  = 50 * time.Millisecond
)

// Verdict is what a rule says about a person: yes, no, or that something it
// needs is not known yet.
type Verdict string

// The three verdicts.
const (
	Yes     Verdict = "yes"
	No      Verdict = "no"
	Unknown Verdict = "unknown"
)

// Rule is a compiled CEL expression (https://cel.dev, language definition) of
// type bool over facts.*, answers.* and today. years(a, b) gives the completed
// years from a to b; days(a, b) the days.
type Rule struct {
	Uses    []string // "facts.birth_date", "answers.resident_since"
	program cel.Program
}

// rules compiles the rules of one definition: only its own facts and answers
// can be named, so that a slip of the pen is found when the file is loaded.
type rules struct {
	env   *cel.Env
	names []string
}

func celType(field string) *cel.Type {
	switch field {
	case "number", "money":
		return cel.IntType
	case "yesno", "file":
		return cel.BoolType
	case "date":
		return cel.TimestampType
	}
	return cel.StringType
}

func newRules(d *Definition) (*rules, error) {
	r := &rules{}
	opts := []cel.EnvOption{
		cel.Variable("today", cel.TimestampType),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateRegexProgramSizeLimit(200), cel.ValidateTimestampLiterals(), cel.ValidateComprehensionNestingLimit(1)),
		cel.Function("years", cel.Overload("years_timestamp_timestamp", []*cel.Type{cel.TimestampType, cel.TimestampType}, cel.IntType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val { return types.Int(dateOf(a).AgeAt(dateOf(b))) }))),
		cel.Function("days", cel.Overload("days_timestamp_timestamp", []*cel.Type{cel.TimestampType, cel.TimestampType}, cel.IntType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				return types.Int(b.(types.Timestamp).Sub(a.(types.Timestamp).Time) / (24 * time.Hour))
			}))),
	}
	add := func(kind string, f Field) {
		name := kind + "." + f.ID
		r.names = append(r.names, name)
		opts = append(opts, cel.Variable(name, celType(f.Type)))
	}
	for _, f := range d.Facts {
		add("facts", f)
	}
	for _, p := range d.Pages {
		for _, f := range p.Fields {
			add("answers", f)
		}
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("prepare the rules: %w", err)
	}
	r.env = env
	return r, nil
}

func dateOf(v ref.Val) country.Date { return country.DateOf(v.(types.Timestamp).Time, time.UTC) }

// compile checks one expression and makes it ready to run.
func (r *rules) compile(expression string) (*Rule, error) {
	if len(expression) > ruleChars {
		return nil, fmt.Errorf("the rule has %d characters, more than %d", len(expression), ruleChars)
	}
	ast, issues := r.env.Compile(expression)
	if err := issues.Err(); err != nil {
		return nil, errors.New(firstIssue(issues))
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("the rule gives %s; wanted yes or no (bool)", cel.FormatCELType(ast.OutputType()))
	}
	program, err := r.env.Program(ast, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(ruleCost), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, fmt.Errorf("prepare the rule: %w", err)
	}
	out := &Rule{program: program}
	for _, info := range ast.NativeRep().ReferenceMap() {
		if slices.Contains(r.names, info.Name) && !slices.Contains(out.Uses, info.Name) {
			out.Uses = append(out.Uses, info.Name)
		}
	}
	sort.Strings(out.Uses)
	return out, nil
}

// firstIssue gives the first complaint without the drawing CEL adds to it.
func firstIssue(issues *cel.Issues) string {
	for _, e := range issues.Errors() {
		return fmt.Sprintf("%s (column %d)", e.Message, e.Location.Column()+1)
	}
	return issues.Err().Error()
}

// Values are what is known when a rule is asked: canonical text by reference
// ("facts.birth_date": "2001-04-17"). What is missing is unknown.
type Values map[string]string

// Eval asks the rule. Only what can still change the answer counts as unknown:
// a rule that is false whatever the missing answer will be is false now.
func (r *Rule) Eval(ctx context.Context, d *Definition, v Values, today country.Date) (Verdict, error) {
	vars := map[string]any{"today": today.In(time.UTC)}
	var missing []*cel.AttributePatternType
	for _, name := range r.Uses {
		f, _ := d.field(name)
		s, known := v[name]
		if !known || s == "" && f.Type != "file" {
			missing = append(missing, cel.AttributePattern(name))
			continue
		}
		x, err := celValue(f.Type, s)
		if err != nil {
			return Unknown, fmt.Errorf("value of %s: %w", name, err)
		}
		vars[name] = x
	}
	input, err := cel.PartialVars(vars, missing...)
	if err != nil {
		return Unknown, fmt.Errorf("prepare the facts: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, ruleTime)
	defer cancel()
	out, _, err := r.program.ContextEval(ctx, input)
	switch {
	case types.IsUnknown(out):
		return Unknown, nil
	case err != nil:
		return Unknown, fmt.Errorf("apply the rule: %w", err)
	case out == types.True:
		return Yes, nil
	}
	return No, nil
}

func celValue(field, s string) (any, error) {
	switch field {
	case "number", "money":
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, errors.New("is no whole number")
		}
		return n, nil
	case "yesno":
		return s == "yes", nil
	case "file":
		return s != "", nil
	case "date":
		d, err := country.ParseDate(s)
		return d.In(time.UTC), err
	}
	return s, nil
}

// Finding is one rule of eligibility applied to one person, with everything
// needed to see why.
type Finding struct {
	Check   Check
	Law     Law
	Verdict Verdict
	Uses    []string
}

// Eligible applies all rules. The verdict is no if one says no, unknown if none
// says no and one does not know yet, else yes.
func (d *Definition) Eligible(ctx context.Context, v Values, today country.Date) (Verdict, []Finding, error) {
	all := Yes
	out := make([]Finding, 0, len(d.Rules))
	for _, c := range d.Rules {
		verdict, err := c.rule.Eval(ctx, d, v, today)
		if err != nil {
			return Unknown, nil, fmt.Errorf("rule %s of service %s: %w", c.ID, d.ID, err)
		}
		switch {
		case verdict == No:
			all = No
		case verdict == Unknown && all == Yes:
			all = Unknown
		}
		out = append(out, Finding{Check: c, Law: d.law(c.Law), Verdict: verdict, Uses: c.rule.Uses})
	}
	return all, out, nil
}

// asked lists the pages to be asked, given what is known. A page whose
// condition is not known yet waits: it is not asked before what it depends on.
func (d *Definition) asked(ctx context.Context, v Values, today country.Date) ([]Page, error) {
	var out []Page
	for _, p := range d.Pages {
		if p.when == nil {
			out = append(out, p)
			continue
		}
		verdict, err := p.when.Eval(ctx, d, v, today)
		if err != nil {
			return nil, fmt.Errorf("page %s of service %s: %w", p.ID, d.ID, err)
		}
		if verdict == Yes {
			out = append(out, p)
		}
	}
	return out, nil
}

// current drops answers to pages that are not asked any more, so that a
// changed mind leaves nothing behind. Pages may depend on pages before them.
func (d *Definition) current(ctx context.Context, v Values, today country.Date) (Values, error) {
	out := Values{}
	for k, s := range v {
		if !strings.HasPrefix(k, "answers.") {
			out[k] = s
		}
	}
	for _, p := range d.Pages {
		ask := true
		if p.when != nil {
			verdict, err := p.when.Eval(ctx, d, out, today)
			if err != nil {
				return nil, err
			}
			ask = verdict == Yes
		}
		for _, f := range p.Fields {
			if s, ok := v["answers."+f.ID]; ok && ask {
				out["answers."+f.ID] = s
			}
		}
	}
	return out, nil
}
