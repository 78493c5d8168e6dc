// Package component holds the message components of ISO 20022: the complex types
// and enumerations that the messages of package iso20022 are made of, generated
// from the schemas. A component's name ends in its version, and the same name is
// the same type in every message. The package of a message gives its components
// their names a second time, so this one is seldom imported by hand.
package component
