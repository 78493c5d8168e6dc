package identity

import (
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// methodDemonstration is the Method of a sign-in without any proof.
const methodDemonstration = "demonstration"

// Demonstrated says in the journal that the page of a demonstration is about
// to sign somebody in, as it is said of every other sign-in, and refuses whose
// identity is suspended. house asks for it, which alone has such a page.
func (r *Room) Demonstrated(c *web.Ctx, subject string) error {
	if err := r.MayUse(c.Context(), subject); err != nil {
		return err
	}
	source, err := r.source(c)
	if err != nil {
		return err
	}
	return r.db.Update(c.Context(), func(tx *store.Tx) error {
		tx.Emit(store.Event{Type: EventSignInSucceeded, Subject: "identity/person/" + subject, Actor: "citizen/" + subject,
			Data: SignInTried{Source: source, Method: methodDemonstration}})
		return nil
	})
}
