package office

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

// Seed is what a demo country's files are made from.
type Seed struct {
	Seed  uint64
	Files int // 400 when zero
	// Holders names the person in charge of a post; posts without one are
	// given an invented pseudonym.
	Holders map[string]string
	// Weeks is how far back the files go; four when zero.
	Weeks int
}

// seedChunk is how many files one transaction writes.
const seedChunk = 50

// Seed fills the offices with files that have been on their way for some weeks:
// numbered, noted and signed as real ones are, some decided. It writes rows and
// no events: nothing of this happened while the house stood. The same seed
// makes the same files, and a second call does nothing.
func (r *Room) Seed(ctx context.Context, s Seed) error {
	if s.Files == 0 {
		s.Files = 400
	}
	if s.Weeks == 0 {
		s.Weeks = 4
	}
	key, err := r.keys.Signer(ctx, purposeNote)
	if err != nil {
		return fmt.Errorf("seed office: %w", err)
	}
	var offices []*country.Office
	for _, o := range r.pack.Offices {
		if len(seats(o)) > 0 {
			offices = append(offices, o)
		}
	}
	if len(offices) == 0 {
		return nil
	}
	payload, err := json.Marshal([]any{s.Seed, s.Files, s.Weeks})
	if err != nil {
		return fmt.Errorf("seed office: %w", err)
	}
	for chunk := 0; chunk*seedChunk < s.Files; chunk++ {
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			_, _, err := store.Once(tx, "office.seed", strconv.Itoa(chunk), payload, func() ([]byte, error) {
				random := rand.New(rand.NewPCG(s.Seed, uint64(chunk))) //nolint:gosec // a demo's dice
				for i := chunk * seedChunk; i < min(s.Files, (chunk+1)*seedChunk); i++ {
					if err := r.seedFile(tx, key, random, s, offices, i); err != nil {
						return nil, err
					}
				}
				return nil, nil
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("seed office: %w", err)
		}
	}
	return nil
}

// seats are the posts of an office that handle files, in the order of the pack:
// from the counter to the one who decides.
func seats(o *country.Office) []*country.Post {
	var out []*country.Post
	for _, p := range o.Posts {
		if handles(p.Powers) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *country.Post) int { return rank(a) - rank(b) })
	return out
}

func rank(p *country.Post) int {
	switch {
	case slices.Contains(p.Powers, "office.decide"):
		return 2
	case slices.Contains(p.Powers, "office.note"):
		return 1
	}
	return 0
}

func (r *Room) seedFile(tx *store.Tx, key *keys.Key, random *rand.Rand, s Seed, offices []*country.Office, i int) error {
	o := offices[i%len(offices)]
	route := seats(o)
	if parent, ok := r.pack.Office(o.Parent); ok && (len(route) < 2 || random.IntN(4) == 0) {
		route = append(slices.Clone(route), seats(parent)...) // to the ministry above
	}
	subject := seedSubjects[random.IntN(len(seedSubjects))]
	days, stays := 1+random.IntN(7*s.Weeks), len(route)
	if i < len(offices) && len(route) > 2 {
		// The first file of each office with three desks lies on the third, with a
		// note of the second, on whatever day the country begins.
		days, stays = 14, 2
	}
	at := r.workingMoment(tx.Now().AddDate(0, 0, -days), random)
	year := at.In(r.pack.Zone).Year()
	n, err := next(tx, "file/"+o.ID, year)
	if err != nil {
		return err
	}
	f := File{
		ID: tx.NewID(), Number: fmt.Sprintf("%s/GEN/%d/%05d", o.Short, year, n), Office: o.ID, SubjectEn: subject[0], SubjectUr: subject[1],
		State: Open, Holder: route[0].ID, Opened: at, Held: at, Moves: 1, Due: r.pack.Calendar.AddDays(at, 5+random.IntN(20)),
	}
	for _, p := range route {
		f.Route = append(f.Route, p.ID)
	}
	moves := []Movement{{File: f.ID, N: 1, Office: f.Office, Kind: MoveOpen, To: f.Holder, At: at}}
	var noted []Para
	previous := first(f.Number)
	sign := func(post *country.Post, kind, body string) error {
		p := Para{File: f.ID, N: int64(len(noted) + 1), Kind: kind, Post: post.ID, Charge: gate.Permanent, Person: s.holder(post.ID), Body: body, At: at, Previous: previous}
		if err := p.sign(key, f.Number); err != nil {
			return err
		}
		noted, previous = append(noted, p), p.Digest
		return nil
	}
	for step, post := range route[:stays] {
		// half a day to a week on each desk, some get stuck
		wait := time.Duration(4+random.IntN(32)) * time.Hour
		if random.IntN(5) == 0 {
			wait *= 4
		}
		if stays < len(route) {
			wait = time.Duration(4+random.IntN(4)) * time.Hour
		}
		left := r.pack.Calendar.Add(at, wait)
		if left.After(tx.Now()) {
			break
		}
		at = left
		last := step+1 == len(route)
		switch {
		case last && rank(post) == 2:
			f.State, f.Outcome, f.Decided = Approved, Approved, at
			body := "Approved. منظور۔"
			if random.IntN(6) == 0 {
				f.State, f.Outcome, f.Reason = Refused, Refused, "The papers named in the first note were not sent."
				body = "Refused. نامنظور۔ " + f.Reason
			}
			if err := sign(post, Order, body); err != nil {
				return err
			}
		case rank(post) > 0 && len(noted) < 2:
			if err := sign(post, Note, seedNotes[random.IntN(len(seedNotes))]); err != nil {
				return err
			}
		}
		if last {
			break
		}
		to := route[step+1].ID
		moves = append(moves, Movement{File: f.ID, N: int64(len(moves) + 1), Office: f.Office, Kind: MoveForward, From: post.ID, To: to, Charge: gate.Permanent, At: at})
		f.Holder, f.Sender, f.Held = to, post.ID, at
	}
	f.Moves, f.Paras = int64(len(moves)), int64(len(noted))
	return r.seedRows(tx, f, moves, noted, year, o.Short)
}

