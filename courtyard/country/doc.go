// Package country is a nation as data. A country pack is a folder of YAML files
// (countries/pk) that says how the nation writes its numbers, money and
// telephone numbers, when its offices work, which offices and posts there are,
// which banks, sectors and duties; the program itself knows no country.
//
// Load reads a pack strictly: an unknown key, a missing text, a reference to
// nothing or an id used twice is a problem with file, line and reason, and all
// problems of a pack are told at once. A house does not open on a broken pack.
//
// The pack also holds name lists from which Demo makes a synthetic country,
// the same one from the same seed. Everybody in it is invented.
package country
