// Package office is the room where government files live: they arrive, get a
// number, are noted on, move from post to post and are decided; every step is
// signed, on record and visible at once.
//
// # Words
//
// receipt (dak): what arrives, with its diary number. file: a case with its
// number, its two sides and its way. noting: the numbered paras officers sign;
// correspondence: the papers. post: who holds a file; the person in charge of
// the post acts, and the charge (permanent, additional, look-after) stands
// beside each signature. movement: forward, return, or pull-back, which is
// possible until the recipient has opened the file. order: the para with which
// a case is decided. route: the posts a service's file is to take.
//
// # A note
//
// A draft belongs to a post and can be changed. Signed, it becomes the next
// para: its canonical form (see Para.Canonical) holds the digest of the para
// before and is signed by the house key "office.note". A signed para is never
// changed: an attempt is refused and told in the event
// office.note.alteration-refused. Verify finds a change made behind the
// program's back.
//
// # Papers
//
// What people hand in is looked at before it comes here: the window takes nothing
// but JPEG, PNG and PDF, told by their bytes, and draws photographs anew, which
// leaves behind whatever else was in the file. The clerk's form takes the same
// kinds and keeps the scan as it is. Texts and pictures are shown at the desk. A PDF may hold scripts, forms and links, and is not shown in
// the browser: it is handed over as a download and read in the desk's own reader.
// Every paper comes with nosniff and a Content-Security-Policy of "sandbox", so
// that even one a browser shows runs nothing and sees no session.
//
// # Numbers
//
// Diary and file numbers run per office, series and year without gaps,
// allocated in the transaction that uses them.
//
// # Tables
//
// office_series, office_receipt, office_file, office_draft, office_para,
// office_paper, office_movement. Paras and movements are only added.
//
// # Events (version 1)
//
// office.receipt.diarised, office.file.opened, office.note.signed,
// office.note.alteration-refused, office.file.moved, office.case.decided; see
// events.go. They carry posts and numbers, never names or texts.
//
// # Standards and laws
//
// Rules of Business 1973, rule 5(15), and the Secretariat Instructions 2021:
// paragraphs 17 (own case) and 18 (two noters) are policies, not prose. ETSI EN
// 319 142-1 (package pades) and ISO 19005-3 (package pdf) for what is issued.
// ISO 15489-1 for records.
package office
