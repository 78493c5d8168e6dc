// Package browser walks the journey in a real browser, page by page, as people
// do: a newcomer applies for an identity, two officials decide, a passkey is
// made with Chromium's virtual authenticator, a certificate is applied for,
// paid for, decided on and checked by a stranger, and the analyst and the
// Commission see what it left behind.
//
// At every page the walk stops and lets somebody look. The tests look with
// axe-core, narrow and wide; the program in shots takes pictures. A walk needs a
// demonstration: it becomes its personas by one click, as its visitors do.
package browser
