package office

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// States of a file.
const (
	Open     = "open"
	Approved = "approved"
	Refused  = "refused"
)

// File is a case.
type File struct {
	ID          string
	Number      string
	Office      string
	Service     string
	Application string
	Applicant   string // pseudonym of the person it is about; "" for none
	SubjectEn   string
	SubjectUr   string
	State       string
	Holder      string // the post that has it
	Sender      string // the post it came from
	Seen        time.Time
	Route       []string
	Paras       int64
	Moves       int64
	Opened      time.Time
	Held        time.Time // since when the holder has it
	Due         time.Time
	Decided     time.Time
	Outcome     string
	Reason      string

	// what the policies look at besides, read by load
	trail, noters, persons []string
}

// Subject is the line of the file in a language.
func (f File) Subject(lang string) string {
	if lang == "ur" && f.SubjectUr != "" {
		return f.SubjectUr
	}
	return f.SubjectEn
}

// GateResource gives the file as the policies see it.
func (f File) GateResource() gate.Resource {
	return gate.Resource{Type: "OfficeFile", ID: f.ID, Attrs: map[string]any{
		"office": f.Office, "holder": f.Holder, "sender": f.Sender, "trail": listed(f.trail), "state": f.State, "subject": f.Applicant,
		"noters": listed(f.noters), "noting": int64(len(f.noters)), "persons": listed(f.persons), "seen": !f.Seen.IsZero(),
	}}
}

func listed(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Next is the post after the holder on the file's route; "" at its end or off it.
func (f File) Next() string {
	i := slices.Index(f.Route, f.Holder)
	if i < 0 || i+1 >= len(f.Route) {
		return ""
	}
	return f.Route[i+1]
}

const fileColumns = `id, number, office, service, application, applicant, subject_en, subject_ur, state, holder, sender, seen, route,
	paras, moves, opened, held, due, decided, outcome, reason`

func scanFile(scan store.Scan) (f File, err error) {
	var seen, opened, held, due, decided int64
	var route string
	err = scan(&f.ID, &f.Number, &f.Office, &f.Service, &f.Application, &f.Applicant, &f.SubjectEn, &f.SubjectUr, &f.State, &f.Holder, &f.Sender,
		&seen, &route, &f.Paras, &f.Moves, &opened, &held, &due, &decided, &f.Outcome, &f.Reason)
	if err != nil {
		return f, err
	}
	f.Seen, f.Opened, f.Held, f.Due, f.Decided = store.Time(seen), store.Time(opened), store.Time(held), store.Time(due), store.Time(decided)
	if err := json.Unmarshal([]byte(route), &f.Route); err != nil {
		return f, fmt.Errorf("read route of file %s: %w", f.ID, err)
	}
	return f, nil
}

// load reads a file with everything the policies look at.
func load(tx *store.Tx, id string) (File, error) {
	f, err := store.Get(tx, scanFile, `select `+fileColumns+` from office_file where id = $1`, id)
	if fault.Is(err, fault.NotFound) {
		return f, fault.New(fault.NotFound, "office.file.none").Because(err)
	}
	if err != nil {
		return f, err
	}
	f.trail, err = store.List(tx, store.Value[string], `select distinct to_post from office_movement where file = $1 order by to_post`, id)
	if err != nil {
		return f, err
	}
	// paragraph 18 counts officers who note; the diary and the order are none
	f.noters, err = store.List(tx, store.Value[string], `select distinct post from office_para where file = $1 and kind = 'note' order by post`, id)
	if err != nil {
		return f, err
	}
	f.persons, err = store.List(tx, store.Value[string], `select distinct person from office_para where file = $1 and kind = 'note' and post <> $2 order by person`, id, f.Holder)
	return f, err
}

// insertFile writes a new file and its first movement, with their events.
func (r *Room) insertFile(tx *store.Tx, f *File, actor string) error {
	office, ok := r.pack.Office(f.Office)
	if !ok {
		return fault.New(fault.Invalid, "office.file.office", "office", f.Office)
	}
	for _, p := range append([]string{f.Holder}, f.Route...) {
		if _, ok := r.pack.Post(p); !ok {
			return fault.New(fault.Invalid, "office.file.post", "post", p)
		}
	}
	year := tx.Now().In(r.pack.Zone).Year()
	n, err := next(tx, "file/"+f.Office, year)
	if err != nil {
		return err
	}
	section := strings.ToUpper(f.Service)
	if section == "" {
		section = "GEN"
	}
	f.ID, f.Number, f.State = tx.NewID(), fmt.Sprintf("%s/%s/%d/%05d", office.Short, section, year, n), Open
	f.Opened, f.Held, f.Moves = tx.Now(), tx.Now(), 1
	if f.Due.IsZero() {
		f.Due = r.pack.Calendar.AddDays(tx.Now(), workingDays)
	}
	route, err := json.Marshal(listed(f.Route))
	if err != nil {
		return fmt.Errorf("write route: %w", err)
	}
	_, err = tx.Exec(`insert into office_file (`+fileColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)`,
		f.ID, f.Number, f.Office, f.Service, f.Application, f.Applicant, f.SubjectEn, f.SubjectUr, f.State, f.Holder, f.Sender, 0, string(route),
		f.Paras, f.Moves, f.Opened, f.Held, f.Due, 0, "", "")
	if err != nil {
		return fmt.Errorf("open file: %w", err)
	}
	if err := insertMovement(tx, Movement{File: f.ID, N: 1, Office: f.Office, Kind: MoveOpen, To: f.Holder, At: tx.Now()}); err != nil {
		return err
	}
	tx.Emit(store.Event{Type: EventOpened, Version: 1, Subject: f.EventSubject(), Actor: actor, Data: Opened{
		File: f.ID, Number: f.Number, Office: f.Office, Service: f.Service, Application: f.Application, Holder: f.Holder, Due: f.Due,
	}})
	return nil
}

// workingDays is the time for a file without a time limit of its own.
const workingDays = 10

// EventSubject is what events about the file name as their subject.
func (f File) EventSubject() string { return "office/file/" + f.ID }

// desk is the files a post holds, the one with the least time left first, from a
// place on.
func desk(tx *store.Tx, post string, from web.Place, limit int) ([]File, error) {
	where, args := "holder = $1 and state = 'open'", []any{post, limit}
	if !from.Begin() {
		where, args = where+" and (due, id) > ($3, $4)", append(args, from.At, from.ID)
	}
	return store.List(tx, scanFile, `select `+fileColumns+` from office_file where `+where+` order by due, id limit $2`, args...)
}

// dueAt is a file's place in a list that is sorted by the time left.
func dueAt(f File) web.Place { return web.Place{At: f.Due, ID: f.ID} }

// byApplication is the file of an application.
func byApplication(tx *store.Tx, application string) (File, error) {
	f, err := store.Get(tx, scanFile, `select `+fileColumns+` from office_file where application = $1 order by opened limit 1`, application)
	if fault.Is(err, fault.NotFound) {
		return f, fault.New(fault.NotFound, "office.file.none").Because(err)
	}
	return f, err
}
