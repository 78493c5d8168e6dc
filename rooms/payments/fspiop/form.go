package fspiop

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsID tests a correlation id: a UUID in lower case (RFC 9562), or a ULID as newer
// editions of the API have it.
func IsID(s string) bool {
	if len(s) == 26 {
		return s[0] <= '7' && strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", r) }) < 0
	}
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'; !hex {
				return false
			}
		}
	}
	return s[14] >= '1' && s[14] <= '7' && strings.IndexByte("89ab", s[19]) >= 0
}

// isName tests the standard's form of a person's name (API Definition 7.2.4):
// letters, marks, digits, connectors, and space . , ' - ; not only spaces.
func isName(s string) bool {
	n := utf8.RuneCountInString(s)
	if n < 1 || n > 128 || strings.TrimSpace(s) == "" {
		return false
	}
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control) && !strings.ContainsRune(" .,''’-", r) {
			return false
		}
	}
	return true
}

// isUpper tests ^[A-Z_]{1,32}$, the form of scenarios and the like.
func isUpper(s string) bool {
	if len(s) == 0 || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if known := s[i] >= 'A' && s[i] <= 'Z' || s[i] == '_'; !known {
			return false
		}
	}
	return true
}

func isErrorCode(s string) bool { return len(s) == 4 && s[0] != '0' && allDigits(s) }

func isMCC(s string) bool { return len(s) >= 1 && len(s) <= 4 && allDigits(s) }

func isCoordinate(limit int) func(string) bool {
	return func(s string) bool {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
		whole, fraction, pointed := strings.Cut(s, ".")
		if len(whole) == 0 || len(whole) > 3 || !allDigits(whole) || pointed && (len(fraction) == 0 || len(fraction) > 6 || !allDigits(fraction)) {
			return false
		}
		n := 0
		for i := range len(whole) {
			n = n*10 + int(whole[i]-'0')
		}
		return n < limit || n == limit && strings.Trim(fraction, "0") == ""
	}
}

// IsCurrency tests an ISO 4217 code, as the standard enumerates them.
func IsCurrency(s string) bool { return currencies[s] }

var currencies = func() map[string]bool {
	out := map[string]bool{}
	for _, c := range strings.Fields(`AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUC CUP CVE CZK
		DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
		LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
		SHP SLE SLL SOS SPL SRD SSP STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TVD TWD TZS UAH UGX USD UYU UZS VED VEF VES VND VUV WST XAF XCD XDR XOF XPF XSU XTS XXX YER ZAR ZMW ZWD ZWG`) {
		out[c] = true
	}
	return out
}()

// idTypes are the kinds of identifiers of a party (API Definition 7.3.25).
var idTypes = []string{"MSISDN", "EMAIL", "PERSONAL_ID", "BUSINESS", "DEVICE", "ACCOUNT_ID", "IBAN", "ALIAS", "CONSENT", "THIRD_PARTY_LINK"}

// IsIDType says whether a path names a kind of identifier that the standard knows.
func IsIDType(s string) bool {
	for _, t := range idTypes {
		if t == s {
			return true
		}
	}
	return false
}
