package services

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // photographs of papers come as PNG too

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Limits of an uploaded paper.
const (
	paperBytes  = 5 << 20
	paperPixels = 40_000_000
)

// paper is evidence a person uploaded. Body is sealed.
type paper struct {
	ID          string
	Application string
	Field       string
	Name        string
	MediaType   string
	Size        int64
	Body        []byte
}

const paperColumns = "id, application, field, name, media_type, size, body"

func scanPaper(scan store.Scan) (paper, error) {
	var p paper
	return p, scan(&p.ID, &p.Application, &p.Field, &p.Name, &p.MediaType, &p.Size, &p.Body)
}

func (p paper) write(tx *store.Tx) error {
	_, err := tx.Exec(`insert into services_paper (`+paperColumns+`, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (application, field) do update set id = excluded.id, name = excluded.name, media_type = excluded.media_type, size = excluded.size, body = excluded.body, at = excluded.at`,
		p.ID, p.Application, p.Field, p.Name, p.MediaType, p.Size, p.Body, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("keep the paper: %w", err)
	}
	return nil
}

func papersOf(tx *store.Tx, application string) ([]paper, error) {
	return store.List(tx, scanPaper, "select "+paperColumns+" from services_paper where application = $1 order by field", application)
}

// drawing lets two pictures be drawn at a time: 40 million pixels take up to
// 320 MB.
var drawing = make(chan struct{}, 2)

func redraw(picture []byte) ([]byte, error) {
	drawing <- struct{}{}
	defer func() { <-drawing }()
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, img, &jpeg.Options{Quality: 85})
	return out.Bytes(), err
}

// takePaper looks at an upload and seals it. A photograph is drawn anew, which
// leaves behind where and with what it was taken; a PDF is kept as it is, and
// is only ever given out as a download.
func (r *Room) takePaper(ctx context.Context, a *Application, field, name, mediaType string, body []byte) (paper, error) {
	switch mediaType {
	case "application/pdf":
	case "image/jpeg", "image/png":
		size, _, err := image.DecodeConfig(bytes.NewReader(body))
		if err != nil || size.Width*size.Height > paperPixels {
			return paper{}, fault.New(fault.Invalid, "services.answers").Because(err).At(field, "services.answer.file.picture")
		}
		if body, err = redraw(body); err != nil {
			return paper{}, fault.New(fault.Invalid, "services.answers").Because(err).At(field, "services.answer.file.picture")
		}
		mediaType = "image/jpeg"
	default:
		return paper{}, fault.New(fault.Invalid, "services.answers").At(field, "services.answer.file.type")
	}
	p := paper{ID: r.c.NewID(), Application: a.ID, Field: field, Name: clean(name, false), MediaType: mediaType, Size: int64(len(body))}
	if runes := []rune(p.Name); len(runes) > 80 {
		p.Name = string(runes[:80])
	}
	var err error
	p.Body, err = r.c.Keys.Seal(ctx, sealPurpose, body, []byte(p.ID))
	return p, err
}
