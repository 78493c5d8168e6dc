// Package courttest builds whole courtyards for the tests of rooms: the real
// store on both engines, the real gate, the built-in country pack, an HTTP
// server on a free port, and browsers that are signed in as whoever the test
// wants.
package courttest
