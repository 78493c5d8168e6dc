// Package xmldsig signs XML messages and checks signatures on them.
package xmldsig
