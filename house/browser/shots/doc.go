// Command shots takes pictures of every page of the journey: phone and desktop,
// English and Urdu, light and dark, and makes a contact sheet of them.
//
//	go run ./house/browser/shots [-out shots] [-only pay,home] [-lang ur]
package main
