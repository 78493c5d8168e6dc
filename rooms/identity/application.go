package identity

import (
	"context"

	"encoding/json"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

// Key purposes of enrolment.
const (
	purposeApplication = "identity.application.seal"
	purposeResume      = "identity.resume.pseudonym"
)

// draftLife is how long an application that was not sent is kept after its last
// answer; the page on which it is left says so.
const draftLife = 90 * 24 * time.Hour

// States of an application for an identity.
const (
	applicationDraft     = "draft"
	applicationSubmitted = "submitted"
	applicationIssued    = "issued"
	applicationRefused   = "refused"
)

// Answers are what an applicant says about himself.
type Answers struct {
	NameEn    string `json:"name_en,omitempty"`
	NameUr    string `json:"name_ur,omitempty"`
	FatherEn  string `json:"father_en,omitempty"`
	FatherUr  string `json:"father_ur,omitempty"`
	Birth     string `json:"birth,omitempty"` // YYYY-MM-DD
	Sex       string `json:"sex,omitempty"`
	Number    string `json:"number,omitempty"` // digits
	District  string `json:"district,omitempty"`
	AddressEn string `json:"address_en,omitempty"`
	AddressUr string `json:"address_ur,omitempty"`
	Phone     string `json:"phone,omitempty"` // E.164
	HasPhoto  bool   `json:"has_photo,omitempty"`
}

// enrolmentSteps are the questions in their order.
var enrolmentSteps = []string{"name", "father", "birth", "sex", "number", "district", "address", "phone", "photo"}

// answered says whether a question has its answer.
func (a Answers) answered(step string) bool {
	switch step {
	case "name":
		return a.NameEn != "" && a.NameUr != ""
	case "father":
		return a.FatherEn != "" && a.FatherUr != ""
	case "birth":
		return a.Birth != ""
	case "sex":
		return a.Sex != ""
	case "number":
		return a.Number != ""
	case "district":
		return a.District != ""
	case "address":
		return a.AddressEn != ""
	case "phone":
		return a.Phone != ""
	case "photo":
		return a.HasPhoto
	}
	return false
}

// missing is the first question without an answer, or nothing.
func (a Answers) missing() string {
	for _, s := range enrolmentSteps {
		if !a.answered(s) {
			return s
		}
	}
	return ""
}

// Enrolment is an application for an identity.
type Enrolment struct {
	ID, Reference, State string
	Subject              string
	Created, Changed     time.Time
	Submitted            time.Time
	Answers              Answers
	Decisions            []Adjudication

	visitor       string
	whose         string // the pseudonym the number leads to, for the gate
	sealed, photo []byte
	changed       int64
}

// GateResource shows the gate the state and who has decided already.
func (e *Enrolment) GateResource() gate.Resource {
	deciders := make([]string, 0, len(e.Decisions))
	for _, d := range e.Decisions {
		deciders = append(deciders, d.Official)
	}
	return gate.Resource{Type: "IdentityApplication", ID: e.ID, Attrs: map[string]any{"state": e.State, "deciders": deciders, "subject": e.whose}}
}

const enrolmentColumns = `id, reference, visitor, state, subject, answers, photo, created, changed, submitted`

func scanEnrolment(scan store.Scan) (*Enrolment, error) {
	e := &Enrolment{}
	var created, submitted int64
	err := scan(&e.ID, &e.Reference, &e.visitor, &e.State, &e.Subject, &e.sealed, &e.photo, &created, &e.changed, &submitted)
	e.Created, e.Changed = store.Time(created), store.Time(e.changed)
	if submitted > 0 {
		e.Submitted = store.Time(submitted)
	}
	return e, err
}

// declareEnrolment names the keys enrolment needs.
func (r *Room) declareEnrolment() {
	r.keys.Declare(keys.Purpose{Name: purposeApplication, Alg: keys.A256GCM})
	r.keys.Declare(keys.Purpose{Name: purposeResume, Alg: keys.HS256})
}

// openDraft opens a draft in a browser.
func (r *Room) openDraft(ctx context.Context, visitor string) (*Enrolment, error) {
	e := &Enrolment{ID: r.newID(), Reference: id.Reference(8), State: applicationDraft, visitor: visitor}
	code, err := r.resumeCode(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	sealed, err := r.sealAnswers(ctx, e)
	if err != nil {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`update identity_application set visitor = '' where visitor = $1`, visitor); err != nil {
			return err
		}
		_, err := tx.Exec(`insert into identity_application (id, reference, code, visitor, state, answers, photo, number_index, birth, district, subject, created, changed, submitted)
			values ($1, $2, $3, $4, $5, $6, null, '', '', '', '', $7, $7, 0)`, e.ID, e.Reference, hashed(code), visitor, e.State, sealed, store.Micros(tx.Now()))
		return err
	})
	return e, err
}

// resumeCode is the code an applicant comes back with: 60 bits that follow from
// the application under a key, so that it can be shown again and is never stored.
func (r *Room) resumeCode(ctx context.Context, application string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeResume, []byte(application))
	if err != nil {
		return "", fmt.Errorf("derive a code: %w", err)
	}
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b []byte
	for i := range 12 {
		if i > 0 && i%4 == 0 {
			b = append(b, '-')
		}
		b = append(b, letters[mac[i]&31])
	}
	return string(b), nil
}

// enrolmentOf gives the application that is open in a browser; NotFound if none.
func (r *Room) enrolmentOf(ctx context.Context, visitor string) (*Enrolment, error) {
	if visitor == "" {
		return nil, fault.New(fault.NotFound, "identity.apply.none")
	}
	return r.enrolmentWhere(ctx, `visitor = $1`, visitor)
}

