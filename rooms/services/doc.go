// Package services is the one window: a citizen finds a service, sees whether
// and why it is theirs, applies one question at a time, pays, follows the file
// and has the document, on paper and in the wallet.
//
// # Words
//
// definition: a service as its YAML file says it, known by its content hash.
// fact: something a register already knows, asked for with consent. answer:
// something the person tells us. rule: a condition of eligibility in CEL with
// its law. application: one request; it keeps the definition it began with.
// step: a post on the file's way. document: what was issued. notice: a line
// for the citizen saying what happened.
//
// # Tables
//
// services_definition (every version that was ever used), services_application
// (facts and answers sealed), services_paper (uploaded evidence, sealed),
// services_movement (where the file went), services_document (sealed PDF and
// what the public page shows), services_notice.
//
// # Events
//
// Written: services.application.started, services.application.submitted,
// services.application.paid, services.application.received,
// services.application.moved, services.application.decided,
// services.document.issued (see events.go). Followed: payments.fee.paid,
// office.file.moved, office.case.decided.
//
// # Standards and laws
//
// CEL (cel.dev) for rules with cost and time limits; EU once-only: explicit
// consent and a preview before known data are used; WCAG 2.2, 3.3.7 redundant
// entry. The laws of each service stand in its file.
package services
