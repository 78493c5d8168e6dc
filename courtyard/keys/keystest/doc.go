// Package keystest makes the key ring cheap in tests. RSA keys, which take up to
// a second each, are generated once a process and then handed out again; all
// others are made by keys.Software. Master is a fixed master key.
package keystest
