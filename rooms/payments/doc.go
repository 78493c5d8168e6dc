// Package payments is the room of the nation's instant-payment rail: a ledger,
// the banks and wallets that take part in it, a directory of payees, one QR
// code for everybody, and the fees that other rooms ask for.
//
// # Words
//
// participant: a bank or wallet provider with a prefunded settlement account.
// account: money of one holder at one participant, in one currency. transfer:
// one payment between two customers' accounts. row: one line of the ledger,
// numbered and chained by hashes. entry: one movement on one account within a
// row. fee: a sum asked for once, by a service or by a merchant at a till.
// order: a payment its payer is about to confirm. alias: a mobile or national
// number that leads to an account. code: the text in a payment QR.
//
// # The ledger
//
// Package ledger has the rules; read its doc.go first. The [Sequencer] keeps
// balances, open reservations and recent keys in memory, decides all requests
// ([Work]) that wait for a currency in one go and writes them as one batch in one
// transaction, which first moves the lease, payments_book.number. Who finds that
// another process has written follows its batches and decides anew, so the
// batches of all processes have one order. Callers are answered after the commit.
//
// The batches are the truth. Tables are made from them afterwards (index.go):
// transfers, balances, keys, positions, windows. An interactive Work is answered
// when they contain it; a Quiet one, of the rail or of a file, at the commit.
//
// A request is known by day, party and key, and yesterday's keys count too, so
// that a repetition after midnight is still one. What is kept with the key is
// the hash of what was asked and the outcome, also when that was a refusal: the
// same request gets the same answer even if it would be decided otherwise now.
// The same key with another payload is a conflict and changes nothing.
//
// The time of a reservation is kept by the ledger: a commit that comes too late in
// the order of rows becomes an EXPIRE row. [Room.Run] only sees to it that the
// money comes back soon.
//
// A payment that is reserved and committed in one decision bears one time in
// both its events; how long it took, in microseconds from when the order came to
// the ledger until it was decided, is measured apart and stands in the second.
//
// All sums are int64 minor units with checked arithmetic. The [Auditor] goes
// through all batches by itself, proves their hashes and compares what the rows
// moved with the balances; [Invariants] holds promises against the tables. Both
// stand on the operator's page, and Run audits what is new twice a second.
//
// # Paying
//
// What somebody scans, pastes or types is read by [Room.Read]: a person's code,
// a merchant's code, an IBAN, a mobile or national number. The payer sees the
// payee's name from our books, never the one in the code, which anybody can
// print: of merchants and offices in full, of persons the first letters. Then an
// order is written, whose id is the idempotency key, and confirmed.
//
// Codes for fees and sales are signed, hold for fifteen minutes and are paid
// once. A code that bears one of our bill numbers without our signature is
// refused, so a changed amount or a pasted-over account is found.
//
// A fee has a cause: the thing it is asked for. When a service asks anew because
// the first request was not paid in time, both have the same cause, and of all
// fees of a cause one is paid at most. Whoever asks and whoever pays lock the
// fees of the cause, in the order of their ids and after the book; the payment
// that counts ends the others in its own transaction, and a payment of one of
// those is refused with nothing moved. So there is nothing to pay back.
//
// # Money that goes back
//
// A committed payment is final. What takes money of it back is a payment of its
// own the other way ([Room.Return]): a refund, a mistake, a fraud. Returns of one
// payment never exceed it, whoever asks and however many at once; each is known by
// its asker's key for ever. A return cannot be returned. The payee's participant asks
// for it by pacs.004; the payer's has to take the money before it moves, as with a
// payment.
//
// A recall ([Recall], camt.056) asks the payee's participant to do so. It moves
// nothing; the answer (camt.029) is due in ten days ([RecallTime]), after which it is
// over. A return ends it. The job payments.recall.step carries messages until they
// have arrived. Of one payment one recall is open at most.
//
// A payment from a wallet to somebody at a connected participant goes out as a
// pacs.008 for the payer's participant, in two phases (outward.go). The payer is shown
// the name that the participant has told the directory, or that it has told none.
//
// Between connected participants an [Ask] is a request to pay (pain.013), handed on
// to the debtor's participant, which refuses it (pain.014) or pays it by a pacs.008
// that names it: once, that amount, to that account, before its time is over. When the
// house keeps the debtor's account it is a [Request] in their wallet as well, whose end
// is told by pain.014 (ask_wallet.go).
//
// # Asking, limits, money back
//
// A [Request] asks a payer for an amount, now or until a date; the payer sees who asks
// by the name in our books, and pays it once or refuses. [Limits] bound what a person
// pays at once and in a day: they are counted in the transaction that decides the
// payment, and who decides in a currency decides alone, so no race passes them. A
// payee pays money back ([Room.Refund], a [Return]); a payer who complains opens a
// [Dispute], which the payee answers within the pack's working days and the operator
// decides otherwise. What ends a dispute with money moves the money too.
//
// # The directory
//
// The directory leads from a mobile number or a national number to an account, in
// the manner of DICT, Brazil's directory for Pix (Banco Central do Brasil, DICT
// API 1.8). Its words: alias (DICT: entry), claim, lookup, bucket and policy, mark
// (infraction report), content id and set.
//
// The number itself is nowhere: an alias is a keyed hash, and its id comes from
// that hash, so that it is the same whenever the number is in the directory. A
// mobile number is linked by who shows with a one-time code that they have it
// ([Messages]; a demonstration shows the code on the page), a national number by
// the person whose identity record has it ([Numbers]). One alias leads to one
// account; its holder moves it between their own accounts at once.
//
// A claim asks for an alias that is somebody else's now (ownership) or the same
// person's at another participant (portability). It is open until the donor's
// participant acknowledges it, then waits for the donor: seven days, after which
// an ownership claim is confirmed by default and a portability claim cancelled;
// on the fourteenth day what was not completed is over ([Terms]). Confirming takes
// the donor's alias away, completing writes the claimer's. A donor keeps the number
// by a new one-time code; a claimer whom nobody answered needs one too. What
// changed hands, or whose SIM card was changed, cools off for 72 hours: it receives
// a limited sum and cannot be claimed ([CalmTime], [CalmMost]). That stays with the
// number, in the directory or out of it. The rules are a plain function,
// Claim.apply; the clock's steps are the job payments.claim.due.
//
// Every name that is shown is paid for: a lookup takes tokens from the payer's
// bucket and answers in one transaction, whichever session, page, interface or
// participant it comes through. A person has 50 tokens and gets one each half
// hour; an answer costs one, a number that leads nowhere twenty, and a payment that
// follows gives its token back. What is owed is a debt, so that the last token buys
// no cheap miss. Together with a limit of 99 names of persons in any 24 hours that
// makes less than a hundred names a day from one person, by construction
// ([PolicyPerson]); TestNobodyReadsOutTheDirectory attacks it. Participants have
// the buckets of DICT, in classes A to F. All that names a payee before a payment
// goes through lookUp; only codes that we signed do not.
//
// A mark reports a payment as part of a fraud. Its words are read by the two
// participants of the payment and the rail's operator; any participant sees
// counts over 3, 6 and 12 months; a payer is warned when both participants agreed,
// and the payee sees that too and can object. policy.cedar says who may what.
//
// Participants keep a copy of their part. Each alias has a content id, and the
// exclusive or of all of a participant and kind, kept along with every change, is
// compared with the participant's; numbered events say what changed since. See
// directory_cid.go for how a content id is made.
//
// A connected participant has a part in it like any other (outside.go): it tells the
// directory of an account by an entry of kind iban, with its holder's name, and of the
// numbers that lead to it. It does so by the same interface on the rail's own listener,
// known by its certificate (rail_directory.go). The holder is a keyed hash of the
// national number the participant vouches for, so that a claim between such an account
// and one of the house is known for portability when both are the same person's. An
// account number that was not told has no name: asking for it costs a token as well,
// and the payer reads that nobody can confirm whose it is.
//
// Whatever changes the directory locks the alias first, then the claim, then the
// sets of content ids in the order of participants. Buckets are locked in the order
// of their names, and nothing is waited for behind them.
//
// # Files of payments
//
// A program of a government office pays many people with one file: CSV
// ([NewBulkCSV]), ISO 20022 pain.001 ([NewBulkPain]) or a batch of the GovStack
// interface; whatever gives [Instruction]s is a [Source]. A file that cannot be
// read whole, or whose totals are not those its maker typed, leaves no trace.
//
// Three persons have it in hand, by the powers of their posts and never one of
// them twice: the maker hands it in, the checker confirms it, the releaser lets
// it be paid, when the program's account holds the sum. In between every line is
// compared with the directory and the accounts and gets a verdict, a reason of
// ISO 20022: set by set in SQL, with no lookup of its own for any line.
//
// Nobody is paid twice. A good line claims its beneficiary for the program and
// period (payments_bulk_claim); a second one, in whatever file, is a duplicate. A
// claim passes on only from a line that came to nothing. The key under which the
// ledger knows a payment is made of program, period, beneficiary and attempt, and
// its transfer's id of file, line and attempt, so that whoever goes on after a
// crash asks the same questions again and gets the answers of before. Lines are
// marked after the ledger has decided. When money runs out, the rest fails with
// AM04 or AM23 and can be handed in as a file of its own, the remainder.
//
// From the release on the beneficiary sees the payment on their wallet's page,
// and how long it took.
//
// # Vouchers and GovStack
//
// A voucher is money that has moved from a group's funding account into its
// pool, for whoever shows its number. The number is kept nowhere: a keyed hash
// finds the voucher, and a check digit and a limit of wrong numbers an hour keep
// others from trying. Using it pays the merchant out of the pool, cancelling and
// the end of its time pay back: each in the decision that changes the voucher.
//
// Package govstack has the messages. They are answered below [GovStackPath] for
// clients with an access token and a seat for the source they name, and at the
// standard's own paths on the operator's line to the information mediator
// ([Mediated]), who speaks for all registered sources.
//
// # Settlement
//
// The operator or the clock ([Scheme]: model, times of day, thresholds, as data)
// ends a window by a CUT row while payments run. A job then makes the window's final
// [Settlement] from the batches, holds it against the tables and against itself, and
// moves the dues of a net window, all in one Work or none: a window whose debtors
// lack money stays unsettled until prefund comes in. Prefund moves by a [Fund], which
// one person asks for and another approves. [Room.Statement] goes through a
// settlement account page by page, as camt.053, 052 or CSV; each window's report has
// the balances with which the next begins.
//
// # The treasury
//
// [Room.Treasury] is where the government's own accounts stand: of fees and of
// programmes. Their movements are summed by day and by what they were for
// (payments_flow): of a fee the service, of a file the programme and period. A job
// adds what can no longer change, payments.flow.count; whoever asks counts the rest
// with it, so the sums are exact at any time, and they make up the balance. Fees
// that the services have as paid are held against the money. Payers' names and
// accounts are not shown.
//
// # The hub
//
// Participants that speak FSPIOP meet at a [Hub], as at a Mojaloop hub (package
// fspiop has the messages). Its words: FSP, a participant there, known by name;
// endpoint, an address the operator registered, and the only kind of address
// anything is sent to; callback, the answer to a request, a PUT of its own after the
// 202; oracle, which FSP has a party, kept as a keyed hash.
//
// Lookups, quotes, requests to pay and authorizations are carried on as they came, so
// that the sender's signature holds, and not kept. A transfer is reserved in the
// ledger in the transaction that writes it and what is to be told about it
// (payments_hub_outbox); the payee's fulfilment, held against the condition, commits
// it; a refusal, a wrong fulfilment or the end of its time give the money back. What
// is in the outbox is sent by senders of each FSP's own until it was taken, at least
// once. A transfer's id is known for ever: the same request again gets its outcome,
// another one "modified request". Each currency has a book; those that are not the
// country's keep four decimals and begin with a net window, so that positions are
// what Mojaloop calls them. For a conversion see hub_conversion.go: what becomes of
// the source is decided by the transfer in the target currency.
//
// A bulk transfer is many transfers to one participant (hub_bulk.go). Each is one of
// its own in the ledger of its currency; what is to become of them is written down
// first and then done, ledger by ledger, again until it is done. The hub speaks to both
// in its own name, and the payer hears of all at once.
//
// Whoever has registered a key signs everything but lookups; the signature binds
// source, destination, method and path. Without keys ([HubOptions.Unsigned]) the hub
// trusts its line, and listens on a loopback address only.
//
// Whoever runs the hub does so by Mojaloop's own interfaces (package centraladmin
// has the messages): participants, accounts, limits, funds and settlement models,
// then windows and settlements. There is no second book: an account there is a
// number for accounts of the ledger, and what it shows is read from them. A position
// is what is reserved, less the position account, less what the obligation account
// has for windows that are not settled. A window of the hub is one of each of its
// currencies, ended by CUT rows of their books; the country's own currency is settled
// by the rail. Settling pays at the settlement bank: a creditor's due goes over its
// settlement account to the hub's multilateral account, a debtor's comes back from it,
// so that it is at zero when all have paid. After a cut the floors of the settlement
// accounts follow in the next batch: in between a debtor may reserve as much again.
//
// # Tables
//
// payments_participant, payments_certificate, payments_book (leases),
// payments_batch (the ledger), payments_account, payments_alias, payments_fee,
// payments_order, payments_return, payments_recall, payments_ask; made from the batches: payments_transfer, payments_key,
// payments_key_filter, payments_position, payments_window, payments_index and
// payments_balance. An account's transfers are found by stretches of rows (stretch.go).
// Hub's operator: payments_hub_counter, payments_hub_number, payments_hub_account,
// payments_hub_limit, payments_hub_fund, payments_hub_model, payments_hub_oracle,
// payments_hub_window, payments_hub_window_part, payments_hub_due,
// payments_hub_settlement, payments_hub_settlement_account.
// Settlement: payments_scheme, payments_settlement, payments_settlement_line,
// payments_fund, payments_alert.
// Treasury: payments_flow, payments_flow_mark; made from payments_transfer.
// Directory: payments_outside, payments_outward, payments_calm, payments_proof, payments_claim, payments_cid_set,
// payments_cid_event, payments_bucket, payments_lookup, payments_mark.
// Files: payments_bulk, payments_bulk_line, payments_bulk_claim,
// payments_bulk_reason. Customers: payments_request, payments_limit,
// payments_spending, payments_dispute. GovStack: payments_source, payments_beneficiary,
// payments_batch_call, payments_voucher, payments_voucher_group,
// payments_voucher_merchant, payments_voucher_guess.
// Hub: payments_hub_fsp, payments_hub_currency, payments_hub_endpoint,
// payments_hub_party, payments_hub_transfer, payments_hub_bulk,
// payments_hub_conversion, payments_hub_outbox.
//
// # Events
//
// payments.transfer.reserved, .committed, .aborted; payments.fee.asked, .paid
// {fee, key, transfer}, .cancelled {fee, settled_by}; payments.sale.asked, .paid; payments.account.opened;
// payments.return.made {transfer, original, amount, reason};
// payments.recall.asked, .answered {recall, original, from, to, amount, reason, state, outcome};
// payments.book.opened; payments.batch.sealed {number, first, last, root, head}, the
// event of every batch; payments.participant.admitted, .suspended, .resumed. See
// events.go.
// payments.window.cut, .reported, .settled, .unsettled; payments.fund.asked, .done,
// .refused; payments.liquidity.low, .restored; payments.scheme.changed. See
// settle_events.go.
// payments.alias.linked, .moved, .unlinked, .calmed; payments.claim.opened,
// .acknowledged, .confirmed, .refused, .cancelled, .completed {claim, type, donor,
// claimer, reason}; payments.mark.opened, .acknowledged, .closed, .cancelled;
// payments.participant.classed. See directory_events.go.
// payments.bulk.uploaded, .validated, .checked, .released, .progressed (a few a
// second at most), .finished, .rejected, .cancelled; payments.voucher.preactivated,
// .activated, .used, .cancelled, .expired. See bulk_events.go.
//
// payments.request.asked, .paid, .refused, .expired, .withdrawn; payments.limit.changed;
// payments.dispute.opened, .contested, .unanswered, .refunded, .rejected, .withdrawn. See
// request_events.go and dispute_events.go.
//
// # Standards and laws
//
// EMVCo QRCPS Merchant-Presented Mode 1.1 (package emvqr), ISO 13616 IBAN, ISO
// 4217, ISO 18245, ISO 9362, ISO 20022 ExternalStatusReason1Code for refusals.
// DICT API 1.8 of the Banco Central do Brasil for the directory, RFC 9457 for
// refusals, draft-ietf-httpapi-ratelimit-headers for tokens.
// RFC 4180 for CSV, pain.001.001.09 and the statuses of pain.002 for files,
// GovStack's Payments building block, chapters 6 to 9; ISO/IEC 7812-1 annex B.
// API Definition of the Open API for FSP Interoperability 1.1 with Signature 1.1,
// and fxQuotes and fxTransfers of 2.0.
// Payment Systems and Electronic Fund Transfers Act 2007; the State Bank's
// rules for Raast: credit within 20 seconds, no fee for the customer.
package payments
