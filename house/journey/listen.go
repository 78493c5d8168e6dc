package journey

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// screen is a live page as a browser keeps it open.
type screen struct {
	cancel context.CancelFunc
	frames chan frame
}

type frame struct {
	at   time.Time
	text string
}

// listen opens a live topic. It returns once the server has answered.
func listen(ctx context.Context, b *Browser, address string) (*screen, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.absolute(address), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	client := &http.Client{Jar: b.client.Jar}
	res, err := client.Do(req) //nolint:bodyclose // whoever reads it below closes it
	if err != nil {
		cancel()
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		cancel()
		return nil, fmt.Errorf("open the live screen %s: %s", address, res.Status)
	}
	s := &screen{cancel: cancel, frames: make(chan frame, 64)}
	go func() {
		defer close(s.frames)
		defer func() { _ = res.Body.Close() }()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				select {
				case s.frames <- frame{time.Now(), text}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return s, nil
}

func (s *screen) stop() { s.cancel() }

// waitFor waits until a frame carries the text and says when it came.
func (s *screen) waitFor(ctx context.Context, text string) (time.Time, error) {
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for {
		select {
		case f, ok := <-s.frames:
			if !ok {
				return time.Time{}, errors.New("the live screen was closed")
			}
			if strings.Contains(f.text, text) {
				return f.at, nil
			}
		case <-limit.C:
			return time.Time{}, errors.New("the live screen did not show it within 10 seconds")
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}
