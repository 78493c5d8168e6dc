package identity

import (
	"context"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"

	"sarai/courtyard/gate"
	"sarai/courtyard/web"
	"sarai/rooms/identity/jwt"
	"sarai/rooms/identity/oid4vci"
)

// providerMetadata is the answer at both well-known addresses (OpenID Connect
// Discovery section 3, RFC 8414 section 2).
func (r *Room) providerMetadata() map[string]any {
	scopes := []string{"openid"}
	for _, s := range []string{"profile", "father", "birthdate", "adult", "sex", "national_number", "address", "phone"} {
		if scopeFacts[s] != nil {
			scopes = append(scopes, s)
		}
	}
	auth := []string{AuthNone, AuthBasic, AuthPrivateKey}
	return map[string]any{
		"issuer":                                           r.base,
		"authorization_endpoint":                           r.base + "/oidc/authorize",
		"pushed_authorization_request_endpoint":            r.base + "/oidc/par",
		"token_endpoint":                                   r.base + "/oidc/token",
		"userinfo_endpoint":                                r.base + "/oidc/userinfo",
		"end_session_endpoint":                             r.base + "/oidc/sign-out",
		"jwks_uri":                                         r.base + "/oidc/jwks",
		"scopes_supported":                                 scopes,
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query"},
		"grant_types_supported":                            []string{"authorization_code", oid4vci.GrantPreAuthorized},
		"subject_types_supported":                          []string{"pairwise"},
		"id_token_signing_alg_values_supported":            []string{jwt.RS256, jwt.ES256},
		"token_endpoint_auth_methods_supported":            auth,
		"token_endpoint_auth_signing_alg_values_supported": []string{jwt.ES256, jwt.EdDSA, jwt.PS256, jwt.RS256},
		"code_challenge_methods_supported":                 []string{"S256"},
		"dpop_signing_alg_values_supported":                dpopAlgs,
		"authorization_response_iss_parameter_supported":   true,
		"require_pushed_authorization_requests":            false,
		"request_parameter_supported":                      false,
		"request_uri_parameter_supported":                  false,
		"claims_parameter_supported":                       false,
		"pre-authorized_grant_anonymous_access_supported":  true,
		"acr_values_supported":                             []string{"aal1", "aal2"},
		"prompt_values_supported":                          []string{"none", "login", "consent", "select_account"},
		"ui_locales_supported":                             r.pack.LanguageCodes(),
		"claims_supported": []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid",
			"name", "father_name", "birthdate", "adult", "gender", "national_number", "address", "phone_number"},
		"display_values_supported": []string{"page"},
		"service_documentation":    r.base + "/api",
	}
}

func (r *Room) discovery(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return publishJSON(c.W, "application/json", "300", r.providerMetadata())
}

// jwks publishes the keys ID tokens are checked with: the active, the next and
// the retired ones, so that a rotation surprises nobody.
func (r *Room) jwks(c *web.Ctx, _ gate.Permit[gate.House]) error {
	set, err := r.publicKeys(c.Context(), purposeRS256, purposeES256)
	if err != nil {
		return err
	}
	return publishJSON(c.W, "application/jwk-set+json", "300", set)
}

func (r *Room) publicKeys(ctx context.Context, purposes ...string) (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, p := range purposes {
		list, err := r.keys.Public(ctx, p)
		if err != nil {
			return set, fmt.Errorf("public keys of %s: %w", p, err)
		}
		for _, k := range list {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: k.ID, Algorithm: string(k.Alg), Use: "sig"})
		}
	}
	return set, nil
}

// ownKey finds one of our keys by kid among purposes, for tokens that come back.
func (r *Room) ownKey(ctx context.Context, kid string, purposes ...string) (any, error) {
	set, err := r.publicKeys(ctx, purposes...)
	if err != nil {
		return nil, err
	}
	for i := range set.Keys {
		if set.Keys[i].KeyID == kid {
			return &set.Keys[i], nil
		}
	}
	return nil, jwt.ErrKey
}
