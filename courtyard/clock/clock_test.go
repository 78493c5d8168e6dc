package clock_test

import (
	"testing"
	"time"

	"sarai/courtyard/clock"
)

func TestAManualClockMovesOnlyWhenMoved(t *testing.T) {
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.FixedZone("PKT", 5*3600))
	c := clock.At(start)
	if !c.Now().Equal(start) || c.Now().Location() != time.UTC {
		t.Fatal("not the time it was set to, in UTC")
	}
	c.Advance(24 * time.Hour)
	if got := c.Now().Sub(start); got != 24*time.Hour {
		t.Fatalf("moved by %v", got)
	}
	c.Set(start)
	if !c.Now().Equal(start) {
		t.Fatal("not set back")
	}
	if clock.System.Now().Location() != time.UTC {
		t.Fatal("the system clock speaks UTC")
	}
}
