package identity

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Likeness is how much an applicant resembles somebody, with the reasons. It
// never decides anything: it tells two people what to look at.
type Likeness struct {
	Kind    string   // person or application
	Other   string   // subject, or id of the other application
	Score   int64    // 0 to 100
	Reasons []string // message keys, strongest first
}

// traits are what a duplicate is recognised by.
type traits struct {
	numberIndex    string // keyed hash
	birth          string // YYYY-MM-DD
	sex, district  string
	nameEn, nameUr string
	fatherEn       string
	phone          string
}

// likenessWorthShowing is the score from which officials are shown a likeness.
// A shared birthday alone stays below it; so does a common name alone.
const likenessWorthShowing = 45

// compare scores two sets of traits. The same number is certain; everything
// else adds up and is capped below certainty.
func compare(a, b traits) (score int64, reasons []string) {
	type part struct {
		weight int64
		reason string
	}
	var parts []part
	add := func(w int64, reason string) { parts = append(parts, part{w, "identity.likeness." + reason}) }
	if a.numberIndex != "" && a.numberIndex == b.numberIndex {
		return 100, []string{"identity.likeness.number"}
	}
	switch {
	case a.birth == b.birth:
		add(25, "birth")
	case birthNear(a.birth, b.birth):
		add(12, "birth-near")
	}
	name := max(similar(skeleton(a.nameEn), skeleton(b.nameEn)), similar(foldUrdu(a.nameUr), foldUrdu(b.nameUr)))
	switch {
	case name >= 0.97:
		add(30, "name")
	case name >= 0.86:
		add(18, "name-near")
	}
	switch father := similar(skeleton(a.fatherEn), skeleton(b.fatherEn)); {
	case father >= 0.97:
		add(20, "father")
	case father >= 0.86:
		add(11, "father-near")
	}
	if a.phone != "" && a.phone == b.phone {
		add(10, "phone")
	}
	if a.district == b.district && len(parts) > 0 {
		add(5, "district")
	}
	if a.sex != b.sex {
		add(-20, "sex")
	}
	slices.SortStableFunc(parts, func(x, y part) int { return int(y.weight - x.weight) })
	for _, p := range parts {
		score += p.weight
		if p.weight > 0 {
			reasons = append(reasons, p.reason)
		}
	}
	return min(max(score, 0), 95), reasons
}

// birthNear says whether one date may be the other miswritten: day and month
// swapped, or the same day of a neighbouring year.
func birthNear(a, b string) bool {
	x, y := strings.Split(a, "-"), strings.Split(b, "-")
	if len(x) != 3 || len(y) != 3 {
		return false
	}
	if x[0] == y[0] && x[1] == y[2] && x[2] == y[1] {
		return true
	}
	return x[1] == y[1] && x[2] == y[2] && x[0] != y[0] && len(x[0]) == 4 && len(y[0]) == 4 && abs(year(x[0])-year(y[0])) == 1
}

func year(s string) int {
	n := 0
	for _, r := range s {
		n = n*10 + int(r-'0')
	}
	return n
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// skeleton brings a name in Latin letters to what its spellings share: Urdu
// names are written in many ways (Mohammad, Muhammed; Siddiqui, Siddiqi), and
// what varies most is vowels, doubled letters and h after a consonant.
func skeleton(name string) string {
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(norm.NFKD.String(name)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) }) {
		w = strings.Map(func(r rune) rune {
			if r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, w)
		w = spellings.Replace(w)
		var b []byte
		for i := range len(w) {
			c := w[i]
			vowel := strings.IndexByte("aeiouy", c) >= 0
			if vowel && i > 0 || c == 'h' && i > 0 || len(b) > 0 && b[len(b)-1] == c {
				continue
			}
			b = append(b, c)
		}
		if len(b) > 0 {
			words = append(words, string(b))
		}
	}
	slices.Sort(words) // the order of given and family name varies between registers
	return strings.Join(words, " ")
}

var spellings = strings.NewReplacer("ck", "k", "q", "k", "c", "k", "ph", "f", "w", "v", "z", "s", "x", "ks", "j", "z")

// foldUrdu brings a name in Arabic letters to one form: no vowel marks, one
// kaf, one yeh, one heh, no joiners.
func foldUrdu(s string) string {
	s = norm.NFKC.String(s)
	s = strings.Map(func(r rune) rune {
		switch r {
		case 'ك':
			return 'ک'
		case 'ي', 'ى', 'ئ', 'ے':
			return 'ی'
		case 'ه', 'ة', 'ۃ', 'ھ', 'ۂ':
			return 'ہ'
		case 'أ', 'إ', 'آ', 'ٱ':
			return 'ا'
		case 'ؤ':
			return 'و'
		case 'ں':
			return 'ن'
		case 'ـ', '\u200c', '\u200d':
			return -1
		}
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s)
	words := strings.Fields(s)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// similar is the Jaro-Winkler similarity, 0 to 1. Empty resembles nothing.
func similar(a, b string) float64 {
	x, y := []rune(a), []rune(b)
	if len(x) == 0 || len(y) == 0 {
		return 0
	}
	if a == b {
		return 1
	}
	reach := max(max(len(x), len(y))/2-1, 0)
	usedX, usedY := make([]bool, len(x)), make([]bool, len(y))
	matches := 0
	for i := range x {
		for j := max(0, i-reach); j < min(len(y), i+reach+1); j++ {
			if !usedY[j] && x[i] == y[j] {
				usedX[i], usedY[j] = true, true
				matches++
				break
			}
		}
	}
	if matches == 0 {
		return 0
	}
	swaps, j := 0, 0
	for i := range x {
		if !usedX[i] {
			continue
		}
		for !usedY[j] {
			j++
		}
		if x[i] != y[j] {
			swaps++
		}
		j++
	}
	m := float64(matches)
	jaro := (m/float64(len(x)) + m/float64(len(y)) + (m-float64(swaps)/2)/m) / 3
	prefix := 0
	for prefix < min(4, len(x), len(y)) && x[prefix] == y[prefix] {
		prefix++
	}
	return jaro + float64(prefix)*0.1*(1-jaro)
}

// isLatin says whether a character may stand in a name in Latin letters.
func isLatin(r rune) bool {
	return unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune(" .'’-,()", r)
}

// isArabic says whether a character may stand in a name in Urdu. Joiners do.
func isArabic(r rune) bool {
	return unicode.Is(unicode.Arabic, r) && !unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune(" .'’-،()\u200c\u200d", r)
}
