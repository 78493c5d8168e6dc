// Command subsidy pays a subsidy to many wallets as a ministry would: it opens a
// demonstration with so many wallets, hands the file in at the officials' pages,
// has it checked and released by two others, kills the program without warning
// (signal 9) when a part of the money has moved, starts it again, waits for the
// end, takes pictures of the ministry's live page and of a beneficiary's page on
// a phone, and then proves in the database that everybody was paid once.
//
//	make subsidy                                       800,000 wallets on SQLite
//	go run ./house/browser/subsidy -wallets 50000 -database postgres://...
package main
