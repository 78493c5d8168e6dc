package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
)

// Problem is what every failed call is answered with (RFC 9457).
type Problem struct {
	Type     string  `json:"type" format:"uri" doc:"What sort of problem it is; the address explains it."`
	Title    string  `json:"title" doc:"The sort of problem in words, in the language you asked for."`
	Status   int     `json:"status" doc:"The HTTP status code."`
	Detail   string  `json:"detail,omitempty" doc:"What happened and what to do, in the language you asked for."`
	Instance string  `json:"instance,omitempty" format:"uri" doc:"Names this one occurrence; quote it when you ask us."`
	Code     string  `json:"code" doc:"A stable key for programs."`
	Errors   []Place `json:"errors,omitempty" doc:"What is wrong where, or the reasons of a refusal."`

	wait string // seconds, of a fault that knows how long to wait
}

// Place is one thing wrong at one place of a request.
type Place struct {
	Detail    string `json:"detail" doc:"What is wrong and what to do."`
	Code      string `json:"code,omitempty" doc:"A stable key for programs."`
	Pointer   string `json:"pointer,omitempty" doc:"Where in the body, as a JSON pointer (RFC 6901) in a fragment."`
	Parameter string `json:"parameter,omitempty" doc:"Which parameter, such as query.limit or path.id."`
}

// Error is the operator's sentence.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s", p.Status, p.Code) }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// RetryAfter is the value of a fault Limit or Unavailable that says after how
// many seconds the call may be tried again; five when it has none.
const RetryAfter = "retry-after"

// SetHeader sets a header of the running call's answer, whether it succeeds or
// fails; outside a call it does nothing.
func SetHeader(ctx context.Context, name, value string) {
	if c := of(ctx); c != nil && c.out != nil {
		c.out.SetHeader(name, value)
	}
}

// problem puts an error in words for the caller and, when it is ours, into the
// log for the operator; the instance joins the two.
func (a *API) problem(ctx context.Context, err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	f := fault.As(err)
	lang, instance := a.langs[0], "urn:uuid:"+a.newID()
	if c := of(ctx); c != nil {
		lang, instance = c.lang, c.trace
	}
	key := f.Key
	if key == "" {
		key = "fault." + f.Kind.String()
	}
	args := f.Args
	reasons := gate.Reasons(f)
	if len(reasons) > 0 {
		args = map[string]string{"reason": a.text(lang, reasons[0], nil)}
	}
	p := &Problem{
		Type: a.base + "/api/docs#" + f.Kind.String(), Title: a.text(lang, "api.problem."+f.Kind.String(), nil),
		Status: f.Kind.Status(), Detail: a.text(lang, key, args), Instance: instance, Code: key, wait: f.Args[RetryAfter],
	}
	var own answered
	if errors.As(err, &own) {
		p.Status = own.status
	}
	for _, reason := range reasons {
		p.Errors = append(p.Errors, Place{Detail: a.text(lang, reason, nil), Code: reason})
	}
	for _, field := range f.Fields {
		place := Place{Detail: a.text(lang, field.Key, field.Args), Code: field.Key}
		switch name := strings.TrimPrefix(field.Name, "#"); {
		case strings.HasPrefix(name, "query."), strings.HasPrefix(name, "path."), strings.HasPrefix(name, "header."):
			place.Parameter = name
		case strings.HasPrefix(name, "/") || name == "":
			place.Pointer = "#" + name
		default:
			place.Pointer = "#" + pointer([]string{name})
		}
		p.Errors = append(p.Errors, place)
	}
	level := slog.LevelDebug
	if f.Kind == fault.Internal {
		level = slog.LevelError
	}
	a.logger.LogAttrs(ctx, level, "a call failed", slog.String("instance", instance), slog.Int("status", p.Status), slog.String("cause", err.Error()))
	return p
}

// fail answers outside huma.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), err)
	a.headers(w.Header().Set, p)
	if c := of(r.Context()); c != nil {
		w.Header().Set("Content-Language", c.lang)
	}
	p.write(w)
}

// headers sets what belongs to a status (RFC 9110, RFC 6750).
func (a *API) headers(set func(name, value string), p *Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		set("WWW-Authenticate", `Bearer realm="sarai"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		wait := p.wait
		if wait == "" {
			wait = "5"
		}
		set("Retry-After", wait)
	}
}

func (p *Problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller may be gone
}

// humaProblem makes ours from what huma finds wrong with a request. The values
// it hands over are left out: they may be anybody's personal data.
func humaProblem(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
	var c *call
	if ctx != nil {
		c = of(ctx.Context())
	}
	if c == nil { // huma asks for an example while the document is written
		return &Problem{Status: status, Detail: msg}
	}
	var f *fault.Error
	switch {
	case status == http.StatusBadRequest && len(errs) == 0:
		f = fault.New(fault.Invalid, "api.body-missing")
	case status < 500:
		f = fault.New(fault.Invalid, "api.invalid")
	default:
		f = fault.As(errors.Join(append([]error{errors.New(msg)}, errs...)...))
	}
	if f.Kind == fault.Invalid {
		for _, e := range errs {
			var d *huma.ErrorDetail
			if errors.As(e, &d) {
				place(f, d)
			}
		}
	}
	p := c.api.problem(ctx.Context(), f)
	p.Status = status
	return p
}

// place turns huma's location and message into ours.
func place(f *fault.Error, d *huma.ErrorDetail) {
	key, args := messageKey(d.Message)
	path := split(d.Location)
	if len(path) == 0 {
		_ = f.At("#", key, args...)
		return
	}
	if path[0] != "body" {
		_ = f.At(d.Location, key, args...)
		return
	}
	if missing := keyArg(args, "name"); missing != "" {
		path = append(path, missing)
	}
	_ = f.At("#"+pointer(path[1:]), key, args...)
}

// split reads "body.items[3].tags" as body, items, 3, tags.
func split(location string) []string {
	return strings.FieldsFunc(location, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}
