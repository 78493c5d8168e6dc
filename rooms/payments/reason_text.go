package payments

import (
	"slices"

	"sarai/rooms/payments/ledger"
)

// outerReasons are the reasons of ExternalStatusReason1Code, besides the ledger's, that
// participants give or that stand for their silence, and that people are told in words.
// A participant may give any other code of the list.
var outerReasons = []ledger.Reason{reasonNoAnswer, "AB08", reasonBadAnswer, reasonNoIBAN, "AC04", "AM14", "BE01", reasonOtherBody, reasonFormat, "FR01", "MD07", "MS02", "MS03", reasonNoAgent, "RR04", "TM01"}

// inWords gives a reason if there are words for it, "else" for all others.
func inWords(r ledger.Reason) string {
	if slices.Contains(ledger.Reasons(), r) || slices.Contains(outerReasons, r) {
		return string(r)
	}
	return "else"
}

// reasonKey is the text that tells a payer why a payment was refused.
func reasonKey(r ledger.Reason) string { return "payments.refused." + inWords(r) }

// whyKey is the text that tells an office why a line of its file was not paid.
func whyKey(code string) string { return "payments.bulk.why." + inWords(ledger.Reason(code)) }
