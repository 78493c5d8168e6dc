// Package xsd reads and writes XML documents that are bound to a schema, for
// the schemas of ISO 20022: sequences and choices of elements, simple content
// with attributes, enumerations, patterns, lengths, digits and the wildcard.
//
// It is the machine under the generated message types and knows none of them.
// A schema is data ([Type], [Field], [Simple]); generated code says where each
// value goes. [Reader] checks well-formedness, namespaces, content model and
// facets in one pass over the bytes; [Writer] checks content model and facets
// again as it writes, so that nothing invalid leaves.
//
// # What is refused although XML allows it
//
// Document type declarations, and so every entity that is not predefined;
// processing instructions; every encoding but UTF-8; xsi:type and xsi:nil, which
// have no use in these schemas; documents beyond the [Limits]. Names that break
// Namespaces in XML 1.0 are errors here, where some parsers only warn.
//
// # Strings share the document
//
// A text that stands in the document as it is, without references, CDATA
// sections and comments, is not copied: it is a slice of the document. Whoever
// keeps one short text of a large document for long should strings.Clone it.
//
// Standards: Extensible Markup Language 1.0 fifth edition, Namespaces in XML 1.0
// third edition, XML Schema 1.0 parts 1 and 2 second edition, Canonical XML 1.0
// for what is written.
package xsd
