package services

import (
	"slices"
	"sort"

	"sarai/courtyard/country"
)

// CredentialType describes a credential our services issue, for whoever issues
// it: its name and its claims with labels, by language.
type CredentialType struct {
	ID          string // "TradeLicence"
	Name        Text
	Description Text
	Claims      []CredentialClaim
}

// CredentialClaim is one claim of a credential.
type CredentialClaim struct {
	Name  string
	Label Text
}

// CredentialTypes lists the credentials of a pack's services.
func CredentialTypes(pack *country.Pack) ([]CredentialType, error) {
	ds, err := LoadAll(pack.Services, pack)
	if err != nil {
		return nil, err
	}
	var out []CredentialType
	for _, d := range ds {
		if slices.ContainsFunc(out, func(t CredentialType) bool { return t.ID == d.Output.Credential }) {
			continue
		}
		t := CredentialType{ID: d.Output.Credential, Name: d.Output.Name, Description: d.Summary}
		for name, ref := range d.Output.Claims {
			f, _ := d.field(ref)
			t.Claims = append(t.Claims, CredentialClaim{name, f.Label})
		}
		t.Claims = append(t.Claims,
			CredentialClaim{"certificate_number", Text{"en": "Certificate number", "ur": "سرٹیفکیٹ نمبر"}},
			CredentialClaim{"issued_on", Text{"en": "Issued on", "ur": "تاریخِ اجرا"}},
			CredentialClaim{"valid_until", Text{"en": "Valid until", "ur": "میعاد"}})
		sort.Slice(t.Claims, func(i, j int) bool { return t.Claims[i].Name < t.Claims[j].Name })
		out = append(out, t)
	}
	return out, nil
}
