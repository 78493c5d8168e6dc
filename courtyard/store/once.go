package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"sarai/courtyard/fault"
)

// Once does fn at most once for a key and keeps its outcome, in the transaction
// at hand: either both the effect and the outcome are there, or neither. A
// second call with the same key and payload gets the first outcome and replayed
// is true; with another payload it is a fault Conflict "store.idempotency".
// scope keeps callers' keys apart: "payments.transfer/<client>".
func Once(tx *Tx, scope, key string, payload []byte, fn func() ([]byte, error)) (outcome []byte, replayed bool, err error) {
	digest := sha256.Sum256(payload)
	// On PostgreSQL this waits for another transaction with the same key.
	n, err := tx.Exec(`insert into store_once (scope, key, digest, at) values ($1, $2, $3, $4) on conflict (scope, key) do nothing`,
		scope, key, digest[:], Micros(tx.Now()))
	if err != nil {
		return nil, false, fmt.Errorf("store: once: %w", err)
	}
	if n == 0 {
		var kept []byte
		if err := tx.QueryRow(`select digest, outcome from store_once where scope = $1 and key = $2`, scope, key).Scan(&kept, &outcome); err != nil {
			return nil, false, fmt.Errorf("store: once: %w", err)
		}
		if !bytes.Equal(kept, digest[:]) {
			return nil, false, fault.New(fault.Conflict, "store.idempotency")
		}
		return outcome, true, nil
	}
	if outcome, err = fn(); err != nil {
		return nil, false, err
	}
	if _, err := tx.Exec(`update store_once set outcome = $3 where scope = $1 and key = $2`, scope, key, outcome); err != nil {
		return nil, false, fmt.Errorf("store: once: %w", err)
	}
	return outcome, false, nil
}

// ForgetOnce drops outcomes kept before t and gives their number.
func ForgetOnce(tx *Tx, t time.Time) (int64, error) {
	return tx.Exec(`delete from store_once where at < $1`, Micros(t))
}
