package identity

import (
	"encoding/json"
	"slices"

	"sarai/courtyard/store"
)

// candidatesMost bounds how many rows one check looks at; births are spread
// over some 30,000 days, so even a large country stays below it.
const candidatesMost = 20000

// likenesses looks in the register and among other applications for people the
// applicant may be. Rows are found by number and by birth date (as written,
// with day and month swapped, and in the neighbouring years), then compared.
func (r *Room) likenesses(tx *store.Tx, e *Enrolment, index string) ([]Likeness, error) {
	a := e.Answers
	mine := traits{index, a.Birth, a.Sex, a.District, a.NameEn, a.NameUr, a.FatherEn, a.Phone}
	dates := nearDates(a.Birth)
	type row struct {
		other string
		t     traits
	}
	people, err := store.List(tx, func(scan store.Scan) (p row, err error) {
		return p, scan(&p.other, &p.t.numberIndex, &p.t.birth, &p.t.sex, &p.t.district, &p.t.nameEn, &p.t.nameUr, &p.t.fatherEn, &p.t.phone)
	}, `select subject, number_index, birth, sex, district, name_en, name_ur, father_en, phone from identity_person
		where number_index = $1 or birth in ($2, $3, $4, $5) order by subject limit $6`, index, dates[0], dates[1], dates[2], dates[3], candidatesMost)
	if err != nil {
		return nil, err
	}
	var found []Likeness
	for _, p := range people {
		if score, reasons := compare(mine, p.t); score >= likenessWorthShowing {
			found = append(found, Likeness{"person", p.other, score, reasons})
		}
	}
	// Other applications hold their answers sealed, and sealing is not for
	// updates: what can be compared without opening them is number and birth.
	others, err := store.List(tx, func(scan store.Scan) (p row, err error) {
		return p, scan(&p.other, &p.t.numberIndex, &p.t.birth, &p.t.district)
	}, `select id, number_index, birth, district from identity_application where state = 'submitted' and id <> $1 and number_index = $2 order by id limit $3`, e.ID, index, candidatesMost)
	if err != nil {
		return nil, err
	}
	for _, p := range others {
		found = append(found, Likeness{"application", p.other, 100, []string{"identity.likeness.number"}})
	}
	slices.SortStableFunc(found, func(a, b Likeness) int { return int(b.Score - a.Score) })
	return found[:min(len(found), 10)], nil
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
