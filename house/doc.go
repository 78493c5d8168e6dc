// Package house builds the house: it opens the courtyard, furnishes the rooms,
// and connects what one room wants with what another gives. It holds no rules
// of its own. Open is how the program starts and how tests start the whole
// program on a free port.
//
// furnish.go is the map: every room and every wire between rooms is there.
package house
