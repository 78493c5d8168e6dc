package services

// slips is how many slips of the pen a word may hold and still be meant: none
// in short ones, where another word is soon reached.
func slips(letters int) int {
	switch {
	case letters < 4:
		return 0
	case letters < 8:
		return 1
	}
	return 2
}

// near says whether two words differ by at most the slips that the shorter one
// may hold: letters left out, added, changed, or two neighbours swapped.
func near(a, b string) bool {
	x, y := []rune(a), []rune(b)
	most := slips(min(len(x), len(y)))
	if most == 0 || max(len(x), len(y))-min(len(x), len(y)) > most {
		return a == b
	}
	before, last, now := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		now[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(y)] <= most
}
