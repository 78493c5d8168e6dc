// Package countries carries the country packs inside the program, so that one
// binary is a whole house. A pack in a folder of its own can be loaded in place
// of them; see package country for what a pack is.
package countries
