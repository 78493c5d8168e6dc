// Package iso20022 reads, checks and writes the ISO 20022 messages of an
// instant-payment rail: pacs, pain, camt, admi and the business application
// header, in the versions listed by [Messages].
//
//	m, err := pacs008.Parse(doc)
//	tx := &m.FIToFICstmrCdtTrf.CdtTrfTxInf[0]
//	minor, err := iso20022.Minor(tx.IntrBkSttlmAmt.Value, tx.IntrBkSttlmAmt.Ccy)
//	tx.PmtId.UETR
//
// Whoever knows the message uses its package. Whoever gets any message uses
// [Parse], which looks at the namespace and gives a [Message] for a type switch.
// What Parse accepts is valid against the schema of ISO; Marshal and Append
// refuse to write what is not. Errors ([xsd.Errors]) say line, column, path, the
// facet and what to change, and never repeat content.
//
// A file of payments that is too large for memory is read by [pain001.Stream].
// The header and the message within an envelope are found by [xsd.Children].
// What Append writes is Canonical XML already, so its octets can be signed as
// they are.
//
// # How a message lies in Go
//
// A struct per complex type, its fields named as the elements are. A text, date,
// number or code that is optional and absent is the empty string: no type of ISO
// 20022 in these schemas has an empty value, but for a few texts without facets,
// which are pointers when they are optional, as are booleans. An optional
// component is a pointer, a repeated one a slice, a required one a value. Of a
// choice exactly one field is set. Amounts are decimal texts with their
// currency, see [Minor]; times are texts with a method Time, so that reading and
// writing changes nothing. A required boolean is false when nobody sets it: the
// one thing that Validate cannot miss.
//
// # Decision: one package for the components, one for each message
//
// The schemas of one message each define everything anew, yet a component's name
// bears its version, and in the schemas chosen here equal names always mean
// equal definitions. So the components are one package, [component], and a
// BranchAndFinancialInstitutionIdentification6 taken from a pacs.008 can be put
// into a pacs.002 as it is. Each message is a small package with its document
// element, Parse and Marshal, and with the names of its components as aliases:
// one import is enough, and types of two messages are still the same types.
// Alternatives: a package per message with types of its own has five times the
// code and copies by hand between messages; one package for everything has Parse
// and Document twenty-six times under longer names. Reading is not generated as
// code per element but as one table per type and one switch that says where a
// value goes; the machine in package xsd does the rest, so that strictness lives
// in one place. We would notice that this was wrong when two schemas define one
// name differently: then the generator stops and says which.
//
// # Intended differences
//
// The tests hold the verdicts of this package against libxml2, on documents grown
// from the schemas and damaged at random: 1,000 each time, any number with
// SARAI_MUTATIONS. We refuse, where libxml2 accepts: document type declarations,
// processing instructions, other encodings than UTF-8, names that break
// Namespaces in XML, xsi:type, foreign characters in base64, an octet of zero. We
// accept white space around a date, which XML Schema collapses and libxml2
// refuses. The list with its reasons stands in verdict_test.go.
//
// # Another message
//
// Put its schema into the folder of the others, add a line to
// generate/messages.go, run go generate with SARAI_TEST_DATA set, and write a
// sample into testdata.
//
//go:generate go run sarai/rooms/payments/iso20022/generate -out .
package iso20022
