package identity

import "testing"

// Names are written differently in every register; a duplicate must be found
// all the same, and two strangers who share a birthday must not be accused.
func TestALikenessIsScoredWithReasons(t *testing.T) {
	base := traits{numberIndex: "n1", birth: "1994-03-12", sex: "female", district: "islamabad", nameEn: "Ayesha Siddiqui", nameUr: "عائشہ صدیقی", fatherEn: "Muhammad Siddiqui", phone: "+923990000001"}
	with := func(change func(*traits)) traits {
		t := base
		t.numberIndex = "n2"
		t.phone = ""
		change(&t)
		return t
	}
	for _, c := range []struct {
		story      string
		other      traits
		least, top int64
		first      string
	}{
		{"the same number is certain", traits{numberIndex: "n1"}, 100, 100, "identity.likeness.number"},
		{"another spelling of everything", with(func(t *traits) {
			t.nameEn, t.nameUr, t.fatherEn = "Aisha Siddiqi", "عايشه صديقى", "Mohammed Siddiqi"
		}), 75, 95, "identity.likeness.name"},
		{"day and month swapped", with(func(t *traits) { t.birth = "1994-12-03" }), 55, 90, "identity.likeness.name"},
		{"given and family name swapped", with(func(t *traits) { t.nameEn, t.nameUr = "Siddiqui Ayesha", "صدیقی عائشہ" }), 75, 95, "identity.likeness.name"},
		{"a stranger with the same birthday and district", with(func(t *traits) { t.nameEn, t.nameUr, t.fatherEn = "Zainab Khattak", "زینب خٹک", "Gul Khattak" }), 0, likenessWorthShowing - 1, "identity.likeness.birth"},
		{"a brother: same father, same district, other sex", with(func(t *traits) {
			t.nameEn, t.nameUr, t.birth, t.sex = "Bilal Siddiqui", "بلال صدیقی", "1996-07-01", "male"
		}), 0, likenessWorthShowing - 1, ""},
		{"nothing alike", with(func(t *traits) {
			t.nameEn, t.nameUr, t.fatherEn, t.birth, t.district = "Gul Mina", "گل مینہ", "Sher Zaman", "1960-01-01", "chitral"
		}), 0, 10, ""},
	} {
		t.Run(c.story, func(t *testing.T) {
			score, reasons := compare(base, c.other)
			if score < c.least || score > c.top {
				t.Errorf("score %d, want %d to %d (%v)", score, c.least, c.top, reasons)
			}
			if c.first != "" && (len(reasons) == 0 || reasons[0] != c.first) {
				t.Errorf("reasons %v, want %s first", reasons, c.first)
			}
			back, _ := compare(c.other, base)
			if back != score {
				t.Errorf("the other way round it is %d", back)
			}
		})
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("Ayesha Siddiqui", "عائشہ صدیقی", "1994-03-12", "Aisha", "عايشه", "1994-12-03")
	f.Add("", "", "", "\xff", "\u202e", "--")
	f.Fuzz(func(t *testing.T, en, ur, birth, en2, ur2, birth2 string) {
		a, b := traits{nameEn: en, nameUr: ur, birth: birth}, traits{nameEn: en2, nameUr: ur2, birth: birth2}
		x, reasons := compare(a, b)
		y, _ := compare(b, a)
		if x != y || x < 0 || x > 95 {
			t.Fatalf("scores %d and %d", x, y)
		}
		if x > 0 && len(reasons) == 0 {
			t.Fatal("a score without a reason")
		}
		nearDates(birth)
	})
}
