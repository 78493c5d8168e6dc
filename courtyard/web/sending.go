package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"sarai/courtyard/fault"
)

// Sending is how long a visitor may take to send the body of a request, so
// that nobody holds a connection by sending a byte now and then. The answer,
// live screens included, may take as long as it likes. A body that has not
// arrived in time is answered with 408 (RFC 9110 section 15.5.9).
type Sending struct {
	Form time.Duration // any body; 30 s when zero
	// Upload is for forms that take files, 2 min when zero, and as long again
	// as the largest file takes at Pace.
	Upload time.Duration
	Pace   int64 // bytes a second of the slowest line that can send us a file; 32 KiB when zero
}

func (x Sending) withDefaults() Sending {
	if x.Form <= 0 {
		x.Form = 30 * time.Second
	}
	if x.Upload <= 0 {
		x.Upload = 2 * time.Minute
	}
	if x.Pace <= 0 {
		x.Pace = 32 << 10
	}
	return x
}

var errSlow = errors.New("the body came too slowly")

// sending is a body on its way.
type sending struct {
	io.ReadCloser
	conn *http.ResponseController
	slow bool // it did not come in time
}

// receive gives the request's body its time.
func (c *Ctx) receive() {
	if c.R.Body == nil || c.R.Body == http.NoBody {
		return
	}
	c.body = &sending{ReadCloser: c.R.Body, conn: http.NewResponseController(c.W)}
	c.R.Body = c.body
	c.body.within(c.Site.o.Sending.Form)
}

// uploads gives a body with files of at most largest bytes the time it needs.
func (c *Ctx) uploads(largest int64) {
	if c.body != nil && largest > 0 {
		x := c.Site.o.Sending
		c.body.within(x.Upload + time.Duration(largest/x.Pace)*time.Second)
	}
}

// within counts from now; a recorder in a test has no deadlines.
func (b *sending) within(d time.Duration) { _ = b.conn.SetReadDeadline(time.Now().Add(d)) }

// Read reads on, and lifts the deadline at the end: from then on the server
// itself reads, to learn that the visitor goes away, and must not take the
// deadline for that.
func (b *sending) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.slow = true
	case errors.Is(err, io.EOF):
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// arrived says, of an error, whether its cause is a body that came too slowly.
func (c *Ctx) arrived(err error) error {
	if err != nil && c.body != nil && c.body.slow && !errors.Is(err, errSlow) {
		// the server takes a deadline for a visitor who went away; this one
		// still reads
		c.R = c.R.WithContext(context.WithoutCancel(c.R.Context()))
		return fault.New(fault.Invalid, "web.fault.slow").Because(errSlow)
	}
	return err
}

// statusOf is the status of a fault's kind, or the one that no kind has.
func statusOf(err error) int {
	if errors.Is(err, errSlow) {
		return http.StatusRequestTimeout
	}
	return fault.KindOf(err).Status()
}
