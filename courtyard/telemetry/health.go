package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// checkTime is how long a part may take to say that it is well.
const checkTime = 2 * time.Second

type check struct {
	name string
	ask  func(ctx context.Context) error
}

// Check adds a part that must be well before the house is given work: "store",
// "journal", "log". ask must give up when its context ends.
func (t *Telemetry) Check(name string, ask func(ctx context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks = append(t.checks, check{name, ask})
}

// Drain makes readiness fail from now on, so that no new work arrives while
// the house is being shut.
func (t *Telemetry) Drain() { t.draining.Store(true) }

// Health is the body of /healthz and /readyz.
type Health struct {
	Status string            `json:"status"`           // "ok", "ready", "not ready", "closing"
	Parts  map[string]string `json:"parts,omitempty"`  // part -> "ok" or "failing"; the reason is in the log
	Failed []string          `json:"failed,omitempty"` // names of the failing parts
}

// Healthz answers whether the process lives at all.
func (t *Telemetry) Healthz() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, Health{Status: "ok"})
	})
}

// Readyz answers whether the house may be given work and, if not, which part
// is the reason. Parts are asked at most once a second.
func (t *Telemetry) Readyz() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.draining.Load() {
			writeHealth(w, http.StatusServiceUnavailable, Health{Status: "closing"})
			return
		}
		h := t.ready(r.Context())
		status := http.StatusOK
		if h.Status != "ready" {
			status = http.StatusServiceUnavailable
		}
		writeHealth(w, status, h)
	})
}

func (t *Telemetry) ready(ctx context.Context) Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked.Status != "" && time.Since(t.askedAt) < time.Second {
		return t.asked
	}
	// the asker may hang up; the answer is for the next one too
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	errs := make([]error, len(t.checks))
	var wg sync.WaitGroup
	for i, c := range t.checks {
		wg.Go(func() { errs[i] = askOne(ctx, c) })
	}
	wg.Wait()
	h := Health{Status: "ready", Parts: map[string]string{}}
	for i, c := range t.checks {
		h.Parts[c.name] = "ok"
		if errs[i] != nil {
			h.Status, h.Parts[c.name] = "not ready", "failing"
			h.Failed = append(h.Failed, c.name)
			t.Logger.LogAttrs(ctx, slog.LevelWarn, "a part is failing", slog.String("part", c.name), slog.String("cause", errs[i].Error()))
		}
	}
	t.asked, t.askedAt = h, time.Now()
	return h
}

// askOne does not wait for a part that forgets its context.
func askOne(ctx context.Context, c check) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- errors.New("the check panicked")
			}
		}()
		done <- c.ask(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func writeHealth(w http.ResponseWriter, status int, h Health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h) // the asker may be gone
}
