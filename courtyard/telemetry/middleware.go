package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type routeKey struct{}

// Route tells the instruments which pattern answers a request, where a handler
// with a mux of its own stands behind the outer one.
func Route(ctx context.Context, pattern string) {
	if p, ok := ctx.Value(routeKey{}).(*atomic.Pointer[string]); ok {
		p.Store(&pattern)
	}
}

// Middleware counts, times, traces and logs requests by route pattern. Paths
// and queries hold references to people's affairs and are written nowhere.
func (t *Telemetry) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		method := knownMethod(r.Method)
		var route atomic.Pointer[string]
		ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.Tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer))
		r = r.WithContext(context.WithValue(ctx, routeKey{}, &route))
		out := &recorder{ResponseWriter: w}
		t.inFlight.Inc()
		defer func() {
			t.inFlight.Dec()
			p := recover()
			status := out.status
			switch {
			case p != nil && status == 0:
				status = http.StatusInternalServerError
			case status == 0:
				status = http.StatusOK
			}
			pattern := r.Pattern // ServeMux writes it into the request we gave it
			if inner := route.Load(); inner != nil {
				pattern = *inner
			}
			if _, path, ok := strings.Cut(pattern, " "); ok {
				pattern = path
			}
			if pattern == "" {
				pattern = "unmatched"
			}
			took := time.Since(begin)
			t.requests.WithLabelValues(method, pattern, strconv.Itoa(status)).Inc()
			if !out.stream() {
				t.seconds.WithLabelValues(method, pattern).Observe(took.Seconds())
			}
			span.SetName(method + " " + pattern)
			span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", pattern), attribute.Int("http.response.status_code", status))
			level := slog.LevelDebug
			if status >= 500 {
				level = slog.LevelWarn
				span.SetStatus(codes.Error, "")
			}
			span.End()
			t.Logger.LogAttrs(ctx, level, "request", slog.String("method", method), slog.String("route", pattern), slog.Int("status", status), slog.Duration("took", took))
			if p != nil {
				panic(p) // not ours to handle
			}
		}()
		next.ServeHTTP(out, r)
	})
}

// Inject writes the trace of ctx into an outgoing request (W3C Trace Context).
func (t *Telemetry) Inject(ctx context.Context, h http.Header) {
	t.propagator.Inject(ctx, propagation.HeaderCarrier(h))
}

func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "OTHER" // anybody can invent methods, and each would be a new series
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Flush sends what is buffered, for live pages.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) stream() bool {
	return strings.HasPrefix(r.Header().Get("Content-Type"), "text/event-stream")
}