// enrolment gives an application by id.
func (r *Room) enrolmentByID(ctx context.Context, id string) (*Enrolment, error) {
	return r.enrolmentWhere(ctx, `id = $1`, id)
}

func (r *Room) enrolmentWhere(ctx context.Context, where, arg string) (e *Enrolment, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if e, err = store.Get(tx, scanEnrolment, `select `+enrolmentColumns+` from identity_application where `+where, arg); err != nil {
			return err
		}
		e.Decisions, err = adjudications(tx, e.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "identity.apply.none")
	}
	if err != nil {
		return nil, err
	}
	return e, r.openAnswers(ctx, e)
}

// reopen opens an application in another browser for who knows its code.
func (r *Room) reopen(ctx context.Context, visitor, reference, code string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		found, err := store.Get(tx, store.Value[string], `select id from identity_application where reference = $1 and code = $2 for update`, reference, hashed(code))
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Invalid, "identity.apply.resume.wrong").At("code", "identity.apply.resume.wrong")
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`update identity_application set visitor = '' where visitor = $1`, visitor); err != nil {
			return err
		}
		_, err = tx.Exec(`update identity_application set visitor = $1 where id = $2`, visitor, found)
		return err
	})
}

func (r *Room) sealAnswers(ctx context.Context, e *Enrolment) ([]byte, error) {
	plain, err := json.Marshal(e.Answers)
	if err != nil {
		return nil, err
	}
	sealed, err := r.keys.Seal(ctx, purposeApplication, plain, []byte(e.ID))
	if err != nil {
		return nil, fmt.Errorf("seal an application: %w", err)
	}
	return sealed, nil
}

func (r *Room) openAnswers(ctx context.Context, e *Enrolment) error {
	plain, err := r.keys.Open(ctx, purposeApplication, e.sealed, []byte(e.ID))
	if err != nil {
		return fmt.Errorf("open an application: %w", err)
	}
	return json.Unmarshal(plain, &e.Answers)
}

// photograph opens the picture of an application, nil if there is none.
func (r *Room) photograph(ctx context.Context, e *Enrolment) ([]byte, error) {
	if len(e.photo) == 0 {
		return nil, nil
	}
	return r.keys.Open(ctx, purposeApplication, e.photo, []byte("photo/"+e.ID))
}

// keep stores the answers of a draft; photo replaces the picture unless nil. A
// draft that changed meanwhile (two windows) is a Conflict.
func (r *Room) keep(ctx context.Context, e *Enrolment, photo []byte) error {
	var sealedPhoto []byte
	var err error
	if photo != nil {
		if sealedPhoto, err = r.keys.Seal(ctx, purposeApplication, photo, []byte("photo/"+e.ID)); err != nil {
			return fmt.Errorf("seal a photograph: %w", err)
		}
		e.Answers.HasPhoto = true
	}
	sealed, err := r.sealAnswers(ctx, e)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		now := max(store.Micros(tx.Now()), e.changed+1)
		n, err := tx.Exec(`update identity_application set answers = $1, photo = coalesce($2, photo), changed = $3 where id = $4 and state = 'draft' and changed = $5`,
			sealed, sealedPhoto, now, e.ID, e.changed)
		if err != nil {
			return fmt.Errorf("keep an application: %w", err)
		}
		if n == 0 {
			return fault.New(fault.Conflict, "identity.apply.changed")
		}
		return nil
	})
}

// submit sends a complete draft. Who it resembles is worked out beside the
// update and brought up to its moment within, so that no application is ever
// without the check. Sending twice is the same as sending once.
func (r *Room) submit(ctx context.Context, e *Enrolment) error {
	if e.State != applicationDraft {
		return nil
	}
	if step := e.Answers.missing(); step != "" {
		return fault.New(fault.Invalid, "identity.apply.incomplete").At(step, "identity.apply."+step+".missing")
	}
	index, err := r.numberIndex(ctx, e.Answers.Number)
	if err != nil {
		return err
	}
	s, err := r.survey(ctx, e, index)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error { return send(tx, e, &s) })
}

// send turns a draft into an application that waits for its decision.
func send(tx *store.Tx, e *Enrolment, s *survey) error {
	n, err := tx.Exec(`update identity_application set state = 'submitted', number_index = $1, birth = $2, district = $3, submitted = $4, changed = $4 where id = $5 and state = 'draft'`,
		s.mine.numberIndex, e.Answers.Birth, e.Answers.District, store.Micros(tx.Now()), e.ID)
	if err != nil || n == 0 {
		return err
	}
	found, err := s.settle(tx, e)
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	highest := int64(0)
	for _, l := range found {
		highest = max(highest, l.Score)
		if err := keepLikeness(tx, e.ID, l); err != nil {
			return err
		}
		if l.Kind != likeApplication {
			continue
		}
		// whoever decides about the other one has to know of this one as well
		if err := keepLikeness(tx, l.Other, Likeness{Kind: likeApplication, Other: e.ID, Score: l.Score, Reasons: l.Reasons}); err != nil {
			return err
		}
	}
	tx.Emit(store.Event{Type: EventApplicationSubmitted, Subject: "identity/application/" + e.ID, Actor: "applicant/" + e.ID,
		Data: ApplicationSubmitted{District: e.Answers.District, Likenesses: len(found), Highest: highest}})
	return nil
}
