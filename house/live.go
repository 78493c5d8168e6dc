package house

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/house/journey"
)

// Pauses of simulated people: long enough to read a board, short enough that it
// never stands still.
const (
	deskPause = 900 * time.Millisecond
	stepPause = 3 * time.Second
)

// live lets simulated people work until ctx ends: officials move files of the
// synthetic country, and citizens walk the whole journey one after another over
// the same pages and interfaces as everybody.
func (h *House) live(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		random := rand.New(rand.NewPCG(h.cfg.Demo.Seed, uint64(time.Now().UnixNano()))) //nolint:gosec // simulated people
		for pause(ctx, deskPause) {
			if _, err := h.rooms.office.Work(ctx, random); err != nil && ctx.Err() == nil {
				h.telemetry.Logger.WarnContext(ctx, "a simulated official could not work", "err", err)
			}
		}
		return nil
	})
	g.Go(func() error {
		for pause(ctx, stepPause) {
			h.walk(ctx)
		}
		return nil
	})
	return g.Wait()
}

// walk lets one citizen try to go the whole way.
func (h *House) walk(ctx context.Context) {
	w, err := journey.New(journey.Options{Server: h.base})
	if err != nil {
		return
	}
	for _, step := range w.Steps() {
		if !pause(ctx, stepPause) {
			return
		}
		if _, err := step.Walk(ctx); err != nil {
			if ctx.Err() == nil {
				h.telemetry.Logger.WarnContext(ctx, "a simulated citizen could not go on", "step", step.Name, "err", err)
			}
			return
		}
	}
}

// pause waits; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
