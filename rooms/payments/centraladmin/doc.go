// Package centraladmin has the messages by which a Mojaloop hub is run: the
// central ledger's admin API 1.0 (participants, accounts, limits, funds,
// settlement models), the settlement API 2.0 (windows, settlements) and the
// account lookup service's admin API 1.1 (oracles). It is pure: no store, no web.
//
// These APIs write money as JSON numbers. [Decimal] keeps the digits as they came
// and gives them as they are: no binary fraction touches them.
//
// A message that cannot be taken gives a [fspiop.Fault] that names the element and
// says what is wanted.
package centraladmin
