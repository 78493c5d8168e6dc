package identity

import "net/netip"

// household groups the addresses one household commands: an IPv6 /64. Counted
// one by one, a guesser would have 2^64 tries.
func household(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() || a.Is4In6() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
