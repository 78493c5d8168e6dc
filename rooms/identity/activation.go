package identity

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

const activationLife = 14 * 24 * time.Hour

// Activation makes a code that lets a newly registered person in until they
// have a passkey, for at most 14 days: twelve characters, 60 bits. Only its
// hash is kept; give it to the person and to nobody else. A new code takes the
// place of the ones before; who has a passkey gets none, a Conflict
// "identity.activation.over": a way around the passkey would be weaker than it.
func (r *Room) Activation(tx *store.Tx, subject string) (string, error) {
	if has, err := hasPasskey(tx, subject); err != nil || has {
		if err == nil {
			err = fault.New(fault.Conflict, "identity.activation.over")
		}
		return "", err
	}
	if _, err := tx.Exec(`update identity_activation set used = $2 where subject = $1 and used = 0`, subject, store.Micros(tx.Now())); err != nil {
		return "", fmt.Errorf("end earlier activation codes: %w", err)
	}
	code := id.Reference(12)
	_, err := tx.Exec(`insert into identity_activation (code, subject, created, expires, used) values ($1, $2, $3, $4, 0)`,
		hashed(plainCode(code)), subject, store.Micros(tx.Now()), store.Micros(tx.Now().Add(activationLife)))
	if err != nil {
		return "", fmt.Errorf("keep an activation code: %w", err)
	}
	return code, nil
}

func hasPasskey(tx *store.Tx, subject string) (bool, error) {
	n, err := store.Get(tx, store.Value[int64], `select count(*) from identity_passkey where subject = $1`, subject)
	return n > 0, err
}

// plainCode undoes how people write codes down: dashes, spaces, small letters,
// and the letters Crockford's alphabet leaves out.
func plainCode(s string) string {
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
}

// activated finds whom a code lets in; NotFound is a fault "identity.activation.unknown".
func activated(tx *store.Tx, code string) (string, error) {
	subject, err := store.Get(tx, store.Value[string], `select subject from identity_activation where code = $1 and used = 0 and expires > $2`,
		hashed(plainCode(code)), store.Micros(tx.Now()))
	if fault.Is(err, fault.NotFound) {
		return "", fault.New(fault.Invalid, "identity.activation.unknown").At("code", "identity.activation.unknown")
	}
	return subject, err
}

func (r *Room) activatePage(c *web.Ctx, _ gate.Permit[gate.House]) error {
	return c.Render(r.activateFrame(c), activateBody(c.R.URL.Query().Get("i")))
}

func (r *Room) activateFrame(c *web.Ctx) web.Page {
	return web.Page{Title: c.T("identity.activate.title"), Kind: "question", Back: "/sign-in"}
}

// activate lets a person in by their code, to register a passkey.
func (r *Room) activate(c *web.Ctx, _ gate.Permit[gate.House]) error {
	f, err := c.Form()
	if err != nil {
		return err
	}
	code, token := f.Code("code", web.Required("identity.activate.missing")), f.Text("i")
	if err := f.Err(); err != nil {
		return c.Invalid(err, r.activateFrame(c), activateBody(token))
	}
	if err := r.limited(c, "activation"); err != nil {
		return err
	}
	var subject string
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		subject, err = activated(tx, code)
		return err
	})
	if fault.Is(err, fault.Invalid) {
		if err := r.failed(c, "activation", "", "unknown"); err != nil {
			return err
		}
		return c.Invalid(err, r.activateFrame(c), activateBody(token))
	}
	if err != nil {
		return err
	}
	session, err := r.begin(c, subject, methodActivation, "", 1)
	if fault.Is(err, fault.Forbidden) {
		if err := r.failed(c, "activation", "", "suspended"); err != nil {
			return err
		}
		return r.showSuspended(c, subject)
	}
	if err != nil {
		return err
	}
	if err := r.site.SignIn(c, web.SignIn{Person: subject, Kind: gate.Citizen, Method: "activation", AAL: 1}); err != nil {
		return err
	}
	if err := r.linkHouse(c, session); err != nil {
		return err
	}
	if out, err := r.suspendedMeanwhile(c, subject); out || err != nil {
		return err
	}
	if token != "" {
		return c.Redirect("/identity/passkey?i=" + url.QueryEscape(token))
	}
	return c.Redirect("/identity/passkey")
}
