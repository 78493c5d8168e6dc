package identity

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/store"
)

// Passkey is a WebAuthn credential a person signs in with.
type Passkey struct {
	ID       string // base64url
	Subject  string
	Label    string
	Eligible bool // may be copied to the person's other devices
	Backed   bool // has been copied, when last seen
	Created  time.Time
	Used     time.Time
	record   webauthn.Credential
}

const passkeyColumns = `id, subject, record, label, eligible, backed, created, used`

func scanPasskey(scan store.Scan) (p Passkey, err error) {
	var record string
	var eligible, backed, created, used int64
	if err := scan(&p.ID, &p.Subject, &record, &p.Label, &eligible, &backed, &created, &used); err != nil {
		return p, err
	}
	p.Eligible, p.Backed, p.Created, p.Used = eligible == 1, backed == 1, store.Time(created), store.Time(used)
	return p, json.Unmarshal([]byte(record), &p.record)
}

// Passkeys lists a person's passkeys, oldest first.
func (r *Room) Passkeys(ctx context.Context, subject string) (list []Passkey, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanPasskey, `select `+passkeyColumns+` from identity_passkey where subject = $1 order by created, id`, subject)
		return err
	})
	return list, err
}

// keyholder is a person as the WebAuthn library wants to see one. The handle is
// random: it stands in the authenticator and must say nothing.
type keyholder struct {
	handle []byte
	name   string
	keys   []webauthn.Credential
}

func (k keyholder) WebAuthnID() []byte                         { return k.handle }
func (k keyholder) WebAuthnName() string                       { return k.name }
func (k keyholder) WebAuthnDisplayName() string                { return k.name }
func (k keyholder) WebAuthnCredentials() []webauthn.Credential { return k.keys }

// ceremony is a challenge that waits for its answer.
type ceremony struct {
	Session webauthn.SessionData `json:"session"`
	Subject string               `json:"subject,omitempty"`
	Flow    string               `json:"flow"`
}

const ceremonyLife = 10 * time.Minute

// maxCredential is the longest answer of an authenticator that is read, in bytes.
const maxCredential = 32 << 10

// handleOf gives a person's random user handle, and makes it the first time.
func (r *Room) handleOf(ctx context.Context, subject string) (raw []byte, err error) {
	fresh := id.Token()
	var handle string
	err = r.db.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err := tx.Exec(`insert into identity_handle (subject, handle) values ($1, $2) on conflict (subject) do nothing`, subject, fresh); err != nil {
			return err
		}
		handle, err = store.Get(tx, store.Value[string], `select handle from identity_handle where subject = $1`, subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.DecodeString(handle)
}

// askRegistration makes the options for a new passkey and keeps the challenge:
// discoverable, user verification required, no attestation wanted.
func (r *Room) askRegistration(ctx context.Context, subject, flow string) (options []byte, token string, err error) {
	name, _, err := r.Name(ctx, subject)
	if err != nil {
		return nil, "", err
	}
	keys, err := r.Passkeys(ctx, subject)
	if err != nil {
		return nil, "", err
	}
	if len(keys) >= 20 {
		return nil, "", fault.New(fault.Limit, "identity.passkey.limit")
	}
	holder := keyholder{name: name}
	for _, k := range keys {
		holder.keys = append(holder.keys, k.record)
	}
	if holder.handle, err = r.handleOf(ctx, subject); err != nil {
		return nil, "", err
	}
	creation, session, err := r.webauthn.BeginRegistration(holder,
		webauthn.WithExclusions(webauthn.Credentials(holder.keys).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		}),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	if err != nil {
		return nil, "", fmt.Errorf("begin a passkey registration: %w", err)
	}
	if options, err = json.Marshal(creation.Response); err != nil {
		return nil, "", err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		token, err = putPending(tx, pendingRegister, ceremony{Session: *session, Subject: subject, Flow: hashed(flow)}, ceremonyLife)
		return err
	})
	return options, token, err
}

