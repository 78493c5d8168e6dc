package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard/telemetry"
)

func open(t *testing.T, c telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func ask(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestReadinessNamesTheFailingPart(t *testing.T) {
	var log bytes.Buffer
	tel := open(t, telemetry.Config{Out: &log})
	var broken atomic.Bool
	tel.Check("store", func(context.Context) error { return nil })
	tel.Check("journal", func(context.Context) error {
		if broken.Load() {
			return errors.New("no lease for 61101-1234567-1")
		}
		return nil
	})
	if code, body := ask(t, tel.Readyz(), "/readyz"); code != 200 || !strings.Contains(body, `"journal":"ok"`) {
		t.Fatalf("%d %s", code, body)
	}
	broken.Store(true)
	time.Sleep(1100 * time.Millisecond) // answers are kept for a second
	code, body := ask(t, tel.Readyz(), "/readyz")
	if code != 503 || !strings.Contains(body, `"failed":["journal"]`) || !strings.Contains(body, `"store":"ok"`) || strings.Contains(body, "lease") {
		t.Fatalf("%d %s", code, body)
	}
	if !strings.Contains(log.String(), "no lease for [national-number]") {
		t.Fatalf("the operator does not see why: %s", log.String())
	}
	if code, _ := ask(t, tel.Healthz(), "/healthz"); code != 200 {
		t.Fatalf("a house with a failing part is not dead: %d", code)
	}
	tel.Drain()
	if code, body := ask(t, tel.Readyz(), "/readyz"); code != 503 || !strings.Contains(body, "closing") {
		t.Fatalf("%d %s", code, body)
	}
}

func TestAPartThatHangsIsFailing(t *testing.T) {
	tel := open(t, telemetry.Config{Out: io.Discard})
	never := make(chan struct{})
	defer close(never)
	tel.Check("stuck", func(context.Context) error { <-never; return nil })
	tel.Check("wild", func(context.Context) error { panic("x") })
	begin := time.Now()
	code, body := ask(t, tel.Readyz(), "/readyz")
	if code != 503 || !strings.Contains(body, `"stuck":"failing"`) || !strings.Contains(body, `"wild":"failing"`) || time.Since(begin) > 4*time.Second {
		t.Fatalf("%d %s after %v", code, body, time.Since(begin))
	}
}

func TestMeasuresNameTheRouteAndNotThePath(t *testing.T) {
	var log bytes.Buffer
	tel := open(t, telemetry.Config{Out: &log, Level: slog.LevelDebug, Version: "v1.2"})
	inner := http.NewServeMux()
	inner.HandleFunc("GET /api/things/{id}", func(w http.ResponseWriter, r *http.Request) {
		telemetry.Route(r.Context(), r.Pattern)
		w.WriteHeader(http.StatusTeapot)
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /file/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
	})
	mux.Handle("/api/", inner)
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(tel.Middleware(mux))
	for _, call := range []string{"GET /file/6110112345671", "GET /file/2?q=secret", "GET /api/things/7", "BREW /x", "GET /nowhere/7", "GET /live", "GET /panic"} {
		method, path, _ := strings.Cut(call, " ")
		req, _ := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
	server.Close() // the answer is out before its handler is counted as ended; this waits for the handlers
	if err := tel.Figure("sarai_test_things_total", "Things.", func() float64 { return 42 }); err != nil {
		t.Fatal(err)
	}
	took, err := tel.Duration("sarai_test_seconds", "Times.")
	if err != nil {
		t.Fatal(err)
	}
	took(time.Millisecond)
	_, body := ask(t, tel.Metrics(), "/metrics")
	for _, want := range []string{
		`sarai_http_requests_total{method="GET",route="/file/{id}",status="200"} 2`,
		`sarai_http_requests_total{method="GET",route="/api/things/{id}",status="418"} 1`,
		`sarai_http_requests_total{method="OTHER",route="unmatched",status="404"} 1`,
		`sarai_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`sarai_http_requests_total{method="GET",route="/panic",status="500"} 1`,
		`sarai_http_request_seconds_count{method="GET",route="/file/{id}"} 2`,
		`sarai_build_info{version="v1.2"} 1`, `sarai_test_things_total 42`, `sarai_test_seconds_count 1`, `sarai_http_requests_in_flight 0`,
		"go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(body, `route="/live"`) && strings.Contains(body, `sarai_http_request_seconds_count{method="GET",route="/live"}`) {
		t.Error("a stream is among the times")
	}
	for _, bad := range []string{"6110112345671", "secret", "nowhere"} {
		if strings.Contains(body+log.String(), bad) {
			t.Errorf("%s got out", bad)
		}
	}
}

// A collector stands in for Jaeger: what arrives is one span of the caller's
// trace, and its log line carries the same trace.
func TestTracesFollowTheCaller(t *testing.T) {
	got := make(chan []byte, 4)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" {
			got <- b
		}
	}))
	defer collector.Close()
	var log bytes.Buffer
	tel := open(t, telemetry.Config{Out: &log, Level: slog.LevelDebug, Traces: collector.URL})
	mux := http.NewServeMux()
	onward := http.Header{}
	mux.HandleFunc("GET /file/{id}", func(_ http.ResponseWriter, r *http.Request) { tel.Inject(r.Context(), onward) })
	req := httptest.NewRequest("GET", "/file/6110112345671", nil)
	req.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	tel.Middleware(mux).ServeHTTP(httptest.NewRecorder(), req)
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case b := <-got:
		if !bytes.Contains(b, []byte("GET /file/{id}")) || bytes.Contains(b, []byte("6110112345671")) ||
			!bytes.Contains(b, []byte{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6}) {
			t.Fatalf("the span: %q", b)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no span arrived")
	}
	if !strings.Contains(onward.Get("Traceparent"), "4bf92f3577b34da6a3ce929d0e0e4736") || !strings.Contains(log.String(), "4bf92f3577b34da6a3ce929d0e0e4736") {
		t.Fatalf("the trace was lost: %v %s", onward, log.String())
	}
	if _, err := telemetry.Open(t.Context(), telemetry.Config{Traces: "localhost:4318"}); err == nil {
		t.Fatal("an address that is none was taken")
	}
}