func (r *Room) seedRows(tx *store.Tx, f File, moves []Movement, noted []Para, year int, short string) error {
	path, err := json.Marshal(f.Route)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into office_file (`+fileColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)`,
		f.ID, f.Number, f.Office, "", "", "", f.SubjectEn, f.SubjectUr, f.State, f.Holder, f.Sender, 0, string(path),
		f.Paras, f.Moves, f.Opened, f.Held, f.Due, f.Decided, f.Outcome, f.Reason)
	if err != nil {
		return err
	}
	n, err := next(tx, "diary/"+f.Office, year)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into office_receipt (id, diary, office, sender, subject_en, subject_ur, file, at, actor) values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
		tx.NewID(), fmt.Sprintf("%s/D/%d/%05d", short, year, n), f.Office, "", f.SubjectEn, f.SubjectUr, f.ID, f.Opened, "post/"+moves[0].To)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if err := insertMovement(tx, m); err != nil {
			return err
		}
	}
	for _, p := range noted {
		_, err := tx.Exec(`insert into office_para (`+paraColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
			p.File, p.N, p.Kind, p.Post, p.Charge, p.Person, p.Body, p.At, p.Previous, p.Digest, p.Key, p.Signature)
		if err != nil {
			return err
		}
	}
	return nil
}

// workingMoment is a moment of the working day of t, or of the next one.
func (r *Room) workingMoment(t time.Time, random *rand.Rand) time.Time {
	start := country.DateOf(t, r.pack.Zone).In(r.pack.Zone)
	return r.pack.Calendar.Add(start, time.Duration(random.IntN(7*3600))*time.Second).UTC().Truncate(time.Microsecond)
}

func (s Seed) holder(post string) string {
	if p := s.Holders[post]; p != "" {
		return p
	}
	return "seed-" + post
}

// seedSubjects are lines of files as offices have them, English and Urdu.
var seedSubjects = [][2]string{
	{"Repair of the access road to the girls' high school", "گرلز ہائی سکول کی رابطہ سڑک کی مرمت"},
	{"Release of the second quarter's budget", "دوسری سہ ماہی کے بجٹ کا اجرا"},
	{"Appointment of two data entry operators", "دو ڈیٹا انٹری آپریٹروں کی تقرری"},
	{"Renewal of the rent agreement for the branch office", "برانچ دفتر کے کرایہ نامے کی تجدید"},
	{"Complaint about the water supply in the colony", "کالونی میں پانی کی فراہمی کی شکایت"},
	{"Purchase of solar panels for the record room", "ریکارڈ روم کے لیے شمسی پینلوں کی خریداری"},
	{"Transfer of land for a basic health unit", "بنیادی مرکزِ صحت کے لیے زمین کی منتقلی"},
	{"Audit paragraphs of last year: replies", "گزشتہ سال کے آڈٹ پیروں کے جوابات"},
	{"Parliamentary question on street lighting", "گلیوں کی روشنی سے متعلق پارلیمانی سوال"},
	{"Study leave of a section officer", "سیکشن افسر کی تعلیمی رخصت"},
	{"Shifting of the vaccination camp to the bazaar", "ویکسینیشن کیمپ کی بازار منتقلی"},
	{"Pension case of a retired teacher", "ریٹائرڈ استاد کا پنشن کیس"},
	{"Tree plantation along the canal", "نہر کے کنارے شجرکاری"},
	{"Draft reply to the Ombudsman", "محتسب کو جواب کا مسودہ"},
	{"Connection of the tehsil office to the fibre network", "تحصیل دفتر کا فائبر نیٹ ورک سے رابطہ"},
	{"Rules for the use of official vehicles", "سرکاری گاڑیوں کے استعمال کے قواعد"},
}

var seedNotes = []string{
	"Examined. The papers are complete and the rules are met. Put up for orders.",
	"The estimate is within the budget head. May be approved.",
	"Facts verified from the record. Concurrence of Finance is on file.",
	"کاغذات مکمل ہیں۔ قواعد کے مطابق منظوری کی سفارش کی جاتی ہے۔",
	"موقع ملاحظہ کیا گیا؛ تفصیل ساتھ منسلک ہے۔ مناسب حکم کے لیے پیش ہے۔",
	"Discussed with the branch. The earlier objection is met by the letter received since.",
}
