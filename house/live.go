package house

import (
	"context"
	"time"
)

// live lets simulated people work until ctx ends, so that screens move.
func (h *House) live(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