// ceremonyOf reads a challenge that waits, without using it up: what answers it
// is checked beside any update, and only a good answer takes it.
func (r *Room) ceremonyOf(ctx context.Context, kind, token, flow string) (w ceremony, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error { return getPending(tx, kind, token, &w, false) })
	if err == nil && w.Flow != hashed(flow) {
		err = fault.New(fault.Gone, "identity.pending.gone")
	}
	return w, err
}

// spoil ends a challenge that was answered badly: a guess is good for one try.
func (r *Room) spoil(ctx context.Context, kind, token string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`delete from identity_pending where id = $1 and kind = $2`, hashed(token), kind)
		return err
	})
}

// register checks an authenticator's answer and keeps the new passkey. The
// person's activation codes end with the first one.
func (r *Room) register(ctx context.Context, subject, token, flow, label string, answer []byte) error {
	if len(answer) > maxCredential {
		return fault.New(fault.TooLarge, "identity.passkey.refused")
	}
	refused := func(err error) error { return fault.New(fault.Invalid, "identity.passkey.refused").Because(err) }
	parsed, err := protocol.ParseCredentialCreationResponseBody(bytes.NewReader(answer))
	if err != nil {
		return refused(err)
	}
	name, _, err := r.Name(ctx, subject)
	if err != nil {
		return err
	}
	w, err := r.ceremonyOf(ctx, pendingRegister, token, flow)
	if err != nil {
		return err
	}
	if w.Subject != subject {
		return fault.New(fault.Gone, "identity.pending.gone")
	}
	credential, err := r.webauthn.CreateCredential(keyholder{handle: w.Session.UserID, name: name}, w.Session, parsed)
	if err != nil {
		if spoilt := r.spoil(ctx, pendingRegister, token); spoilt != nil {
			return spoilt
		}
		return refused(err)
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		if err := takePending(tx, pendingRegister, token, &ceremony{}); err != nil {
			return err
		}
		now := store.Micros(tx.Now())
		_, err := tx.Exec(`insert into identity_passkey (id, subject, record, label, eligible, backed, created, used) values ($1, $2, $3, $4, $5, $6, $7, 0)`,
			base64.RawURLEncoding.EncodeToString(credential.ID), subject, string(record), label, bit(credential.Flags.BackupEligible), bit(credential.Flags.BackupState), now)
		if store.IsUnique(err) {
			return fault.New(fault.Conflict, "identity.passkey.known")
		}
		if err != nil {
			return fmt.Errorf("keep a passkey: %w", err)
		}
		if _, err := tx.Exec(`update identity_activation set used = $2 where subject = $1 and used = 0`, subject, now); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: EventPasskeyRegistered, Subject: "identity/person/" + subject, Actor: "citizen/" + subject,
			Data: PasskeyAdded{Eligible: credential.Flags.BackupEligible, Backed: credential.Flags.BackupState}})
		return nil
	})
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// askAssertion makes the options for signing in with a discoverable passkey:
// no name is asked for, and none is given away.
func (r *Room) askAssertion(ctx context.Context, flow string) (options []byte, token string, err error) {
	assertion, session, err := r.webauthn.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", fmt.Errorf("begin a sign-in: %w", err)
	}
	if options, err = json.Marshal(assertion.Response); err != nil {
		return nil, "", err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		token, err = putPending(tx, pendingLogin, ceremony{Session: *session, Flow: hashed(flow)}, ceremonyLife)
		return err
	})
	return options, token, err
}

