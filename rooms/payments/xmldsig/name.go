package xmldsig

import (
	"encoding/hex"
	"slices"
	"strings"
)

// attributeTypes maps what programs write for the types of a distinguished name
// to one spelling (RFC 4514, section 3, and the e-mail attribute of PKCS #9).
var attributeTypes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE", "2.5.4.97": "ORGANIZATIONIDENTIFIER",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
	"1.2.840.113549.1.9.1": "E", "EMAILADDRESS": "E", "EMAIL": "E", "S": "ST",
}

// normalName brings a distinguished name in string form (RFC 4514, and its
// predecessors with their looser spacing) to a form in which two spellings of
// one name are equal. It is used to find and to compare certificates, never to
// trust one.
func normalName(name string) string {
	rdns := splitEscaped(name, ",;")
	for i, rdn := range rdns {
		parts := splitEscaped(rdn, "+")
		for j, part := range parts {
			kind, value, _ := strings.Cut(part, "=")
			kind = strings.ToUpper(strings.TrimSpace(kind))
			kind = strings.TrimPrefix(kind, "OID.")
			if short, ok := attributeTypes[kind]; ok {
				kind = short
			}
			parts[j] = kind + "=" + normalValue(strings.TrimSpace(value))
		}
		slices.Sort(parts)
		rdns[i] = strings.Join(parts, "+")
	}
	return strings.Join(rdns, ",")
}

// splitEscaped splits at separators that are neither escaped nor in quotes.
func splitEscaped(s, separators string) []string {
	var out []string
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(separators, s[i]) >= 0:
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}

// normalValue takes escapes and quotes out of a value, folds its white space and
// case, and writes it so that no value looks like a separator.
func normalValue(v string) string {
	if strings.HasPrefix(v, "#") {
		if der, err := hex.DecodeString(v[1:]); err == nil && len(der) > 2 && int(der[1]) == len(der)-2 {
			return normalValue(strings.NewReplacer(`\`, `\\`, `"`, `\"`, ",", `\,`, "+", `\+`).Replace(string(der[2:])))
		}
	}
	var plain []byte
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '\\' && i+2 < len(v) && hexDigit(v[i+1]) >= 0 && hexDigit(v[i+2]) >= 0:
			plain = append(plain, byte(hexDigit(v[i+1])<<4|hexDigit(v[i+2])))
			i += 2
		case v[i] == '\\' && i+1 < len(v):
			i++
			plain = append(plain, v[i])
		case v[i] == '"':
		default:
			plain = append(plain, v[i])
		}
	}
	folded := strings.ToLower(strings.Join(strings.Fields(string(plain)), " "))
	return hex.EncodeToString([]byte(folded))
}
