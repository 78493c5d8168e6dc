package identity

import (
	"slices"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/web"
	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
)

// The types this room knows by itself.
const (
	TypePersonIdentification = "PersonIdentification"
	TypeDomicileCertificate  = "DomicileCertificate"
)

// CredentialType is a kind of credential the house issues. Its vct is the
// address of its metadata: <base>/credentials/types/<ID>.
type CredentialType struct {
	ID          string
	Name        map[string]string // by language
	Description map[string]string
	Claims      []CredentialClaim
	Life        time.Duration // how long a credential is good; a year when zero
	Colour      string        // background in a wallet, "#0B5C56"
}

// CredentialClaim is a claim with its label. Open claims are shown to every
// verifier; all others only if the holder chooses to.
type CredentialClaim struct {
	Name  string
	Label map[string]string
	Open  bool
}

func both(en, ur string) map[string]string { return map[string]string{"en": en, "ur": ur} }

// ownTypes are the built-in types.
var ownTypes = []CredentialType{
	{
		ID: TypePersonIdentification, Name: both("National identity", "قومی شناخت"),
		Description: both("Proves who you are, fact by fact, as you choose.", "آپ کون ہیں، اس کا ثبوت؛ کون سی بات دکھانی ہے، یہ آپ چنتے ہیں۔"),
		Colour:      "#0B5C56",
		Claims: []CredentialClaim{
			{"name", both("Name", "نام"), false}, {"name_ur", both("Name in Urdu", "نام اردو میں"), false},
			{"father_name", both("Father's name", "والد کا نام"), false}, {"father_name_ur", both("Father's name in Urdu", "والد کا نام اردو میں"), false},
			{"birthdate", both("Date of birth", "تاریخِ پیدائش"), false}, {"age_over_18", both("18 or older", "اٹھارہ سال یا زیادہ"), false},
			{"sex", both("Sex", "جنس"), false}, {"personal_administrative_number", both("National identity number", "قومی شناختی نمبر"), false},
			{"address", both("Address", "پتہ"), false}, {"portrait", both("Photograph", "تصویر"), false},
			{"issuing_country", both("Issuing country", "جاری کرنے والا ملک"), true}, {"issuing_authority", both("Issued by", "جاری کنندہ"), true},
		},
	},
	{
		ID: TypeDomicileCertificate, Name: both("Domicile certificate", "ڈومیسائل سرٹیفکیٹ"),
		Description: both("Proves in which district you are domiciled.", "آپ کا مستقل ضلع کون سا ہے، اس کا ثبوت۔"),
		Colour:      "#1B4F8F",
		Claims: []CredentialClaim{
			{"name", both("Name", "نام"), false}, {"name_ur", both("Name in Urdu", "نام اردو میں"), false},
			{"father_name", both("Father's name", "والد کا نام"), false}, {"father_name_ur", both("Father's name in Urdu", "والد کا نام اردو میں"), false},
			{"district", both("District of domicile", "ڈومیسائل کا ضلع"), false}, {"district_ur", both("District of domicile in Urdu", "ڈومیسائل کا ضلع اردو میں"), false},
			{"certificate_number", both("Certificate number", "سرٹیفکیٹ نمبر"), false}, {"issued_on", both("Issued on", "تاریخِ اجرا"), false},
			{"issuing_country", both("Issuing country", "جاری کرنے والا ملک"), true}, {"issuing_authority", both("Issued by", "جاری کنندہ"), true},
		},
	},
}

func (t *CredentialType) open(name string) bool {
	return slices.ContainsFunc(t.Claims, func(c CredentialClaim) bool { return c.Name == name && c.Open })
}

func (r *Room) vct(t string) string { return r.base + "/credentials/types/" + t }

const (
	batchSize    = 10
	issuerMaxAge = "300"
)

var proofAlgs = []string{jwt.ES256, jwt.EdDSA}

// issuerMetadata is the answer at /.well-known/openid-credential-issuer.
func (r *Room) issuerMetadata() oid4vci.Metadata {
	m := oid4vci.Metadata{
		Issuer: r.base, AuthorizationServers: []string{r.base}, CredentialEndpoint: r.base + "/credentials/issue", NonceEndpoint: r.base + "/credentials/nonce",
		Batch: &oid4vci.Batch{Size: batchSize}, Configurations: map[string]oid4vci.Configuration{},
	}
	for _, l := range r.pack.Languages {
		m.Display = append(m.Display, oid4vci.Display{Name: r.pack.Names.In(l.Code), Locale: l.Code})
	}
	for id, t := range r.types {
		c := oid4vci.Configuration{
			Format: oid4vci.Format, Scope: id, Binding: []string{"jwk"}, SigningAlgs: []string{jwt.ES256},
			ProofTypes: map[string]oid4vci.ProofType{oid4vci.ProofJWT: {Algs: proofAlgs}}, CredentialType: r.vct(id), About: &oid4vci.About{},
		}
		for _, l := range r.pack.Languages {
			c.About.Display = append(c.About.Display, oid4vci.Display{
				Name: t.Name[l.Code], Description: t.Description[l.Code], Locale: l.Code, BackgroundColor: t.Colour, TextColor: "#FFFFFF"})
		}
		for _, k := range t.Claims {
			claim := oid4vci.Claim{Path: []any{k.Name}}
			for _, l := range r.pack.Languages {
				claim.Display = append(claim.Display, oid4vci.Display{Name: k.Label[l.Code], Locale: l.Code})
			}
			c.About.Claims = append(c.About.Claims, claim)
		}
		m.Configurations[id] = c
	}
	return m
}

func (r *Room) issuerDiscovery(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return publishJSON(c.W, "application/json", issuerMaxAge, r.issuerMetadata())
}

// vcIssuer publishes the keys credentials and status lists are signed with
// (SD-JWT VC section 5: /.well-known/jwt-vc-issuer).
func (r *Room) vcIssuer(c *web.Ctx, _ gate.Permit[gate.House]) error {
	set, err := r.publicKeys(c.Context(), purposeCredential)
	if err != nil {
		return err
	}
	return publishJSON(c.W, "application/json", issuerMaxAge, map[string]any{"issuer": r.base, "jwks": set})
}

// typeMetadata describes a type for wallets and verifiers (SD-JWT VC section 6).
func (r *Room) typeMetadata(c *web.Ctx, _ gate.Permit[gate.House]) error {
	t := r.types[c.Path("type")]
	if t == nil {
		return notFound("identity.credential.type")
	}
	out := map[string]any{"vct": r.vct(t.ID), "name": t.Name["en"], "description": t.Description["en"]}
	var display, claims []map[string]any
	for _, l := range r.pack.Languages {
		display = append(display, map[string]any{"lang": l.Code, "locale": l.Code, "name": t.Name[l.Code], "description": t.Description[l.Code],
			"rendering": map[string]any{"simple": map[string]any{"background_color": t.Colour, "text_color": "#FFFFFF"}}})
	}
	for _, k := range t.Claims {
		var labels []map[string]any
		for _, l := range r.pack.Languages {
			labels = append(labels, map[string]any{"lang": l.Code, "locale": l.Code, "label": k.Label[l.Code]})
		}
		sd := "always"
		if k.Open {
			sd = "never"
		}
		claims = append(claims, map[string]any{"path": []string{k.Name}, "display": labels, "sd": sd})
	}
	out["display"], out["claims"] = display, claims
	return publishJSON(c.W, "application/json", issuerMaxAge, out)
}
