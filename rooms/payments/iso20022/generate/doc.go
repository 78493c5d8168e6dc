// Command generate writes the Go code of the ISO 20022 messages from their XML
// schemas: the message components all messages share, one package a message and
// the register of all messages.
//
//	go run ./rooms/payments/iso20022/generate -xsd DIR
//
// DIR holds the schemas as ISO publishes them, one file a message, named after
// it: pacs.008.001.08.xsd. Which messages are made, and in which package each
// lives, stands in messages.go: another message is one line there.
//
// It reads what those schemas use: named simple types with facets, complex types
// that are a flat sequence or choice of elements, simple content with
// attributes, and the wildcard as the only child. Anything else is an error that
// names the schema and the type; nothing is skipped silently. A component that
// two schemas define differently under one name is an error too.
package main
