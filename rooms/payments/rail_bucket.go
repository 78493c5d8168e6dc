package payments

import (
	"time"

	"sarai/rooms/payments/wire"
)

// Token buckets of the rail's messages, one pair for each participant. What a
// process has counted is its own: they protect the process, not the money, so that
// nobody's storm of questions holds up everybody's payments.
//
// A question about one payment (pacs.028) costs a token for each payment it asks
// about. Answers come from the tables, and what is final stays so: whoever has
// learnt it has no reason to ask again.
const (
	askBurst    = 2_000 // questions at once
	askRate     = 200   // a second
	sendBurst   = 20_000
	sendRate    = 4_000
	codeTooMany = "TOOMANY" // of an admi.002: wait some seconds
)

// bucket holds tokens; an empty one fills at a rate.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes n tokens if they are there.
func (b *bucket) take(now time.Time, n, burst, rate float64) bool {
	if b.at.IsZero() {
		b.tokens, b.at = burst, now
	}
	if d := now.Sub(b.at); d > 0 { // a clock that goes back gives nothing
		b.tokens, b.at = min(burst, b.tokens+d.Seconds()*rate), now
	}
	if b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}

// buckets are those of a participant.
type buckets struct{ asks, sends bucket }

// spend takes a participant's tokens for a message that asks about so many
// payments, 0 for any other; an error names the limit.
func (l *Rail) spend(participant string, asks int) error {
	now := l.room.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[participant]
	if b == nil {
		b = &buckets{}
		l.buckets[participant] = b
	}
	if asks > 0 && !b.asks.take(now, float64(asks), askBurst, askRate) {
		return &wire.Reason{Code: codeTooMany, Text: "too many questions: 2,000 at once and 200 a second are answered; wait ten seconds and ask about what is still open"}
	}
	if asks == 0 && !b.sends.take(now, 1, sendBurst, sendRate) {
		return &wire.Reason{Code: codeTooMany, Text: "too many messages: 20,000 at once and 4,000 a second are taken; wait some seconds"}
	}
	return nil
}
