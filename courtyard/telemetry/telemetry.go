package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config says what is written where.
type Config struct {
	Format  string       // of log lines: "json" or "text"
	Level   slog.Leveler // Info when nil
	Out     io.Writer    // standard error when nil
	Version string       // of the program
	// Traces is the address of an OTLP/HTTP collector, "http://127.0.0.1:4318".
	// Empty: no traces.
	Traces string
	// Sample is the share of requests traced, 0 to 1, when nobody upstream
	// decided. Zero means all.
	Sample float64
}

// Telemetry is the house's instruments.
type Telemetry struct {
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Tracer   trace.Tracer

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge

	propagator propagation.TextMapPropagator
	shutdown   func(context.Context) error

	draining atomic.Bool
	mu       sync.Mutex
	checks   []check
	asked    Health
	askedAt  time.Time
}

// Open prepares the instruments. Close sends what is still waiting.
func Open(ctx context.Context, c Config) (*Telemetry, error) {
	if c.Out == nil {
		c.Out = os.Stderr
	}
	if c.Level == nil {
		c.Level = slog.LevelInfo
	}
	logger, err := NewLogger(c.Out, c.Format, c.Level)
	if err != nil {
		return nil, err
	}
	t := &Telemetry{
		Logger: logger, Registry: prometheus.NewRegistry(), Tracer: noop.NewTracerProvider().Tracer("sarai"),
		propagator: propagation.TraceContext{}, shutdown: func(context.Context) error { return nil },
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sarai_http_requests_total", Help: "Requests answered, by method, route pattern and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sarai_http_request_seconds", Help: "Time to answer, in seconds, by method and route pattern; streams are left out.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "sarai_http_requests_in_flight", Help: "Requests being answered now."}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sarai_build_info", Help: "1, with the version of the program."}, []string{"version"})
	build.WithLabelValues(c.Version).Set(1)
	t.Registry.MustRegister(t.requests, t.seconds, t.inFlight, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.Traces != "" {
		if err := t.trace(ctx, c); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Telemetry) trace(ctx context.Context, c Config) error {
	if !strings.HasPrefix(c.Traces, "http://") && !strings.HasPrefix(c.Traces, "https://") {
		return fmt.Errorf("telemetry: traces go to an address such as http://127.0.0.1:4318, not %q", c.Traces)
	}
	endpoint := strings.TrimSuffix(c.Traces, "/")
	if !strings.HasSuffix(endpoint, "/v1/traces") {
		endpoint += "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return fmt.Errorf("telemetry: traces: %w", err)
	}
	if c.Sample <= 0 || c.Sample > 1 {
		c.Sample = 1
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Sample))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "sarai"), attribute.String("service.version", c.Version))),
	)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Logger.Warn("traces cannot be sent", "cause", err.Error()) }))
	t.Tracer, t.shutdown = provider.Tracer("sarai"), provider.Shutdown
	return nil
}

// Close sends waiting traces, for at most five seconds.
func (t *Telemetry) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return t.shutdown(ctx)
}

// Metrics answers /metrics.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.Registry, promhttp.HandlerOpts{Registry: t.Registry, EnableOpenMetrics: true})
}

// Figure adds a gauge that is read when somebody asks; a name that ends in
// _total becomes a counter.
func (t *Telemetry) Figure(name, help string, read func() float64) error {
	var c prometheus.Collector = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	if strings.HasSuffix(name, "_total") {
		c = prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read)
	}
	if err := t.Registry.Register(c); err != nil {
		return fmt.Errorf("telemetry: figure %s: %w", name, err)
	}
	return nil
}

// Duration adds a histogram of seconds and gives the function that feeds it.
func (t *Telemetry) Duration(name, help string, buckets ...float64) (observe func(time.Duration), err error) {
	if len(buckets) == 0 {
		buckets = prometheus.ExponentialBuckets(.0001, 2.5, 12)
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	if err := t.Registry.Register(h); err != nil {
		var twice prometheus.AlreadyRegisteredError
		if !errors.As(err, &twice) {
			return nil, fmt.Errorf("telemetry: duration %s: %w", name, err)
		}
		h, _ = twice.ExistingCollector.(prometheus.Histogram)
	}
	return func(d time.Duration) { h.Observe(d.Seconds()) }, nil
}
