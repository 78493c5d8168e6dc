package web

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sarai/courtyard/fault"
)

// Upload is a file a visitor sent.
type Upload struct {
	Name string // as the visitor's device called it, cleaned; for showing only
	// Type is what the bytes are (mimesniff), never what the visitor said.
	Type string
	Body []byte

	large bool
}

const (
	// drainLimit is how much of an upload that is too large we still read, and
	// throw away: a browser that cannot finish sending shows its own error
	// page instead of our message.
	drainLimit = 64 << 20
	partLimit  = 200
)

// readParts reads a multipart form as it arrives. A file beyond largest is
// never held in memory whole.
func (f *Form) readParts(r *multipart.Reader, largest int64) error {
	var text, drained int64
	for n := 0; ; n++ {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= partLimit {
			return fault.New(fault.TooLarge, "web.form.too-large")
		}
		name := part.FormName()
		if part.FileName() == "" && part.Header.Get("Content-Type") == "" {
			data, err := readAtMost(part, bodyLimit-text)
			if errors.Is(err, errTooLong) {
				return fault.New(fault.TooLarge, "web.form.too-large")
			}
			if err != nil {
				return err
			}
			text += int64(len(data))
			f.values.Add(name, string(data))
			continue
		}
		data, err := readAtMost(part, largest)
		up := &Upload{Body: data}
		up.Name, _ = cleaned(part.FileName(), false)
		switch {
		case errors.Is(err, errTooLong):
			up.large = true
			m, err := io.Copy(io.Discard, io.LimitReader(part, drainLimit-drained))
			if drained += m; err != nil || drained >= drainLimit {
				return fault.New(fault.TooLarge, "web.form.too-large").Because(err)
			}
		case err != nil:
			return err
		case len(data) == 0:
			continue // a file field left empty
		default:
			up.Type, _, _ = strings.Cut(http.DetectContentType(data), ";")
		}
		f.files[name] = up
	}
}

// File gives an uploaded file of at most most bytes and of one of the media
// types, if any are named. nil and no message when none was sent.
func (f *Form) File(name string, most int64, types ...string) *Upload {
	up := f.files[name]
	switch {
	case up == nil:
		return nil
	case up.large || int64(len(up.Body)) > most:
		f.Wrong(name, "web.form.file-large", "most", Bytes(most))
		return nil
	case len(types) > 0 && !slices.Contains(types, up.Type):
		f.Wrong(name, "web.form.file-type", "types", typeNames(types))
		return nil
	}
	return up
}

// Bytes writes a size: "5 MB".
func Bytes(n int64) string {
	switch {
	case n >= 1<<20:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<20)), ".0") + " MB"
	case n >= 1<<10:
		return strconv.FormatInt(n>>10, 10) + " kB"
	}
	return strconv.FormatInt(n, 10) + " B"
}

func typeNames(types []string) string {
	var names []string
	for _, t := range types {
		_, n, _ := strings.Cut(t, "/")
		names = append(names, strings.ToUpper(n))
	}
	return strings.Join(names, ", ")
}
