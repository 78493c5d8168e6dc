package web

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sarai/courtyard/clock"
	"sarai/courtyard/fault"
)

// Rate is how often somebody may do something: N times in Per, all of it at
// once if they like. The zero rate does not limit.
//
// Limits are counted in each process by itself, so a house of three processes
// allows up to three times as much: they are there against floods and guessing
// machines. What must hold exactly (attempts at one account) is counted by the
// room that owns it, in the database.
type Rate struct {
	N   int
	Per time.Duration
}

// DefaultLimit holds for every request that changes something.
var DefaultLimit = Rate{N: 120, Per: time.Minute}

// Limit counts one use of what by this visitor: by session when there is one,
// else by address. The fault is Limit "web.limit" with {wait}.
//
// Whoever is not signed in can begin as many sessions as he likes, so these
// count by address together, with room for several people behind one.
func (c *Ctx) Limit(what string, r Rate) error {
	address := "address " + network(c.Site.o.Client(c.R))
	if c.session == nil {
		return c.LimitBy(what, address, r)
	}
	if c.session.Person == "" {
		if err := c.LimitBy(what, address+" sessions", Rate{N: 10 * r.N, Per: r.Per}); err != nil {
			return err
		}
	}
	return c.LimitBy(what, "session "+c.session.ID, r)
}

// Limit is Ctx.Limit for code that has only the context of a request that came
// through a site, such as the interface; without one it does not limit.
func Limit(ctx context.Context, what string, r Rate) error {
	if c, _ := ctx.Value(ctxKey{}).(*Ctx); c != nil {
		return c.Limit(what, r)
	}
	return nil
}

// LimitBy counts one use of what by key: an account that is being guessed at,
// a client of a protocol.
func (c *Ctx) LimitBy(what, key string, r Rate) error {
	wait := c.Site.limits.take(what+" "+key, r)
	if wait <= 0 {
		return nil
	}
	seconds := int64((wait + time.Second - 1) / time.Second)
	c.W.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	return fault.New(fault.Limit, "web.limit", "wait", N(c.Context(), "web.seconds", seconds))
}

// network groups addresses that one visitor commands: an IPv6 /64.
func network(host string) string {
	a, err := netip.ParseAddr(host)
	if err != nil || a.Is4() || a.Is4In6() {
		return host
	}
	p, err := a.Prefix(64)
	if err != nil {
		return host
	}
	return p.String()
}

type limiter struct {
	clock clock.Clock
	pace  float64

	mu    sync.Mutex
	by    map[string]*bucket
	swept time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
	per  time.Duration
}

func newLimiter(c clock.Clock, pace float64) *limiter {
	if pace == 0 {
		pace = 1
	}
	return &limiter{clock: c, pace: pace, by: map[string]*bucket{}}
}

// take counts one use and gives how long to wait for the next when it was one
// too many.
func (l *limiter) take(key string, r Rate) time.Duration {
	if r.N <= 0 || r.Per <= 0 || l.pace < 0 {
		return 0
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute || len(l.by) > 200_000 {
		for k, b := range l.by {
			if now.Sub(b.used) > b.per { // full again: forgetting it changes nothing
				delete(l.by, k)
			}
		}
		l.swept = now
	}
	b := l.by[key]
	if b == nil {
		n := max(1, int(float64(r.N)*l.pace))
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(float64(n)/r.Per.Seconds()), n), per: r.Per}
		l.by[key] = b
	}
	b.used = now
	res := b.ReserveN(now, 1)
	wait := res.DelayFrom(now)
	if wait > 0 {
		res.CancelAt(now)
	}
	return wait
}
