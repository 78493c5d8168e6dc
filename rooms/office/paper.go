package office

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// Sheet is a paper on a file, without its bytes.
type Sheet struct {
	ID, File         string
	N                int64
	TitleEn, TitleUr string
	MediaType        string
	Size             int64
	At               time.Time
}

// kind is the name people know a paper's form by.
func (s Sheet) kind() string {
	kind, _, _ := strings.Cut(s.MediaType, ";")
	if kind == "text/plain" {
		return "TXT"
	}
	return strings.ToUpper(kind[strings.IndexByte(kind, '/')+1:])
}

// Title is the paper's title in a language.
func (s Sheet) Title(lang string) string {
	return File{SubjectEn: s.TitleEn, SubjectUr: s.TitleUr}.Subject(lang)
}

func sheets(tx *store.Tx, file string) ([]Sheet, error) {
	return store.List(tx, func(scan store.Scan) (s Sheet, err error) {
		var at int64
		err = scan(&s.ID, &s.File, &s.N, &s.TitleEn, &s.TitleUr, &s.MediaType, &s.Size, &at)
		s.At = store.Time(at)
		return s, err
	}, `select id, file, n, title_en, title_ur, media, size, at from office_paper where file = $1 order by n`, file)
}

type storedPaper struct {
	id, file, media string
	digest, body    []byte
	sealed          bool
}

func scanPaper(scan store.Scan) (p storedPaper, err error) {
	var at int64
	err = scan(&p.id, &p.file, &p.media, &p.digest, &p.body, &at)
	p.sealed = at != 0
	return p, err
}

// ReadPaper gives a paper's bytes to somebody who may read its file. Bytes that
// are not those that came in are refused.
func (r *Room) ReadPaper(ctx context.Context, p gate.Permit[File], n int64) (mediaType string, body []byte, err error) {
	if err := r.looked(ctx, p.Resource(), p.Who()); err != nil {
		return "", nil, err
	}
	var paper storedPaper
	err = r.db.View(ctx, func(tx *store.Tx) error {
		paper, err = store.Get(tx, scanPaper, `select id, file, media, digest, body, sealed_at from office_paper where file = $1 and n = $2`, p.Resource().ID, n)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return "", nil, fault.New(fault.NotFound, "office.paper.none").Because(err)
	}
	if err != nil {
		return "", nil, err
	}
	body = paper.body
	if paper.sealed {
		if body, err = r.keys.Open(ctx, purposePaper, paper.body, []byte(paper.id)); err != nil {
			return "", nil, fault.New(fault.Internal, "office.paper.changed").Because(err)
		}
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], paper.digest) {
		return "", nil, fault.New(fault.Internal, "office.paper.changed").Because(fmt.Errorf("paper %s is not what was received", paper.id))
	}
	return paper.media, body, nil
}

// jobSeal seals the papers of a file that lie open; the action has its name.
const jobSeal = "office.paper.seal"

type sealJob struct {
	File string `json:"file"`
}

func (r *Room) seal(ctx context.Context, j job.Job) (func(*store.Tx) error, error) {
	var q sealJob
	if err := j.Decode(&q); err != nil {
		return nil, err
	}
	var open []storedPaper
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		open, err = store.List(tx, scanPaper, `select id, file, media, digest, body, sealed_at from office_paper where file = $1 and sealed_at = 0 order by id`, q.File)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, p := range open {
		if open[i].body, err = r.keys.Seal(ctx, purposePaper, p.body, []byte(p.id)); err != nil {
			return nil, fmt.Errorf("seal paper: %w", err)
		}
	}
	return func(tx *store.Tx) error {
		for _, p := range open {
			if _, err := tx.Exec(`update office_paper set body = $2, sealed_at = $3 where id = $1 and sealed_at = 0`, p.id, p.body, tx.Now()); err != nil {
				return fmt.Errorf("seal paper: %w", err)
			}
		}
		return nil
	}, nil
}
