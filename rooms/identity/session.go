package identity

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// Ways of signing in, as amr values (RFC 8176).
const (
	methodPasskey    = "hwk"
	methodActivation = "otp"
	methodWindow     = "window" // the window's own session vouches: demo personas
)

const (
	sessionCookie = "sarai_id"
	sessionLife   = 8 * time.Hour
	purposeSource = "identity.source"
)

// opSession is a sign-in at the OpenID provider.
type opSession struct {
	ID       string // hash of the cookie; also sid
	Subject  string
	Method   string
	AAL      int
	SignedIn time.Time
}

// session finds who is signed in at the provider: by its own cookie, else by
// the window's session, which belongs to the same house.
func (r *Room) session(c *web.Ctx) (*opSession, error) {
	k, err := c.R.Cookie(sessionCookie)
	if err == nil && k.Value != "" {
		var s *opSession
		err := r.db.View(c.Context(), func(tx *store.Tx) error {
			got, err := store.Get(tx, func(scan store.Scan) (s opSession, err error) {
				var at, aal int64
				err = scan(&s.ID, &s.Subject, &s.Method, &aal, &at)
				s.AAL, s.SignedIn = int(aal), store.Time(at)
				return s, err
			}, `select id, subject, method, aal, signed_in from identity_session where id = $1 and expires > $2 and ended = 0`, hashed(k.Value), store.Micros(tx.Now()))
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			s = &got
			return err
		})
		if err != nil {
			return nil, err
		}
		if s != nil && s.ID != "" {
			return s, nil
		}
	}
	if c.Who.SignedIn() && (c.Who.Kind == gate.Citizen || c.Who.Kind == gate.Official) && strings.HasPrefix(c.Who.ID, "p") {
		return &opSession{ID: hashed("window " + c.Who.Session), Subject: c.Who.ID, Method: methodWindow, AAL: c.Who.AAL, SignedIn: c.Who.SignedInAt}, nil
	}
	return nil, nil
}

// begin starts a provider session after a person proved who they are and says
// so in the journal. It gives the session's id.
func (r *Room) begin(c *web.Ctx, subject, method, client string, aal int) (string, error) {
	source, err := r.source(c)
	if err != nil {
		return "", err
	}
	token := id.Token()
	err = r.db.Update(c.Context(), func(tx *store.Tx) error {
		now := tx.Now()
		if err := mayUse(tx, subject); err != nil {
			return err
		}
		_, err := tx.Exec(`insert into identity_session (id, subject, method, aal, signed_in, expires, ended, house) values ($1, $2, $3, $4, $5, $6, 0, '')`,
			hashed(token), subject, method, int64(aal), store.Micros(now), store.Micros(now.Add(sessionLife)))
		if err != nil {
			return fmt.Errorf("begin a session: %w", err)
		}
		tx.Emit(store.Event{Type: EventSignInSucceeded, Subject: "identity/person/" + subject, Actor: "citizen/" + subject,
			Data: SignInTried{Source: source, Method: methodName(method), Client: client}})
		return nil
	})
	if err != nil {
		return "", err
	}
	r.setCookie(c.W, sessionCookie, token, "/oidc", int(sessionLife/time.Second))
	return hashed(token), nil
}

// linkHouse ties a provider session to the window's session that came of it, so
// that signing out of the window signs out of the provider.
func (r *Room) linkHouse(c *web.Ctx, session string) error {
	return r.db.Update(c.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`update identity_session set house = $2 where id = $1`, session, c.Who.Session)
		return err
	})
}

// windowEnded ends the provider session behind a window's session that ended.
func windowEnded(tx *store.Tx, e store.Event) error {
	var d web.SessionEnded
	if err := e.Decode(&d); err != nil || d.Session == "" {
		return nil //nolint:nilerr // an erased payload ends nothing any more
	}
	_, err := tx.Exec(`update identity_session set ended = $2 where house = $1 and ended = 0`, d.Session, store.Micros(tx.Now()))
	return err
}

func methodName(amr string) string {
	if amr == methodActivation {
		return "activation"
	}
	return "passkey"
}

