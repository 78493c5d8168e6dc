package tlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrNoAnswer says that a log could not be asked: nothing is known about it.
var ErrNoAnswer = errors.New("no answer from the log")

// Client reads somebody's log over HTTP and believes only what it has checked.
type Client struct {
	URL  string       // the log's prefix, as "https://sarai.gov.pk/log"
	Keys []string     // verifier keys that must all have signed; the first is the log's own
	HTTP *http.Client // nil is a client with a time limit of 20 s
}

// Check fetches the log's checkpoint at url, verifies it with vkey, and, if old
// is a checkpoint seen before (its signed text; nil for none), proves that the
// log has only grown since then. It gives the fresh checkpoint, to be kept for
// the next time. A log that shows another history gives an error with "fork".
func Check(ctx context.Context, url, vkey string, old []byte) (fresh []byte, size int64, err error) {
	return (&Client{URL: url, Keys: []string{vkey}}).Check(ctx, old)
}

// Check is the function Check with this client's settings.
func (c *Client) Check(ctx context.Context, old []byte) (fresh []byte, size int64, err error) {
	fresh, err = c.get(ctx, "checkpoint", 64<<10)
	if err != nil {
		return nil, 0, err
	}
	_, now, _, err := openCheckpoint(fresh, c.Keys)
	if err != nil {
		return nil, 0, err
	}
	if old == nil {
		return fresh, now.N, nil
	}
	_, then, _, err := openCheckpoint(old, c.Keys[:1])
	if err != nil {
		return nil, 0, fmt.Errorf("the checkpoint seen before: %w", err)
	}
	if err := c.consistent(ctx, then, now); err != nil {
		return nil, 0, err
	}
	return fresh, now.N, nil
}

func (c *Client) consistent(ctx context.Context, then, now tlog.Tree) error {
	switch {
	case then.N > now.N:
		return fmt.Errorf("the log shows %d entries, it had %d before: a fork, or an old copy", now.N, then.N)
	case then.N == now.N:
		if then.Hash != now.Hash {
			return fmt.Errorf("fork: two different trees of %d entries are signed", now.N)
		}
		return nil
	case then.N == 0:
		return nil
	}
	// Tiles are checked against now's root by x/mod, so a hash that comes out is
	// in the signed tree; the proof is then the comparison of roots.
	proof, err := tlog.ProveTree(now.N, then.N, tlog.TileHashReader(now, tiles(func(t tile) ([]byte, error) {
		return c.get(ctx, "tile/"+t.path(), int64(t.width)*tlog.HashSize)
	})))
	if err != nil {
		return fmt.Errorf("the log's tiles do not fit its checkpoint: %w", err)
	}
	if err := tlog.CheckTree(proof, now.N, now.Hash, then.N, then.Hash); err != nil {
		return fmt.Errorf("fork: the log of %d entries does not contain the one of %d seen before: %w", now.N, then.N, err)
	}
	return nil
}

func (c *Client) get(ctx context.Context, path string, most int64) ([]byte, error) {
	h := c.HTTP
	if h == nil {
		h = &http.Client{Timeout: 20 * time.Second}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := h.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s: %s", ErrNoAnswer, r.URL, res.Status)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoAnswer, r.URL, err)
	}
	if int64(len(b)) > most {
		return nil, errors.New(path + ": longer than it can be")
	}
	return b, nil
}
