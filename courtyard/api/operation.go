package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sarai/courtyard/gate"
)

// Operation describes one call of the interface. I is its input, R what it is
// about.
type Operation[I any, R gate.Entity] struct {
	Method      string // "POST"
	Path        string // "/api/office/files/{id}"
	ID          string // unique, "office-file-decide"
	Summary     string // one line
	Description string // more, in CommonMark; may be empty
	Tags        []string
	Action      string // the gate's action, mandatory
	// Load gives what the call is about, with the attributes the policies need.
	// Nil is allowed when R is gate.House.
	Load func(ctx context.Context, in *I) (R, error)
	// Idempotent asks for an Idempotency-Key and answers once per key.
	Idempotent bool
	Status     int   // of the answer; 200, or 204 without body, when zero
	MaxBody    int64 // bytes; DefaultBody when zero
}

// bare is the answer of a handler whose output is the body itself.
type bare[O any] struct{ Body *O }

// Handle registers an operation. It panics on an operation that could not
// work, for it is called while the house is built; actions that the gate does
// not know are named by gate.Seal.
func Handle[I, O any, R gate.Entity](a *API, op Operation[I, R], do func(ctx context.Context, p gate.Permit[R], in *I) (*O, error)) {
	where := op.Method + " " + op.Path
	if !strings.HasPrefix(op.Path, "/api/") || op.ID == "" || op.Summary == "" {
		panic("api: " + where + ": an operation needs a path under /api/, an ID and a Summary")
	}
	if _, twice := a.actions[op.ID]; twice {
		panic("api: two operations are called " + op.ID)
	}
	if op.Load == nil {
		if _, ok := any(*new(R)).(gate.House); !ok {
			panic("api: " + where + ": say how to load the " + reflect.TypeFor[R]().Name())
		}
		op.Load = func(context.Context, *I) (R, error) { return *new(R), nil }
	}
	if op.Idempotent && (op.Method == http.MethodGet || op.Method == http.MethodHead) {
		panic("api: " + where + ": a read needs no Idempotency-Key")
	}
	if op.Idempotent && a.sealer == nil {
		panic("api: " + where + ": an answer that is kept needs Options.Sealer")
	}
	a.gate.Require(op.Action, where)
	a.actions[op.ID] = op.Action

	run := func(ctx context.Context, in *I) (*O, error) {
		about, err := op.Load(ctx, in)
		if err != nil {
			return nil, err
		}
		permit, err := gate.Authorize(ctx, a.gate, gate.From(ctx), op.Action, about)
		if err != nil {
			return nil, err
		}
		if op.Idempotent {
			return once(ctx, a, func() (*O, error) { return do(ctx, permit, in) })
		}
		return do(ctx, permit, in)
	}
	described := describe(op)
	described.Middlewares = huma.Middlewares{a.admit(op.Idempotent, op.limit())}
	if hasBody[O]() {
		huma.Register(a.huma, described, func(ctx context.Context, in *I) (*O, error) {
			out, err := run(ctx, in)
			if err != nil {
				return nil, of(ctx).refuse(ctx, err)
			}
			return out, nil
		})
		return
	}
	if empty[O]() {
		huma.Register(a.huma, described, func(ctx context.Context, in *I) (*struct{}, error) {
			if _, err := run(ctx, in); err != nil {
				return nil, of(ctx).refuse(ctx, err)
			}
			return nil, nil //nolint:nilnil // huma answers 204
		})
		return
	}
	huma.Register(a.huma, described, func(ctx context.Context, in *I) (*bare[O], error) {
		out, err := run(ctx, in)
		if err != nil {
			return nil, of(ctx).refuse(ctx, err)
		}
		return &bare[O]{Body: out}, nil
	})
}

func (op Operation[I, R]) limit() int64 {
	if op.MaxBody > 0 {
		return op.MaxBody
	}
	return DefaultBody
}

// describe is the operation as OpenAPI has it.
func describe[I any, R gate.Entity](op Operation[I, R]) huma.Operation {
	tags := op.Tags
	if len(tags) == 0 {
		room, _, _ := strings.Cut(strings.TrimPrefix(op.Path, "/api/"), "/")
		tags = []string{room}
	}
	d := huma.Operation{
		Method: op.Method, Path: op.Path, OperationID: op.ID, Summary: op.Summary, Description: op.Description,
		Tags: tags, DefaultStatus: op.Status,
		// the body is read and measured by admit, which answers with the limit
		MaxBodyBytes:                 op.limit() + 1,
		RejectUnknownQueryParameters: true,
		Security:                     []map[string][]string{{"bearer": {}}, {"session": {}}, {}},
		Extensions:                   map[string]any{"x-sarai-action": op.Action},
	}
	if op.Idempotent {
		least, most := 16, 255
		d.Parameters = append(d.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Required: true,
			Description: "A value you choose, different for each command, such as a UUID. Send the same one when you try again.",
			Schema:      &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most},
		})
	}
	return d
}

// hasBody says whether O is in huma's form: a struct with a field Body.
func hasBody[O any]() bool {
	t := reflect.TypeFor[O]()
	if t.Kind() != reflect.Struct {
		return false
	}
	_, ok := t.FieldByName("Body")
	return ok
}

func empty[O any]() bool {
	t := reflect.TypeFor[O]()
	return t.Kind() == reflect.Struct && t.NumField() == 0
}

// admit stands before an operation: it lets in only bodies that are what they
// say they are, and notes the key of a command.
func (a *API) admit(idempotent bool, limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		c := of(r.Context())
		c.out = ctx
		err := acceptable(r)
		var body []byte
		if err == nil {
			body, err = a.readBody(w, r, ctx.Operation(), limit)
		}
		if err == nil && idempotent {
			c.key, err = newKey(r, ctx.Operation().OperationID, body)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		next(ctx)
	}
}

// refuse turns a handler's error into the problem huma writes.
func (c *call) refuse(ctx context.Context, err error) error {
	p := c.api.problem(ctx, err)
	c.api.headers(c.out.SetHeader, p)
	return p
}

// String names the operation for errors.
func (op Operation[I, R]) String() string {
	return fmt.Sprintf("%s (%s %s)", op.ID, op.Method, op.Path)
}
