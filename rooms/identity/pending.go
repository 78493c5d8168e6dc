package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

// Kinds of things that wait for their browser or client to come back.
const (
	pendingAuthorize = "authorize" // an authorisation request the person is answering
	pendingPushed    = "pushed"    // RFC 9126
	pendingWindow    = "window"    // the window's own sign-in, between /sign-in and its callback
	pendingLogin     = "login"     // a passkey assertion asked for
	pendingRegister  = "register"  // a passkey attestation asked for
)

// hashed is what is stored of a token: whoever reads the table cannot use it.
func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// putPending keeps data under a new token, which is given back once and never stored.
func putPending(tx *store.Tx, kind string, data any, life time.Duration) (string, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	token := id.Token()
	_, err = tx.Exec(`insert into identity_pending (id, kind, data, expires) values ($1, $2, $3, $4)`,
		hashed(token), kind, string(b), store.Micros(tx.Now().Add(life)))
	if err != nil {
		return "", fmt.Errorf("keep a pending %s: %w", kind, err)
	}
	// what is begun is swept up: one job an hour, and only when there was something
	hour := tx.Now().Truncate(time.Hour)
	err = job.Put(tx, job.Job{Kind: sweepJob, Key: hour.Format(time.RFC3339), At: hour.Add(time.Hour + time.Minute)})
	return token, err
}

// getPending reads what is kept under a token; gone is a fault Gone
// "identity.pending.gone". With lock the row is held until the update ends.
func getPending(tx *store.Tx, kind, token string, into any, lock bool) error {
	q := `select data from identity_pending where id = $1 and kind = $2 and expires > $3`
	if lock {
		q += ` for update`
	}
	data, err := store.Get(tx, store.Value[string], q, hashed(token), kind, store.Micros(tx.Now()))
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Gone, "identity.pending.gone")
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(data), into)
}

// takePending is getPending that leaves nothing behind: it works once.
func takePending(tx *store.Tx, kind, token string, into any) error {
	if err := getPending(tx, kind, token, into, true); err != nil {
		return err
	}
	n, err := tx.Exec(`delete from identity_pending where id = $1`, hashed(token))
	if err == nil && n == 0 {
		return fault.New(fault.Gone, "identity.pending.gone")
	}
	return err
}

// spend uses something up: true the first time within life, false after that.
// All processes share the table, so a replay at another node fails too.
func spend(tx *store.Tx, kind, value string, life time.Duration) (bool, error) {
	n, err := tx.Exec(`insert into identity_spent (id, expires) values ($1, $2) on conflict (id) do nothing`,
		hashed(kind+"\n"+value), store.Micros(tx.Now().Add(life)))
	if err != nil {
		return false, fmt.Errorf("spend a %s: %w", kind, err)
	}
	return n == 1, nil
}

// sweep throws away what has run out.
func sweep(tx *store.Tx) error {
	now := store.Micros(tx.Now())
	day := store.Micros(tx.Now().Add(-24 * time.Hour))
	for _, q := range []string{
		`delete from identity_pending where expires < $1`,
		`delete from identity_spent where expires < $1`,
	} {
		if _, err := tx.Exec(q, now); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	// an application nobody sent is somebody's data without a purpose
	if _, err := tx.Exec(`delete from identity_application where state = 'draft' and changed < $1`, store.Micros(tx.Now().Add(-draftLife))); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, q := range []string{
		`delete from identity_code where expires < $1`,
		`delete from identity_token where expires < $1`,
		`delete from identity_session where expires < $1`,
		`delete from identity_attempt where latest < $1`,
		`update identity_offer set claims = '{}' where state <> 'open' and collected < $1 and cast(claims as text) <> '{}'`,
		// the keys of wallets are needed while a token lives, and no longer
		`update identity_credential set holder = '' where issued < $1 and holder <> ''`,
		// what a credential says is kept, sealed, as long as it can be put into another wallet
		`update identity_offer set sealed = null where sealed is not null and state <> 'open'
			and not exists (select 1 from identity_credential k where k.offer = identity_offer.id and k.status <> 1 and k.expires > $1)`,
	} {
		if _, err := tx.Exec(q, day); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

func (r *Room) sweepDo(context.Context, job.Job) (func(tx *store.Tx) error, error) { return sweep, nil }
