package identity

import (
	"net/http"
	"slices"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// userinfo gives a client the facts the person agreed to (OpenID Connect Core
// section 5.3), by GET and POST. Each call is a reading on the person's record.
func (r *Room) userinfo(c *web.Ctx, _ gate.Permit[gate.House]) error {
	if c.R.Method == http.MethodPost && c.R.ContentLength != 0 {
		if e := formOf(c.W, c.R); e != nil {
			return r.refuseToken(c.W, c.R, "Bearer", e)
		}
	}
	ctx := c.Context()
	g, scheme, e := r.bearer(ctx, c.R)
	if e != nil {
		return r.refuseToken(c.W, c.R, scheme, e)
	}
	client := r.clients[g.Client]
	if client == nil || !slices.Contains(g.Scopes, "openid") {
		return r.refuseToken(c.W, c.R, scheme, oauthFail("insufficient_scope", "the token does not open this"))
	}
	sub, err := r.sub(ctx, client, g.Subject)
	if err != nil {
		return r.refuseToken(c.W, c.R, scheme, oauthInternal(err))
	}
	out := map[string]any{"sub": sub}
	if names := factsOf(g.Scopes); len(names) > 0 {
		purpose, basis := "identity.purpose.signin", "consent/"+g.Request.Consent
		if client.Purpose["en"] != "" {
			purpose = client.Purpose["en"] + " · " + client.Purpose["ur"]
		}
		if g.Request.Consent == "" {
			basis = "identity.basis.request"
		}
		facts, err := r.Facts(ctx, FactAsk{Subject: g.Subject, Names: names, Purpose: purpose, Basis: basis, Actor: "client/" + client.ID})
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
			return r.refuseToken(c.W, c.R, scheme, oauthFail("invalid_token", "the person is no longer in the register"))
		}
		if err != nil {
			return r.refuseToken(c.W, c.R, scheme, oauthInternal(err))
		}
		standardClaims(out, facts)
	}
	return answerJSON(c.W, http.StatusOK, out)
}

// standardClaims writes facts as OpenID Connect Core section 5.1 names them;
// the Urdu form has the language tag of section 5.2.
func standardClaims(out map[string]any, facts map[string]Fact) {
	both := func(claim, fact string) {
		if f, ok := facts[fact]; ok {
			out[claim] = f.Value
			if f.ValueUr != f.Value {
				out[claim+"#ur"] = f.ValueUr
			}
		}
	}
	both("name", FactName)
	both("father_name", FactFather)
	if f, ok := facts[FactBirth]; ok {
		out["birthdate"] = f.Value
	}
	if f, ok := facts[FactAdult]; ok {
		out["adult"] = f.Value == "yes"
	}
	if f, ok := facts[FactSex]; ok {
		out["gender"] = f.Value
	}
	if f, ok := facts[FactNumber]; ok {
		out["national_number"] = f.Value
	}
	if f, ok := facts[FactPhone]; ok {
		out["phone_number"] = f.Value
	}
	if f, ok := facts[FactAddress]; ok {
		address := map[string]string{"formatted": f.Value}
		if d, ok := facts[FactDistrict]; ok {
			address["locality"] = d.Value
		}
		out["address"] = address
		if f.ValueUr != f.Value {
			out["address#ur"] = map[string]string{"formatted": f.ValueUr}
		}
	}
}