// end ends the provider's session of this browser.
func (r *Room) end(c *web.Ctx) error {
	cookies := c.R.CookiesNamed(sessionCookie)
	if len(cookies) == 0 || cookies[0].Value == "" {
		return nil
	}
	token := cookies[0].Value
	err := r.db.Update(c.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`update identity_session set ended = $2 where id = $1`, hashed(token), store.Micros(tx.Now()))
		return err
	})
	r.setCookie(c.W, sessionCookie, "", "/oidc", -1)
	return err
}

func (r *Room) setCookie(w http.ResponseWriter, name, value, path string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: path, MaxAge: maxAge, HttpOnly: true,
		Secure: strings.HasPrefix(r.base, "https:"), SameSite: http.SameSiteLaxMode})
}

// flow names this browser for the ceremonies it begins, so that a link to the
// middle of somebody else's ceremony is worth nothing.
func (r *Room) flow(c *web.Ctx) string {
	if k, err := c.R.Cookie(flowCookie); err == nil && len(k.Value) == 43 {
		return k.Value
	}
	token := id.Token()
	r.setCookie(c.W, flowCookie, token, "/", 3600)
	c.R.AddCookie(&http.Cookie{Name: flowCookie, Value: token}) // for the rest of this request
	return token
}

func (r *Room) sameFlow(c *web.Ctx, hash string) bool {
	k, err := c.R.Cookie(flowCookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(hashed(k.Value)), []byte(hash)) == 1
}

// source names where a request came from without saying it: a keyed hash of the
// network address, another one each day.
func (r *Room) source(c *web.Ctx) (string, error) {
	mac, err := r.keys.MAC(c.Context(), purposeSource, []byte(r.clock.Now().UTC().Format(time.DateOnly)), []byte(household(r.address(c.R))))
	if err != nil {
		return "", fmt.Errorf("name a source: %w", err)
	}
	return hex.EncodeToString(mac[:10]), nil
}

// Failed sign-ins: so many in an hour from one source and it has to wait. The
// count is in the database, so it holds for all processes together.
const failuresAnHour = 20

// failed counts and reports a sign-in that did not work.
func (r *Room) failed(c *web.Ctx, method, client, reason string) error {
	source, err := r.source(c)
	if err != nil {
		return err
	}
	return r.db.Update(c.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`insert into identity_attempt (source, hour, failed, latest) values ($1, $2, 1, $3)
			on conflict (source, hour) do update set failed = identity_attempt.failed + 1, latest = excluded.latest`,
			source, tx.Now().Unix()/3600, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("count a failed sign-in: %w", err)
		}
		tx.Emit(store.Event{Type: EventSignInFailed, Subject: "identity/source/" + source, Actor: "anonymous",
			Data: SignInTried{Source: source, Method: method, Client: client, Reason: reason}})
		return nil
	})
}

// limited refuses a source that has failed too often this hour. The refusal is
// itself reported, so that a burst stays visible while it is held off.
func (r *Room) limited(c *web.Ctx, method string) error {
	source, err := r.source(c)
	if err != nil {
		return err
	}
	var n int64
	err = r.db.View(c.Context(), func(tx *store.Tx) error {
		n, err = store.Get(tx, store.Value[int64], `select coalesce(sum(failed), 0) from identity_attempt where source = $1 and hour = $2`, source, tx.Now().Unix()/3600)
		return err
	})
	if err != nil || n < r.failures {
		return err
	}
	if err := r.failed(c, method, "", "limited"); err != nil {
		return err
	}
	return fault.New(fault.Limit, "identity.signin.limited")
}

// endAll ends everything a person's sign-ins have opened: a lost phone.
func (r *Room) endAll(tx *store.Tx, subject, reason string) error {
	now := store.Micros(tx.Now())
	if _, err := tx.Exec(`update identity_session set ended = $2 where subject = $1 and ended = 0`, subject, now); err != nil {
		return err
	}
	_, err := tx.Exec(`update identity_grant set revoked = $2, reason = $3 where subject = $1 and revoked = 0`, subject, now, reason)
	return err
}

// SignOutEverywhere ends the provider's sessions and takes back all tokens of a person.
func (r *Room) SignOutEverywhere(ctx context.Context, subject string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		if err := r.endAll(tx, subject, "signed-out"); err != nil {
			return err
		}
		return web.EndSessions(tx, subject)
	})
}
