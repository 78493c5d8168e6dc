package house

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"sarai/courtyard/store"
	"sarai/house/journey"
	"sarai/rooms/identity"
)

// TestADemonstrationsSignInIsSaid: becoming somebody with one click is said in
// the journal as every sign-in is, by its own method.
func TestADemonstrationsSignInIsSaid(t *testing.T) {
	h := openHouse(t, Config{})
	persona(t, h, "nadia", "en")
	nadia := h.people.subject("nadia")
	var said []store.Event
	for end := time.Now().Add(5 * time.Second); len(said) == 0; time.Sleep(20 * time.Millisecond) {
		var err error
		if said, err = h.court.Journal.Read(t.Context(), 0, 10, identity.EventSignInSucceeded); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("nobody said that nadia signed in")
		}
	}
	var d identity.SignInTried
	if err := json.Unmarshal(said[0].Payload, &d); err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || said[0].Actor != "citizen/"+nadia || said[0].Subject != "identity/person/"+nadia || d.Method != "demonstration" || d.Source == "" {
		t.Errorf("%d sign-ins, the first by %s: %+v", len(said), said[0].Actor, d)
	}

	// everybody's first page opens
	for _, persona := range h.court.Pack.Personas {
		p, err := journey.NewBrowser(h.Base(), "ur").PostForm(t.Context(), "/demo/sign-in", url.Values{"persona": {persona.ID}})
		if err != nil || p.Status != http.StatusOK {
			t.Errorf("%s does not come in: %v %v", persona.ID, p.Status, err)
		}
	}

	// whose identity is suspended does not sign in here either
	if err := h.court.DB.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`update identity_person set state = 'suspended' where subject = $1`, nadia)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	p, err := journey.NewBrowser(h.Base(), "en").PostForm(t.Context(), "/demo/sign-in", url.Values{"persona": {"nadia"}})
	if err != nil || p.Status != http.StatusForbidden {
		t.Errorf("a suspended persona signs in: %v %v", p, err)
	}
}
