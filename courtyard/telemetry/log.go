package telemetry

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger writes lines to out, as JSON or as text, through the scrubber.
func NewLogger(out io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "json":
		return slog.New(Scrubbed(slog.NewJSONHandler(out, o))), nil
	case "text", "":
		return slog.New(Scrubbed(slog.NewTextHandler(out, o))), nil
	}
	return nil, fmt.Errorf("telemetry: log format %q: use json or text", format)
}

// Scrubbed gives a handler that hides personal data before the next one sees a
// record, and adds the trace it belongs to.
func Scrubbed(next slog.Handler) slog.Handler { return scrubber{next} }

type scrubber struct{ next slog.Handler }

func (s scrubber) Enabled(ctx context.Context, l slog.Level) bool { return s.next.Enabled(ctx, l) }

func (s scrubber) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, Scrub(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(scrubAttr(a))
		return true
	})
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		clean.AddAttrs(slog.String("trace", span.TraceID().String()))
	}
	return s.next.Handle(ctx, clean)
}

func (s scrubber) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = scrubAttr(a)
	}
	return scrubber{s.next.WithAttrs(clean)}
}

func (s scrubber) WithGroup(name string) slog.Handler { return scrubber{s.next.WithGroup(name)} }

func scrubAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if telling(a.Key) {
		return slog.String(a.Key, hidden)
	}
	// a key may be made from data, too
	key := Scrub(a.Key)
	switch v.Kind() {
	case slog.KindString:
		return slog.String(key, Scrub(v.String()))
	case slog.KindGroup:
		group := v.Group()
		clean := make([]slog.Attr, len(group))
		for i, g := range group {
			clean[i] = scrubAttr(g)
		}
		return slog.Attr{Key: key, Value: slog.GroupValue(clean...)}
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		if text := number(v); Scrub(text) != text {
			return slog.String(key, nationalNumber)
		}
	case slog.KindAny:
		return slog.Attr{Key: key, Value: slog.StringValue(Scrub(textOf(v.Any())))}
	}
	return slog.Attr{Key: key, Value: v}
}

func number(v slog.Value) string {
	if v.Kind() == slog.KindFloat64 {
		return strconv.FormatFloat(v.Float64(), 'f', 0, 64)
	}
	return v.String()
}

// textOf is how a value of any type is written, so that it can be read first.
func textOf(v any) string {
	switch v := v.(type) {
	case time.Time: // before Stringer, which it is, with the monotonic clock's reading
		return v.Format(time.RFC3339Nano)
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	case []byte:
		return string(v)
	case encoding.TextMarshaler:
		if b, err := v.MarshalText(); err == nil {
			return string(b)
		}
	}
	if b, err := json.Marshal(redact(v)); err == nil {
		return string(b)
	}
	return fmt.Sprintf("%+v", v)
}

// redact goes through JSON so that telling names inside a value are seen.
func redact(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return string(raw)
	}
	return hideTelling(tree)
}

func hideTelling(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if telling(name) {
				v[name] = hidden
			} else {
				v[name] = hideTelling(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = hideTelling(v[i])
		}
	}
	return v
}

// tellingNames are names under which nothing is ever logged, whatever the value.
var tellingNames = map[string]bool{
	"password": true, "passwd": true, "passphrase": true, "secret": true, "clientsecret": true, "token": true, "accesstoken": true,
	"refreshtoken": true, "idtoken": true, "authorization": true, "proxyauthorization": true, "cookie": true, "setcookie": true,
	"apikey": true, "privatekey": true, "masterkey": true, "pin": true, "otp": true, "cvv": true, "assertion": true, "credential": true,
	"cnic": true, "nic": true, "nationalnumber": true, "nationalid": true, "nin": true, "passport": true, "iban": true, "pan": true,
	"phone": true, "mobile": true, "msisdn": true, "email": true, "mail": true, "fullname": true, "givenname": true, "familyname": true,
	"fathername": true, "mothername": true, "birthdate": true, "dateofbirth": true, "dob": true, "address": true, "photo": true, "fingerprint": true,
	"biometric": true, "dpop": true, "preauthorizedcode": true, "codeverifier": true,
}

var plainKey = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

func telling(key string) bool {
	k := plainKey.Replace(strings.ToLower(key))
	if tellingNames[k] {
		return true
	}
	for _, end := range []string{"password", "secret", "token", "apikey", "privatekey", "cnic"} {
		if strings.HasSuffix(k, end) {
			return true
		}
	}
	return false
}
