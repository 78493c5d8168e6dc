package identity

import "testing"

func TestAHouseholdIsOneSource(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "::ffff:203.0.113.9", "unix": "unix",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::1": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := household(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
