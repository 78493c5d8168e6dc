package office

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Intake is something that comes in to become a file.
type Intake struct {
	Key         string // the same key is received once
	Office      string
	Service     string
	Application string
	Applicant   string            // pseudonym
	Subject     map[string]string // line of the file, by language
	Papers      []Paper
	// Route is the posts in order: the first diarises, the last decides. It
	// comes from the service's file; empty: the office's first diary post.
	Route []string
	Due   time.Time // zero: ten working days
	From  string    // who sent it, for papers a clerk diarises
	Actor string    // "" is system/office
}

// Paper is one paper of the correspondence side.
type Paper struct {
	Title     map[string]string
	MediaType string
	Body      []byte
}

// Receive takes an intake in: a diary entry, a file with its papers, on the desk
// of the first post of the route. It runs in the caller's transaction; a key
// received before gives the same answer again.
func (r *Room) Receive(tx *store.Tx, in Intake) (fileID, diaryNo string, err error) {
	if in.Key == "" || in.Office == "" || in.Subject["en"] == "" {
		return "", "", fault.New(fault.Invalid, "office.intake.incomplete")
	}
	office, ok := r.pack.Office(in.Office)
	if !ok {
		return "", "", fault.New(fault.Invalid, "office.file.office", "office", in.Office)
	}
	payload, err := json.Marshal([]string{in.Office, in.Service, in.Application, in.Applicant})
	if err != nil {
		return "", "", fmt.Errorf("receive: %w", err)
	}
	outcome, _, err := store.Once(tx, "office.receive", in.Key, payload, func() ([]byte, error) {
		file, diary, err := r.receive(tx, office.Short, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal([2]string{file, diary})
	})
	if err != nil {
		return "", "", err
	}
	var kept [2]string
	if err := json.Unmarshal(outcome, &kept); err != nil {
		return "", "", fmt.Errorf("receive: %w", err)
	}
	return kept[0], kept[1], nil
}

func (r *Room) receive(tx *store.Tx, short string, in Intake) (file, diary string, err error) {
	actor := in.Actor
	if actor == "" {
		actor = "system/office"
	}
	f := File{
		Office: in.Office, Service: in.Service, Application: in.Application, Applicant: in.Applicant,
		SubjectEn: in.Subject["en"], SubjectUr: in.Subject["ur"], Route: in.Route, Due: in.Due,
	}
	if len(in.Route) > 0 {
		f.Holder = in.Route[0]
	} else if f.Holder = r.firstPost(in.Office); f.Holder == "" {
		return "", "", fault.New(fault.Invalid, "office.file.office", "office", in.Office)
	}
	if err := r.insertFile(tx, &f, actor); err != nil {
		return "", "", err
	}
	year := tx.Now().In(r.pack.Zone).Year()
	n, err := next(tx, "diary/"+in.Office, year)
	if err != nil {
		return "", "", err
	}
	receipt := tx.NewID()
	diary = fmt.Sprintf("%s/D/%d/%05d", short, year, n)
	_, err = tx.Exec(`insert into office_receipt (id, diary, office, sender, subject_en, subject_ur, file, at, actor) values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
		receipt, diary, in.Office, in.From, f.SubjectEn, f.SubjectUr, f.ID, tx.Now(), actor)
	if err != nil {
		return "", "", fmt.Errorf("diarise: %w", err)
	}
	for i, p := range in.Papers {
		sum := sha256.Sum256(p.Body)
		body := p.Body
		if body == nil {
			body = []byte{}
		}
		_, err := tx.Exec(`insert into office_paper (id, file, n, title_en, title_ur, media, size, digest, body, sealed_at, at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,0,$10)`,
			tx.NewID(), f.ID, i+1, p.Title["en"], p.Title["ur"], p.MediaType, len(p.Body), sum[:], body, tx.Now())
		if err != nil {
			return "", "", fmt.Errorf("put paper on file: %w", err)
		}
	}
	if len(in.Papers) > 0 {
		// keys are not used inside a transaction; the job seals within a moment
		if err := job.Put(tx, job.Job{Kind: jobSeal, Key: f.ID, Data: sealJob{f.ID}}); err != nil {
			return "", "", err
		}
	}
	tx.Emit(store.Event{Type: EventDiarised, Version: 1, Subject: "office/receipt/" + receipt, Actor: actor, Data: Diarised{
		Receipt: receipt, Diary: diary, Office: in.Office, File: f.ID, Application: in.Application,
	}})
	return f.ID, diary, nil
}

// firstPost is where an office takes things in: its first diary post, else its
// first post that handles files.
func (r *Room) firstPost(office string) string {
	o, ok := r.pack.Office(office)
	if !ok {
		return ""
	}
	for _, power := range []string{"office.diary", "office.note", "office.decide"} {
		for _, p := range o.Posts {
			for _, w := range p.Powers {
				if w == power {
					return p.ID
				}
			}
		}
	}
	return ""
}

// Receipt is one entry of the diary.
type Receipt struct {
	ID, Diary, Office, From, SubjectEn, SubjectUr, File, Number, Holder, State string
	At                                                                         time.Time
}

// Subject is the line of the receipt in a language.
func (x Receipt) Subject(lang string) string {
	return File{SubjectEn: x.SubjectEn, SubjectUr: x.SubjectUr}.Subject(lang)
}

// receipts reads a page of an office's diary, the youngest first; between two
// moments when until is set.
func receipts(tx *store.Tx, office string, from web.Place, since, until time.Time) ([]Receipt, error) {
	where, args := "r.office = $1", []any{office, pageRows + 1}
	if !until.IsZero() {
		where, args = where+" and r.at >= $3 and r.at < $4", append(args, since, until)
	}
	if !from.Begin() {
		n := len(args)
		where, args = where+fmt.Sprintf(" and (r.at, r.id) < ($%d, $%d)", n+1, n+2), append(args, from.At, from.ID)
	}
	return store.List(tx, func(scan store.Scan) (x Receipt, err error) {
		var at int64
		err = scan(&x.ID, &x.Diary, &x.Office, &x.From, &x.SubjectEn, &x.SubjectUr, &x.File, &at, &x.Number, &x.Holder, &x.State)
		x.At = store.Time(at)
		return x, err
	}, `select r.id, r.diary, r.office, r.sender, r.subject_en, r.subject_ur, r.file, r.at, f.number, f.holder, f.state
		from office_receipt r join office_file f on f.id = r.file where `+where+` order by r.at desc, r.id desc limit $2`, args...)
}
