// Package clock is the time, injected. Nothing in the house calls time.Now by
// itself: a deadline, an expiry or a signature time can then be tested.
package clock
