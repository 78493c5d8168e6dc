// Package web makes the pages of the house: one shell, one stylesheet, forms,
// sessions, languages, live screens. Rooms add routes and texts; they draw with
// the components of this package, all of which /style shows.
package web
