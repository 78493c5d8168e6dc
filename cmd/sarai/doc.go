// Command sarai runs the digital house of a nation: one static binary that
// serves a country, shows a demonstration one, walks a citizen's journey,
// verifies receipts offline and looks after data and keys.
//
// Each command is one file; none of them holds logic. `sarai help` lists them.
package main
