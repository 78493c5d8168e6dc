package services

import "sarai/courtyard/web"

// pageRows is how many rows a list shows at once.
const pageRows = 25

// after adds a place to the conditions of a list that is sorted by column and
// id, the youngest first; $1 is its owner and $2 its length.
func after(from web.Place, column string, args ...any) (string, []any) {
	if from.Begin() {
		return "", args
	}
	return " and (" + column + ", id) < ($3, $4)", append(args, from.At, from.ID)
}
