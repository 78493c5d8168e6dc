// Package id makes identifiers: UUIDv7 for rows (RFC 9562: ordered by time, so
// that indexes stay dense), 256-bit tokens for secrets that travel, and short
// references that a person can read out over the telephone.
package id
