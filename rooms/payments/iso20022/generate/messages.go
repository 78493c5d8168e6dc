package main

// message is one message definition and the package it becomes.
type message struct {
	id, pkg, purpose string
}

// messages are those of an instant-payment rail: credit transfers, returns,
// requests to pay, recalls, reports of accounts, liquidity and the system's own.
var messages = []message{
	{"head.001.001.02", "head001", "the business application header: who sends which message to whom"},
	{"pacs.008.001.08", "pacs008", "a customer's credit transfer from bank to bank"},
	{"pacs.002.001.10", "pacs002", "the status of a payment: accepted, settled or rejected with a reason"},
	{"pacs.004.001.09", "pacs004", "the return of a payment that was settled"},
	{"pacs.004.001.10", "pacs004v10", "the return of a payment that was settled, tenth version"},
	{"pacs.009.001.08", "pacs009", "a credit transfer between two banks for themselves"},
	{"pacs.028.001.03", "pacs028", "a question for the status of a payment"},
	{"pain.001.001.09", "pain001", "a customer's order for credit transfers, single or bulk"},
	{"pain.002.001.10", "pain002", "the status of a customer's order"},
	{"pain.013.001.07", "pain013", "a payee's request to be paid"},
	{"pain.013.001.08", "pain013v08", "a payee's request to be paid, eighth version"},
	{"pain.014.001.07", "pain014", "the answer to a request to be paid"},
	{"pain.014.001.08", "pain014v08", "the answer to a request to be paid, eighth version"},
	{"camt.025.001.08", "camt025", "the receipt for a request such as a transfer of liquidity"},
	{"camt.029.001.09", "camt029", "the answer to an investigation or a recall"},
	{"camt.050.001.07", "camt050", "a transfer of liquidity between one's own accounts"},
	{"camt.052.001.08", "camt052", "a report of an account within the day"},
	{"camt.053.001.08", "camt053", "the statement of an account for a day"},
	{"camt.054.001.08", "camt054", "a notice of a debit or a credit"},
	{"camt.056.001.08", "camt056", "the recall of a payment: a request to cancel it"},
	{"camt.060.001.05", "camt060", "a request for a report of an account"},
	{"admi.002.001.01", "admi002", "the refusal of a message that could not be read"},
	{"admi.004.001.02", "admi004", "the notice of an event in the system"},
	{"admi.006.001.01", "admi006", "a request to send messages again"},
	{"admi.007.001.01", "admi007", "the receipt for a message of the system's kind"},
	{"admi.011.001.01", "admi011", "the acknowledgement of the notice of an event"},
}
