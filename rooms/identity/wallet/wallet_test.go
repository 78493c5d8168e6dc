package wallet_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sarai/rooms/identity/oid4vci"
	"sarai/rooms/identity/wallet"
)

// issuer is one that lies in one place at a time.
func issuer(t *testing.T, answers map[string]string) *httptest.Server {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, strings.ReplaceAll(a, "{me}", s.URL))
	}))
	t.Cleanup(s.Close)
	return s
}

// The good path is proved against the real room in rooms/identity; here are
// the answers a wallet must not believe.
func TestAWalletBelievesNoAnswerUnchecked(t *testing.T) {
	offer := `{"credential_issuer":"{me}","credential_configuration_ids":["a"],"grants":{"urn:ietf:params:oauth:grant-type:pre-authorized_code":{"pre-authorized_code":"c"}}}`
	meta := `{"credential_issuer":"{me}","credential_endpoint":"{me}/c","nonce_endpoint":"{me}/n","credential_configurations_supported":{"a":{"format":"dc+sd-jwt","vct":"v"}}}`
	server := `{"issuer":"{me}","token_endpoint":"{me}/t"}`
	token := `{"access_token":"x","token_type":"Bearer"}`
	nonce := `{"c_nonce":"n"}`
	good := map[string]string{"/o": offer, oid4vci.WellKnown: meta, "/.well-known/oauth-authorization-server": server, "/t": token, "/n": nonce,
		"/c": `{"credentials":[{"credential":"e30.e30.e30~"}]}`, "/.well-known/jwt-vc-issuer": `{"issuer":"{me}","jwks":{"keys":[]}}`}
	for story, c := range map[string]struct{ path, answer, want string }{
		"no offer":                        {"/o", "", "offer"},
		"an offer without a code":         {"/o", `{"credential_issuer":"{me}","credential_configuration_ids":["a"]}`, "pre-authorized"},
		"another issuer's metadata":       {oid4vci.WellKnown, strings.ReplaceAll(meta, `"credential_issuer":"{me}"`, `"credential_issuer":"https://evil.example"`), "another issuer"},
		"a credential it does not offer":  {oid4vci.WellKnown, strings.ReplaceAll(meta, `"a":`, `"b":`), "does not describe"},
		"another server's metadata":       {"/.well-known/oauth-authorization-server", `{"issuer":"https://evil.example","token_endpoint":"x"}`, "another's"},
		"a token of another kind":         {"/t", `{"access_token":"x","token_type":"mac"}`, "bearer"},
		"more credentials than asked for": {"/c", `{"credentials":[{"credential":"a"},{"credential":"b"}]}`, "asked for 1"},
		"a credential nobody signed":      {"/c", good["/c"], "key"},
		"an answer without end":           {"/o", strings.Repeat("x", 2<<20), "longer than"},
		"keys of another issuer":          {"/.well-known/jwt-vc-issuer", `{"issuer":"https://evil.example","jwks":{"keys":[]}}`, "another issuer's"},
	} {
		answers := map[string]string{}
		for p, a := range good {
			answers[p] = a
		}
		answers[c.path] = c.answer
		s := issuer(t, answers)
		w := &wallet.Wallet{}
		_, err := w.Collect(context.Background(), oid4vci.ByReference(s.URL+"/o"), "", 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", story, err, c.want)
		}
		if len(w.Held) != 0 {
			t.Errorf("%s: something is in the wallet", story)
		}
	}
}
