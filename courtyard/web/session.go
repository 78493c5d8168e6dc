package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

// session is a row of web_session: somebody's browser, signed in or not.
type session struct {
	ID       string
	Visitor  string // stays the same when an anonymous visitor signs in
	Person   string // "" while nobody is signed in
	Kind     gate.Kind
	Post     string // the post acted in
	Method   string
	AAL      int
	Created  time.Time
	SignedIn time.Time
	Seen     time.Time
	Expires  time.Time
}

// SignIn is what is known once somebody has proved who they are.
type SignIn struct {
	Person string    // the pseudonym in the house
	Kind   gate.Kind // gate.Citizen, or gate.Official for somebody who holds a post
	Post   string    // the post to act in; the gate's choice when empty
	Method string    // "activation", "oidc", "demonstration"
	AAL    int       // authentication assurance level 1 to 3 (NIST SP 800-63B)
}

// SessionEnded is the data of web.session.ended, version 1. Every process
// closes the live screens of that session when it arrives.
type SessionEnded struct {
	Session string `json:"session"`
}

// seenEvery spares a write for every request: the time of the last one is kept
// to the minute.
const seenEvery = time.Minute

const sessionColumns = `id, visitor, person, kind, post, method, aal, created, signed_in, seen, expires`

func scanSession(scan store.Scan) (s session, err error) {
	var kind string
	var created, signedIn, seen, expires int64
	var aal int64
	if err = scan(&s.ID, &s.Visitor, &s.Person, &kind, &s.Post, &s.Method, &aal, &created, &signedIn, &seen, &expires); err != nil {
		return s, err
	}
	s.Kind, s.AAL = gate.ParseKind(kind), int(aal)
	s.Created, s.Seen, s.Expires = store.Time(created), store.Time(seen), store.Time(expires)
	if signedIn != 0 {
		s.SignedIn = store.Time(signedIn)
	}
	return s, nil
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// resume finds the session of a request and the principal in it.
func (s *Site) resume(c *Ctx) error {
	cookie, err := c.R.Cookie(s.cookie)
	if err != nil || cookie.Value == "" || s.db == nil {
		return nil //nolint:nilerr // no cookie: nobody in particular
	}
	var found session
	err = s.db.View(c.R.Context(), func(tx *store.Tx) (err error) {
		found, err = store.Get(tx, scanSession, `select `+sessionColumns+` from web_session where token = $1`, hashToken(cookie.Value))
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !s.alive(found) {
		// said at once, so that whatever else was opened with it ends too
		if err := s.db.Update(c.R.Context(), func(tx *store.Tx) error { return endSession(tx, found) }); err != nil {
			s.log(c, err) // nobody is signed in either way, and sweep comes by
		}
		return nil
	}
	if s.clock.Now().Sub(found.Seen) >= seenEvery && !strings.HasPrefix(c.R.URL.Path, livePath) {
		err := s.db.Update(c.R.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(`update web_session set seen = $2 where id = $1`, found.ID, store.Micros(s.clock.Now()))
			return err
		})
		if err != nil {
			return err
		}
	}
	c.session = &found
	if found.Person == "" {
		return nil
	}
	c.Who, err = s.principal(c.R.Context(), found)
	return err
}

// alive says whether a session has not run out, by either measure.
func (s *Site) alive(f session) bool {
	now := s.clock.Now()
	return now.Before(f.Expires) && now.Sub(f.Seen) < s.o.Idle
}

// principal is who the person of a session is now: posts are asked for at each
// request, so that a charge that ended a moment ago gives nothing any more.
func (s *Site) principal(ctx context.Context, f session) (gate.Principal, error) {
	who, err := s.gate.Principal(ctx, f.Person, f.Kind)
	if err != nil {
		return gate.Principal{}, err
	}
	if f.Post != "" && f.Kind == gate.Official {
		if acting, ok := who.As(f.Post); ok {
			who = acting
		}
	}
	who.Session, who.AAL, who.SignedInAt, who.Expires = f.ID, f.AAL, f.SignedIn, f.Expires
	return who, nil
}

// SignIn begins a session for a person. The token is new (a token planted
// before sign-in is worth nothing after it) and the old session is gone; what
// an anonymous visitor had begun stays reachable by Visitor.
func (s *Site) SignIn(c *Ctx, in SignIn) error {
	if in.Person == "" || (in.Kind != gate.Citizen && in.Kind != gate.Official) {
		return fault.New(fault.Internal, "web.fault.internal")
	}
	return s.begin(c, in)
}

// Visitor names this browser for forms that can be left and resumed. It begins
// an anonymous session if there is none; the name survives signing in.
func (c *Ctx) Visitor() (string, error) {
	if c.session == nil {
		if err := c.Site.begin(c, SignIn{}); err != nil {
			return "", err
		}
	}
	return c.session.Visitor, nil
}

func (s *Site) begin(c *Ctx, in SignIn) error {
	// sessions are judged by the site's clock, so they are dated by it too
	token, now := id.Token(), s.clock.Now()
	old := c.session
	fresh := session{ID: s.o.NewID(), Person: in.Person, Kind: in.Kind, Post: in.Post, Method: in.Method, AAL: in.AAL}
	fresh.Visitor = fresh.ID
	if old != nil && old.Person == "" {
		fresh.Visitor = old.Visitor
	}
	err := s.db.Update(c.Context(), func(tx *store.Tx) error {
		if old != nil {
			if err := endSession(tx, *old); err != nil {
				return err
			}
		}
		fresh.Created, fresh.Seen, fresh.Expires = now, now, now.Add(s.o.Lasts)
		var signedIn int64
		if in.Person != "" {
			fresh.SignedIn, signedIn = now, store.Micros(now)
		}
		_, err := tx.Exec(`insert into web_session (token, `+sessionColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			hashToken(token), fresh.ID, fresh.Visitor, fresh.Person, fresh.Kind.String(), fresh.Post, fresh.Method, int64(fresh.AAL),
			store.Micros(fresh.Created), signedIn, store.Micros(fresh.Seen), store.Micros(fresh.Expires))
		return err
	})
	if err != nil {
		return err
	}
	c.session = &fresh
	s.setCookie(c.W, s.cookie, token, int(s.o.Lasts/time.Second))
	if fresh.Person == "" {
		return nil
	}
	if c.Who, err = s.principal(c.Context(), fresh); err != nil {
		return err
	}
	c.enter()
	return nil
}

// SignOut ends the session and, in every process, its live screens.
func (s *Site) SignOut(c *Ctx) error {
	if c.session == nil {
		return nil
	}
	ended := *c.session
	if err := s.db.Update(c.Context(), func(tx *store.Tx) error { return endSession(tx, ended) }); err != nil {
		return err
	}
	s.hub.end(ended.ID)
	c.session, c.Who = nil, gate.Principal{}
	s.setCookie(c.W, s.cookie, "", -1)
	c.enter()
	return nil
}

// EndSessions signs a person out everywhere: a lost phone, a changed key.
func EndSessions(tx *store.Tx, person string) error {
	if person == "" {
		return nil
	}
	all, err := store.List(tx, scanSession, `select `+sessionColumns+` from web_session where person = $1 order by id for update`, person)
	if err != nil {
		return err
	}
	for _, f := range all {
		if err := endSession(tx, f); err != nil {
			return err
		}
	}
	return nil
}

func endSession(tx *store.Tx, f session) error {
	n, err := tx.Exec(`delete from web_session where id = $1`, f.ID)
	if err != nil || n == 0 || f.Person == "" {
		return err
	}
	tx.Emit(store.Event{Type: "web.session.ended", Version: 1, Subject: "web/session/" + f.ID, Actor: "system/web", Data: SessionEnded{Session: f.ID}})
	return nil
}

// act makes the person of the session act in another post held.
func (s *Site) act(c *Ctx, post string) error {
	acting, ok := c.Who.As(post)
	if !ok || c.session == nil {
		return fault.New(fault.Forbidden, "web.post.not-held")
	}
	err := s.db.Update(c.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`update web_session set post = $2, kind = $3 where id = $1`, c.session.ID, post, gate.Official.String())
		return err
	})
	if err != nil {
		return err
	}
	c.Who = acting
	return nil
}

