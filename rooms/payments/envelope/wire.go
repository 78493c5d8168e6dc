package envelope

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// MediaType is that of a message on the wire (RFC 7303).
const MediaType = "application/xml; charset=utf-8"

var (
	// ErrMediaType: a body that is not XML in UTF-8, or compressed (HTTP 415).
	ErrMediaType = errors.New("envelope: media type")
	// ErrTooLarge: a body beyond the limit (HTTP 413).
	ErrTooLarge = errors.New("envelope: too large")
)

// Body reads the message in a request's body, of which maxBytes are read at most;
// 0 means [DefaultMaxBytes]. Other errors than [ErrMediaType] and [ErrTooLarge]
// are those of reading.
func Body(w http.ResponseWriter, r *http.Request, maxBytes int64) ([]byte, error) {
	if err := CheckHeader(r.Header); err != nil {
		return nil, err
	}
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	if r.ContentLength > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes; at most %d are read", ErrTooLarge, r.ContentLength, maxBytes)
	}
	return read(http.MaxBytesReader(w, r.Body, maxBytes), r.ContentLength, maxBytes)
}

// Answer reads the message in a response's body, as [Body] does in a request's.
func Answer(r *http.Response, maxBytes int64) ([]byte, error) {
	if err := CheckHeader(r.Header); err != nil {
		return nil, err
	}
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	if r.ContentLength > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes; at most %d are read", ErrTooLarge, r.ContentLength, maxBytes)
	}
	return read(http.MaxBytesReader(nil, r.Body, maxBytes), r.ContentLength, maxBytes)
}

func read(body io.Reader, length, maxBytes int64) ([]byte, error) {
	// one byte more than announced, so that the end is seen without growing; but
	// nobody gets much memory for an announcement
	out := make([]byte, 0, min(max(length, 4<<10), 64<<10)+1)
	for {
		n, err := body.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		var tooLarge *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.As(err, &tooLarge):
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxBytes)
		case err != nil:
			return nil, fmt.Errorf("envelope: read the body: %w", err)
		}
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
	}
}

// CheckHeader says whether the header fields of a request or an answer announce a
// message: XML in UTF-8, not compressed. A charset that is absent means what the
// XML declaration says, which is UTF-8 or refused when the message is read.
func CheckHeader(h http.Header) error {
	if h.Get("Content-Type") == MediaType && h.Get("Content-Encoding") == "" {
		return nil // as we write it ourselves
	}
	kind, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/xml" && kind != "text/xml" {
		return fmt.Errorf("%w: %.80q; messages are %s", ErrMediaType, h.Get("Content-Type"), MediaType)
	}
	if c := parameters["charset"]; c != "" && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "us-ascii") {
		return fmt.Errorf("%w: charset %.40q; messages are in UTF-8", ErrMediaType, c)
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return fmt.Errorf("%w: content encoding %.40q; messages are not compressed", ErrMediaType, e)
	}
	return nil
}
