// Package keys is the house's key ring: every signing key, MAC secret and
// sealing key has a purpose, an algorithm and a state, and is asked for by its
// purpose, never by a file name.
//
// A room declares what it needs in its New:
//
//	c.Keys.Declare(keys.Purpose{Name: "office.document", Alg: keys.RS256, Subject: "CN=Islamabad Capital Territory,C=PK"})
//
// and Ensure, called once at start after the migrations, makes what is missing.
//
// States. A key is next (published, not yet used), active (signs, seals),
// retired (published, still verifies and opens, makes nothing new) or revoked
// (trusted for nothing). Rotate moves next to active and active to retired in
// one transaction; other processes see it within Options.Fresh.
//
// At rest. Key material lies in keys_key, sealed by AES-256-GCM under the master
// key, which is not in the database: it is a file of mode 0600 beside it, or
// comes from the configuration. A database copied without that file is useless
// to a thief, and a house started with the wrong file does not start.
//
// Provider is the seam for hardware: the Software provider keeps PKCS #8 bytes,
// a PKCS #11 provider would keep an object's handle in the same column.
//
// Certificates. A purpose with a Subject gets an X.509 certificate (RFC 5280)
// from the house CA, which is itself the purpose "house.ca" of this ring.
//
// Tables: keys_ring (one row: version and proof of the master key), keys_key.
// Events: keys.key.made, keys.key.activated, keys.key.retired, keys.key.revoked.
package keys
