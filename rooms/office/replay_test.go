package office_test

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/office"
)

// anOldBoardIsLoadedAnew: a wall screen comes back after a night. What it missed
// is not drawn movement by movement: it is told to load the page anew, and what
// it is told says from where to go on.
func anOldBoardIsLoadedAnew(t *testing.T, h *house) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var last string
	h.ok(h.DB.Update(ctx, func(tx *store.Tx) error {
		for i := range 2100 {
			last = tx.Emit(store.Event{Type: office.EventMoved, Version: 1, Subject: "office/file/night", Actor: "post/icta.dc.diary",
				Data: office.Moved{File: "night", Number: "N/1", Office: "icta.dc", Move: int64(i), Kind: "forward", From: clerk, To: assistant}})
		}
		return nil
	}))
	e, err := h.Journal.Wait(ctx, last)
	h.ok(err)
	first := func(from int64) (frame string) {
		ctx, leave := context.WithCancel(ctx)
		defer leave()
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/live/office?key=all", nil)
		h.ok(err)
		q.Header.Set("Last-Event-ID", strconv.FormatInt(from, 10))
		res, err := h.Browser().Do(q)
		h.ok(err)
		defer func() { _ = res.Body.Close() }()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 4<<20)
		for size := 0; lines.Scan() && size < 4<<20; size += len(lines.Text()) {
			if line := lines.Text(); !strings.HasPrefix(line, "retry:") && line != "" {
				frame += line + "\n"
			} else if frame != "" {
				return frame
			}
		}
		return frame
	}
	got := first(1)
	for range 100 { // the screens' feed catches up with the journal
		if strings.Contains(got, "event: reload") {
			break
		}
		time.Sleep(30 * time.Millisecond)
		got = first(1)
	}
	if !strings.Contains(got, "event: reload") || len(got) > 200 {
		t.Errorf("a screen of long ago is sent %d bytes: %.200s", len(got), got)
	}
	// who missed a few is drawn them
	if got := first(e.Position - 3); strings.Contains(got, "event: reload") || !strings.Contains(got, "m-night-2099") {
		t.Errorf("a screen of a moment ago: %.400s", got)
	}
}
