// Package store is the house's one database: one way to read, one way to write,
// two engines.
package store
