package browser

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"sarai/house/journey"
)

// newcomer is somebody who does not exist and has no identity yet. The number
// carries the mark of synthetic numbers.
type newcomer struct {
	nameEn, nameUr, fatherEn, fatherUr string
	born                               time.Time
	number, phone                      string
	seed                               uint64 // of the photograph
}

var newcomers = []newcomer{
	{"Mahnoor Durrani", "ماہ نور درانی", "Shahid Durrani", "شاہد درانی", date(1998, 4, 17), "69901-4471203-6", "0399 5512048", 11},
	{"Zoya Gilani", "زویا گیلانی", "Waqar Gilani", "وقار گیلانی", date(1986, 11, 2), "69901-8830571-2", "0399 7104463", 29},
	{"Rabia Memon", "رابعہ میمن", "Yousaf Memon", "یوسف میمن", date(2001, 1, 30), "69901-2047719-8", "0399 6420917", 47},
}

func date(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// answers are what the newcomer says on the forms of the journey, by field.
func (n newcomer) answers(photo string) map[string]string {
	return map[string]string{
		"name_en": n.nameEn, "name_ur": n.nameUr, "father_en": n.fatherEn, "father_ur": n.fatherUr,
		"birth-day": strconv.Itoa(n.born.Day()), "birth-month": strconv.Itoa(int(n.born.Month())), "birth-year": strconv.Itoa(n.born.Year()),
		"sex": "female", "number": n.number, "district": "islamabad", "phone": n.phone, "photo": photo,
		"address_en": "House 12, Street 4, G-10/3, Islamabad", "address_ur": "مکان 12، گلی 4، جی ٹین تھری، اسلام آباد",
	}
}

// residence is what a citizen says on the form of the certificate.
func residence(phone string) map[string]string {
	return map[string]string{
		"resident_since-day": "14", "resident_since-month": "8", "resident_since-year": "2015",
		"home": "own", "other": "no", "purpose": "admission", "phone": phone,
	}
}

// photograph writes the newcomer's portrait into a folder.
func (n newcomer) photograph(folder string) (string, error) {
	path := filepath.Join(folder, "me.jpg")
	return path, os.WriteFile(path, journey.Portrait(n.seed), 0o600)
}
