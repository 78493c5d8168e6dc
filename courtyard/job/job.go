package job

import (
	"encoding/json"
	"fmt"
	"time"

	"sarai/courtyard/store"
)

// Job is one piece of work.
type Job struct {
	Kind string    // names the handler: "identity.credential.expire"
	Key  string    // at most one job of a kind waits under a key; the job's id if ""
	At   time.Time // not before; at once if zero
	Data any       // becomes JSON; must hold no secret

	ID      string          // set by Put
	Attempt int             // from 1, when it runs
	Payload json.RawMessage // Data as it was stored
	Created time.Time
}

// Decode reads the job's data into v.
func (j Job) Decode(v any) error {
	if err := json.Unmarshal(j.Payload, v); err != nil {
		return fmt.Errorf("job: %s %s: %w", j.Kind, j.ID, err)
	}
	return nil
}

// topic is woken when a commit carried a job.
const topic = "job"

// Put puts a job on the queue, if tx commits. A job that waits under the same
// kind and key is replaced: its time and data are now these.
func Put(tx *store.Tx, j Job) error {
	data, err := json.Marshal(j.Data)
	if err != nil {
		return fmt.Errorf("job: put %s: %w", j.Kind, err)
	}
	if j.Kind == "" {
		return fmt.Errorf("job: put: a job without a kind")
	}
	j.ID = tx.NewID()
	if j.Key == "" {
		j.Key = j.ID
	}
	if j.At.IsZero() {
		j.At = tx.Now()
	}
	if _, err := tx.Exec(`insert into job_task (id, kind, key, state, at, data, attempts, created) values ($1, $2, $3, 'waiting', $4, $5, 0, $6)
		on conflict (kind, key) where state = 'waiting' do update set at = excluded.at, data = excluded.data, attempts = 0, trouble = null`,
		j.ID, j.Kind, j.Key, store.Micros(j.At), json.RawMessage(data), store.Micros(tx.Now())); err != nil {
		return fmt.Errorf("job: put %s: %w", j.Kind, err)
	}
	tx.Wake(topic)
	return nil
}

// Cancel takes back the job that waits under a key, if tx commits; no such job
// is no error. A job that runs already is not stopped.
func Cancel(tx *store.Tx, kind, key string) error {
	if _, err := tx.Exec(`delete from job_task where kind = $1 and key = $2 and state = 'waiting'`, kind, key); err != nil {
		return fmt.Errorf("job: cancel %s: %w", kind, err)
	}
	return nil
}
