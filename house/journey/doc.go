// Package journey walks one citizen's way through the house over its public
// HTTP interfaces, as a person with a simple browser, a wallet and a bank app
// would: identity, card, sign-in, service, payment, office, outcome, watch and
// dashboard. Every step brings its proof. `sarai journey` prints it; the tests
// run it on both engines, through kills and beside a second process.
//
// It knows nothing of the rooms' insides: only pages, forms, protocols and the
// holder's side of them.
package journey