// sessionByID reads a session again, for live screens that stay open.
func (s *Site) sessionByID(ctx context.Context, id string) (found session, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = store.Get(tx, scanSession, `select `+sessionColumns+` from web_session where id = $1`, id)
		return err
	})
	return found, err
}

// sweepAtOnce is how many sessions end in one update: others write in between.
const sweepAtOnce = 200

// sweep ends sessions that ran out, every ten minutes.
func (s *Site) sweep(ctx context.Context) {
	if s.db == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Minute):
		}
		if err := s.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "sweeping sessions failed", "error", err)
		}
	}
}

func (s *Site) sweepOnce(ctx context.Context) error {
	for {
		var n int
		now := s.clock.Now()
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			over, err := store.List(tx, scanSession, `select `+sessionColumns+` from web_session where expires <= $1 or seen <= $2 order by id limit $3 for update skip locked`,
				store.Micros(now), store.Micros(now.Add(-s.o.Idle)), sweepAtOnce)
			n = len(over)
			for _, f := range over {
				if err == nil {
					err = endSession(tx, f)
				}
			}
			return err
		})
		if err != nil || n < sweepAtOnce {
			return err
		}
	}
}

// setCookie writes a cookie of the site: for the whole site, not for scripts,
// not for requests other sites make.
func (s *Site) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