// assert checks an authenticator's answer and gives whose passkey it is. Every
// refusal is the same fault Unauthenticated: why is for the operator. A person
// who proved who they are and is suspended is a Forbidden with the subject.
func (r *Room) assert(ctx context.Context, token, flow string, answer []byte) (subject string, err error) {
	refused := func(err error) error {
		return fault.New(fault.Unauthenticated, "identity.passkey.refused").Because(err)
	}
	if len(answer) > maxCredential {
		return "", refused(fmt.Errorf("answer of %d bytes", len(answer)))
	}
	parsed, err := protocol.ParseCredentialRequestResponseBody(bytes.NewReader(answer))
	if err != nil {
		return "", refused(err)
	}
	w, err := r.ceremonyOf(ctx, pendingLogin, token, flow)
	if err != nil {
		return "", err
	}
	var found Passkey
	find := func(rawID, handle []byte) (webauthn.User, error) {
		var raw []byte
		if found, raw, err = r.passkey(ctx, base64.RawURLEncoding.EncodeToString(rawID)); err != nil {
			return nil, err
		}
		if !bytes.Equal(raw, handle) {
			return nil, errors.New("the passkey and its handle do not belong together")
		}
		// Synced passkeys flip their backup eligibility in practice: that is
		// worth keeping, and no reason to lock their owner out.
		found.record.Flags.BackupEligible = parsed.Response.AuthenticatorData.Flags.HasBackupEligible()
		return keyholder{handle: raw, keys: []webauthn.Credential{found.record}}, nil
	}
	_, credential, err := r.webauthn.ValidatePasskeyLogin(find, w.Session, parsed)
	if err != nil {
		if spoilt := r.spoil(ctx, pendingLogin, token); spoilt != nil {
			return "", spoilt
		}
		return "", refused(err)
	}
	// The library keeps the larger counter; what counts is the one that came.
	credential.Authenticator.SignCount = parsed.Response.AuthenticatorData.Counter
	credential.Authenticator.CloneWarning = false
	record, err := json.Marshal(credential)
	if err != nil {
		return "", err
	}
	outcome := error(nil)
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		outcome = nil
		if err := takePending(tx, pendingLogin, token, &ceremony{}); err != nil {
			return err
		}
		now, err := store.Get(tx, scanPasskey, `select `+passkeyColumns+` from identity_passkey where id = $1 for update`, found.ID)
		if err != nil {
			return refused(err)
		}
		// The signature was checked beside this update; the counter is compared
		// with what is there now, so that of two sign-ins at the same moment the
		// second is measured against the first.
		if !rises(now.record.Authenticator.SignCount, credential.Authenticator.SignCount) {
			outcome = refused(fmt.Errorf("the counter went from %d to %d: there may be two of this authenticator", now.record.Authenticator.SignCount, credential.Authenticator.SignCount))
			return nil // the challenge is spent all the same
		}
		_, err = tx.Exec(`update identity_passkey set record = $2, eligible = $3, backed = $4, used = $5 where id = $1`,
			found.ID, string(record), bit(credential.Flags.BackupEligible), bit(credential.Flags.BackupState), store.Micros(tx.Now()))
		if err != nil {
			return err
		}
		p, err := person(tx, found.Subject)
		if err != nil {
			return refused(err)
		}
		if !p.Active() {
			outcome = fault.New(fault.Forbidden, "identity.person.suspended")
		}
		return nil
	})
	if err == nil {
		err = outcome
	}
	if err != nil && !fault.Is(err, fault.Forbidden) {
		return "", err
	}
	return found.Subject, err
}

// rises says whether a signature counter may follow another (WebAuthn Level 3
// section 7.2 step 22). Authenticators that do not count always say zero.
func rises(kept, came uint32) bool { return came > kept || came == 0 && kept == 0 }

// passkey gives a passkey and its person's user handle.
func (r *Room) passkey(ctx context.Context, id string) (found Passkey, handle []byte, err error) {
	var kept string
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if found, err = store.Get(tx, scanPasskey, `select `+passkeyColumns+` from identity_passkey where id = $1`, id); err != nil {
			return err
		}
		kept, err = store.Get(tx, store.Value[string], `select handle from identity_handle where subject = $1`, found.Subject)
		return err
	})
	if err != nil {
		return found, nil, err
	}
	handle, err = base64.RawURLEncoding.DecodeString(kept)
	return found, handle, err
}
