// Package bank is a small bank that takes part in the rail over the real
// interfaces only: packages wire and iso20022. It knows nothing of the rail's
// ledger, so what both sides know at the end can be compared.
//
//	b, err := bank.Open(bank.Config{Dir: dir, BIC: "ALFAPKKA", ...})
//	server := &http.Server{Handler: b.Handler(), TLSConfig: b.TLS()}
//	go b.Run(ctx)
//	out, err := b.Pay(ctx, bank.Order{From: iban, To: iban, Bank: "BETAPKKA", Amount: 125_00})
//
// # Words
//
// customer: somebody with an account here. order: a customer's wish to pay
// somebody at another participant. payment: what became of it, or what another
// participant's customer pays to one of ours, known by its UETR.
//
// # How it keeps its promises
//
// Everything is written to a file and on the disk before anybody is told (entry,
// see journal.go), and read back at the start; a line that was cut short by a crash
// was told to nobody and is dropped.
//
// An order's money is held first and sent then. It leaves the account when the rail
// says ACSC and comes back when it says RJCT; an answer that is lost is asked for
// by pacs.028 until there is one. A payment that the rail does not know (NOOR) is
// sent again as it was: the first sending may still be on its way, and the rail
// takes a UETR once.
//
// What comes in is credited when the rail confirms (ACSC), not when it was
// accepted; if no confirmation comes, pacs.028 asks for that too.
//
// What goes back of a payment (pacs.004, [Bank.Return]) is held, sent, taken and
// credited in the same way. It bears the UETR of its payment; behind it stands its
// own identification.
//
// # The directory
//
// Customers who let it ([Bank.Let]) are in the rail's directory with their account
// number, name, mobile and national number, so that anybody can pay them by these.
// [Bank.Enrol] tells what is missing there, after both sides' copies were compared by
// their content ids, so that a bank that is started again tells nothing twice.
// [Bank.LookUp] asks for a customer whom they are about to pay.
//
// # Standards
//
// pacs.008.001.08, pacs.002.001.10, pacs.004.001.09, pacs.028.001.03,
// camt.056.001.08, camt.029.001.09, pain.013.001.07, pain.014.001.07, admi.004.001.02,
// admi.011.001.01 of ISO 20022; ISO 13616 for its IBANs; UETR is a UUID version 4.
package bank
