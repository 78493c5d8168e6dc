package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sarai/courtyard/store"
)

// candidatesMost bounds how many rows one check looks at; births are spread
// over some 30,000 days, so even a large country stays below it.
const candidatesMost = 20000

// survey is a check for duplicates that was made beside the update in which it
// is written down: comparing thousands of names would hold up every writer.
type survey struct {
	mine     traits
	dates    []string         // birthdays looked at, each once, in order
	entered  map[string]int64 // how many people each birthday had
	found    []Likeness       // among those
	compared int
}

// candidate is a row of the register as it is compared.
type candidate struct {
	subject string
	t       traits
}

func scanCandidate(scan store.Scan) (c candidate, err error) {
	return c, scan(&c.subject, &c.t.numberIndex, &c.t.birth, &c.t.sex, &c.t.district, &c.t.nameEn, &c.t.nameUr, &c.t.fatherEn, &c.t.phone)
}

const candidateColumns = `subject, number_index, birth, sex, district, name_en, name_ur, father_en, phone`

// survey looks in the register for people the applicant may be. Rows are found
// by number and by birth date (as written, with day and month swapped, and in
// the neighbouring years), then compared outside any transaction.
func (r *Room) survey(ctx context.Context, e *Enrolment, index string) (survey, error) {
	a := e.Answers
	s := survey{mine: traits{index, a.Birth, a.Sex, a.District, a.NameEn, a.NameUr, a.FatherEn, a.Phone}, entered: map[string]int64{}}
	dates := nearDates(a.Birth)
	s.dates = slices.Compact(slices.Sorted(slices.Values(dates[:])))
	var people []candidate
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		// the counts first: whoever enters between the two readings is looked at twice, never left out
		for _, d := range s.dates {
			if s.entered[d], err = store.Get(tx, store.Value[int64], `select coalesce(max(entered), 0) from identity_cohort where id = $1`, birthday(d)); err != nil {
				return err
			}
		}
		people, err = store.List(tx, scanCandidate, `select `+candidateColumns+` from identity_person
			where number_index = $1 or birth in ($2, $3, $4, $5) order by subject limit $6`, index, dates[0], dates[1], dates[2], dates[3], candidatesMost)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("look for duplicates: %w", err)
	}
	s.add(people)
	return s, nil
}

// add compares people with the applicant, each once.
func (s *survey) add(people []candidate) {
	seen := make(map[string]bool, len(s.found))
	for _, l := range s.found {
		seen[l.Other] = true
	}
	for _, p := range people {
		if seen[p.subject] {
			continue
		}
		seen[p.subject] = true
		s.compared++
		if score, reasons := compare(s.mine, p.t); score >= likenessWorthShowing {
			s.found = append(s.found, Likeness{likePerson, p.subject, score, reasons})
		}
	}
}

const (
	likePerson      = "person"
	likeApplication = "application"
)

// settle brings a survey up to the moment of the update: it looks at those who
// entered the register since, and at other applications under the number, and
// gives the strongest likenesses. Two applications that are sent at the same
// time come here one after the other, and the second sees the first.
func (s *survey) settle(tx *store.Tx, e *Enrolment) ([]Likeness, error) {
	all := survey{mine: s.mine, found: slices.Clone(s.found)} // an update may run again
	if _, err := enter(tx, "number/"+s.mine.numberIndex); err != nil {
		return nil, err
	}
	newer, err := store.List(tx, scanCandidate, `select `+candidateColumns+` from identity_person where number_index = $1`, s.mine.numberIndex)
	if err != nil {
		return nil, err
	}
	for _, d := range s.dates {
		since, err := store.List(tx, scanCandidate, `select `+candidateColumns+` from identity_person where birth = $1 and cohort > $2 order by cohort limit $3`, d, s.entered[d], candidatesMost)
		if err != nil {
			return nil, err
		}
		newer = append(newer, since...)
	}
	all.add(newer)
	s.compared = all.compared
	// Other applications hold their answers sealed, and sealing is not for
	// updates: what can be compared without opening them is the number.
	others, err := store.List(tx, store.Value[string], `select id from identity_application where state = 'submitted' and id <> $1 and number_index = $2 order by id limit $3`, e.ID, s.mine.numberIndex, candidatesMost)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		all.found = append(all.found, Likeness{likeApplication, other, 100, []string{"identity.likeness.number"}})
	}
	slices.SortStableFunc(all.found, func(a, b Likeness) int { return int(b.Score - a.Score) })
	return all.found[:min(len(all.found), 10)], nil
}

// birthday is the cohort of those born on a day.
func birthday(birth string) string { return "birth/" + birth }

// enter counts one more into a cohort and holds its row until the update ends.
func enter(tx *store.Tx, cohort string) (int64, error) {
	n, err := store.Get(tx, store.Value[int64], `insert into identity_cohort (id, entered) values ($1, 1)
		on conflict (id) do update set entered = identity_cohort.entered + 1 returning entered`, cohort)
	if err != nil {
		return 0, fmt.Errorf("enter a cohort: %w", err)
	}
	return n, nil
}

// nearDates gives a birth date as written and the ways it is miswritten.
func nearDates(birth string) [4]string {
	d := [4]string{birth, birth, birth, birth}
	if len(birth) == 10 {
		d[1] = birth[:5] + birth[8:] + "-" + birth[5:7]
		y := year(birth[:4])
		d[2], d[3] = pad(y-1)+birth[4:], pad(y+1)+birth[4:]
	}
	return d
}

func pad(y int) string {
	return string([]byte{'0' + byte(y/1000%10), '0' + byte(y/100%10), '0' + byte(y/10%10), '0' + byte(y%10)}) //nolint:gosec // single digits
}

// keepLikeness writes down that an application resembles somebody.
func keepLikeness(tx *store.Tx, application string, l Likeness) error {
	reasons, err := json.Marshal(l.Reasons)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into identity_likeness (application, kind, other, score, reasons) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		application, l.Kind, l.Other, l.Score, string(reasons))
	return err
}

// likenessesOf gives what the check found, highest score first.
func likenessesOf(tx *store.Tx, application string) ([]Likeness, error) {
	return store.List(tx, func(scan store.Scan) (l Likeness, err error) {
		var reasons string
		if err := scan(&l.Kind, &l.Other, &l.Score, &reasons); err != nil {
			return l, err
		}
		return l, json.Unmarshal([]byte(reasons), &l.Reasons)
	}, `select kind, other, score, reasons from identity_likeness where application = $1 order by score desc, other`, application)
}
