// Package fault is the one error type of the house. A fault has a kind (which
// decides the HTTP status), a message key (which decides what the person
// reads, in their own language), fields (which put the message beside the
// input it concerns) and a cause, which only the operator sees.
//
// Rooms return faults; web turns them into pages and api turns them into
// problem documents (RFC 9457). Nothing else maps errors to answers.
package fault
