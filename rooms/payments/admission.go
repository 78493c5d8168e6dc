package payments

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
	"sarai/rooms/payments/xmldsig"
)

// Admission is what the rail's operator says of a new connected participant.
type Admission struct {
	ID       string // short name, lower case
	Kind     string // bank, wallet
	BIC      string // ISO 9362, eight characters
	Code     string // of its IBANs, four letters or digits
	NameEn   string
	NameUr   string
	Endpoint string // https address where it takes messages
	Prefund  int64  // minor units, from the issuing account into its settlement account
	Cap      int64  // net debit cap, minor units: how far below zero its settlement account may go
	TLS      *x509.Certificate
	Sign     *x509.Certificate
}

var (
	participantID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,19}$`)
	bicForm       = regexp.MustCompile(`^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}$`)
	codeForm      = regexp.MustCompile(`^[A-Z0-9]{4}$`)
)

func (a Admission) check() error {
	wrong := func(field string) error {
		return fault.New(fault.Invalid, "payments.admission."+field).At(field, "payments.admission."+field)
	}
	switch {
	case !participantID.MatchString(a.ID):
		return wrong("id")
	case a.Kind != "bank" && a.Kind != "wallet":
		return wrong("kind")
	case !bicForm.MatchString(a.BIC):
		return wrong("bic")
	case !codeForm.MatchString(a.Code):
		return wrong("code")
	case a.NameEn == "" || a.NameUr == "":
		return wrong("name")
	case !isEndpoint(a.Endpoint):
		return wrong("endpoint")
	case a.Prefund < 0 || a.Cap < 0 || a.Prefund > ledger.MaxAmount || a.Cap > ledger.MaxAmount:
		return wrong("limit")
	case a.TLS == nil || a.Sign == nil || a.TLS.Equal(a.Sign):
		return wrong("certificate")
	}
	if _, err := xmldsig.Trust(a.Sign); err != nil {
		return wrong("certificate")
	}
	return nil
}

func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.Fragment == "" && len(s) <= 200
}

// clientsAccount is the one account of all customers of a connected participant.
func clientsAccount(bank, currency string) string { return "clients-" + bank + "-" + currency }

// Admit takes a connected participant in: its accounts, its certificates, its cap
// and its prefund. The same admission again changes nothing; another one with the
// same id or BIC is a Conflict.
func (r *Room) Admit(ctx context.Context, actor string, a Admission) error {
	if err := a.check(); err != nil {
		return err
	}
	currency := r.pack.Currency.Code
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		old, err := store.Get(tx, scanParticipant, "select "+participantAll+" from payments_participant where id = $1 or bic = $2 or code = $3", a.ID, a.BIC, a.Code)
		if err == nil {
			if old.ID != a.ID || old.BIC != a.BIC || old.Code != a.Code || !old.Connected {
				return fault.New(fault.Conflict, "payments.admission.taken")
			}
			return nil
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		now := store.Micros(tx.Now())
		if _, err := tx.Exec("insert into payments_participant ("+participantColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
			a.ID, a.Kind, a.BIC, a.Code, a.NameEn, a.NameUr, true, now, true, a.Endpoint); err != nil {
			return fmt.Errorf("write the participant: %w", err)
		}
		base := Account{Account: ledger.Account{Holder: a.ID, Currency: currency}, Kind: KindParticipant, NameEn: a.NameEn, NameUr: a.NameUr, Opened: tx.Now()}
		settle, own, clients := base, base, base
		settle.ID, settle.Book, settle.Role = settlementAccount(a.ID, currency), ledger.Rail, ledger.Settlement
		own.ID, own.Book, own.Role, own.Bottomless = ownAccount(a.ID, currency), a.ID, ledger.Own, true
		// What its customers own is the participant's business: no floor here.
		clients.ID, clients.Book, clients.Role, clients.Floor = clientsAccount(a.ID, currency), a.ID, ledger.Customer, -ledger.MaxAmount*100
		if err := insertAccounts(tx, []*Account{&settle, &own, &clients}); err != nil {
			return err
		}
		for purpose, cert := range map[string]*x509.Certificate{purposeTLS: a.TLS, purposeSign: a.Sign} {
			if err := putCertificate(tx, a.ID, purpose, cert); err != nil {
				return err
			}
		}
		tx.Emit(store.Event{Type: ParticipantAdmitted, Version: 1, Subject: "payments/participant/" + a.ID, Actor: actor, Data: ParticipantData{Participant: a.ID, Kind: a.Kind}})
		return nil
	})
	if err != nil {
		return err
	}
	r.peers.forget()
	return r.fund(ctx, actor, a)
}

// fund gives a new participant its cap and its prefund, once; it stays suspended
// until the technical test.
func (r *Room) fund(ctx context.Context, actor string, a Admission) error {
	currency := r.pack.Currency.Code
	settle := settlementAccount(a.ID, currency)
	steps := []ledger.Step{{Kind: ledger.Set, Party: "rail", Key: "cap/" + a.ID, Debit: settle, Currency: currency, Setting: ledger.Setting{Floor: -a.Cap, Blocked: true}}}
	if a.Prefund > 0 {
		steps = append(steps, ledger.Step{Kind: ledger.Post, Party: "rail", Key: "prefund/" + a.ID, Debit: issuingAccount(currency), Credit: settle, Amount: a.Prefund, Currency: currency})
	}
	errFunded := errors.New("funded before")
	// Keys are known for two days; that it was done is known for ever.
	once := func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_participant set funded = true where id = $1 and funded = false", a.ID)
		if err == nil && n == 0 {
			err = errFunded
		}
		return err
	}
	_, err := r.ledger.Do(ctx, Work{Currency: currency, Actor: actor, Steps: steps, Before: once,
		After: func(_ *store.Tx, rows []ledger.Row) error {
			for _, row := range rows {
				if !row.Accepted() {
					return fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("admission refused by the ledger: %s", row.Reason))
				}
			}
			return nil
		}})
	if errors.Is(err, errFunded) {
		return nil
	}
	return err
}

// Standing is what the operator may change of a participant.
type Standing struct {
	Suspended bool
	Cap       int64 // net debit cap, minor units
}

// SetStanding suspends or resumes a participant and gives it its cap, by a row of
// the ledger: what is reserved already may still be committed or given back. The
// key makes it idempotent.
func (r *Room) SetStanding(ctx context.Context, actor, key, id string, s Standing) error {
	currency := r.pack.Currency.Code
	if s.Cap < 0 || s.Cap > ledger.MaxAmount {
		return fault.New(fault.Invalid, "payments.admission.limit").At("limit", "payments.admission.limit")
	}
	rows, err := r.ledger.Do(ctx, Work{Currency: currency, Actor: actor,
		Before: func(tx *store.Tx) error {
			p, err := participantByID(tx, id)
			if err == nil && p.Connected && p.Tested.IsZero() && !s.Suspended {
				err = fault.New(fault.Conflict, "payments.admission.untested")
			}
			return err
		},
		Steps: []ledger.Step{{Kind: ledger.Set, Party: "operator", Key: key, Debit: settlementAccount(id, currency), Currency: currency,
			Setting: ledger.Setting{Floor: -s.Cap, Blocked: s.Suspended}}},
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if !rows[0].Accepted() {
				return fault.New(fault.NotFound, "payments.participant.unknown")
			}
			event := ParticipantResumed
			if s.Suspended {
				event = ParticipantSuspended
			}
			tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/participant/" + id, Actor: actor, Data: ParticipantData{Participant: id, Cap: s.Cap}})
			return nil
		}})
	if err == nil && len(rows) > 0 && !rows[0].Accepted() {
		return fault.New(fault.NotFound, "payments.participant.unknown")
	}
	if err == nil && !rows[0].Replayed {
		r.announce(ctx, id, s.Suspended)
	}
	return err
}

// announce tells a connected participant how it stands, when the rail is open.
func (r *Room) announce(ctx context.Context, id string, suspended bool) {
	to, rail, err := r.reach(ctx, id)
	if err == nil && to != nil {
		rail.tellStanding(to, suspended)
	}
}

// Purposes of certificates.
const (
	purposeTLS  = "tls"
	purposeSign = "sign"
)

func putCertificate(tx *store.Tx, participant, purpose string, cert *x509.Certificate) error {
	f := wire.Fingerprint(cert)
	n, err := tx.Exec("insert into payments_certificate (fingerprint, participant, purpose, der, added, revoked) values ($1, $2, $3, $4, $5, 0) on conflict (fingerprint) do nothing", f[:], participant, purpose, cert.Raw, store.Micros(tx.Now()))
	if err == nil && n == 0 {
		// One certificate for two things or two participants could be mistaken.
		return fault.New(fault.Conflict, "payments.admission.certificate").At("certificate", "payments.admission.certificate")
	}
	return err
}

// certificate is one that a participant handed over.
type certificate struct {
	participant, purpose string
	cert                 *x509.Certificate
}

func certificates(tx *store.Tx) ([]certificate, error) {
	return store.List(tx, func(scan store.Scan) (c certificate, err error) {
		var der []byte
		if err := scan(&c.participant, &c.purpose, &der); err != nil {
			return c, err
		}
		c.cert, err = x509.ParseCertificate(der)
		return c, err
	}, "select participant, purpose, der from payments_certificate where revoked = 0 order by added, participant")
}

// heard notes for the operator's page when participants last answered, or did not.
func (r *Room) heard(ctx context.Context, news map[string]health) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(news)) {
			if _, err := tx.Exec("update payments_participant set heard = case when heard < $2 then $2 else heard end, failed = case when failed < $3 then $3 else failed end where id = $1",
				id, moment(news[id].heard), moment(news[id].failed)); err != nil {
				return err
			}
		}
		return nil
	})
}

// moment is a time in a column in which 0 is never.
func moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Micros(t)
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return store.Time(micros)
}
