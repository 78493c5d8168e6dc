package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// SealPurpose is the purpose whose key seals kept answers (A256GCM).
const SealPurpose = "api.answer"

// Sealer seals what is kept: keys.Ring.
type Sealer interface {
	Seal(ctx context.Context, purpose string, plaintext, aad []byte) ([]byte, error)
	Open(ctx context.Context, purpose string, sealed, aad []byte) ([]byte, error)
}

const (
	pruneAtOnce = 500 // rows of one update: others write in between
	keepAnswers = 24 * time.Hour
	// stuck is how long a command may run before another try may take over:
	// longer than any handler, shorter than a person's patience.
	stuck = 30 * time.Second
)

// Key names one command of one caller.
type Key struct {
	Scope   string // operation and caller
	Value   string // the caller's Idempotency-Key
	Request []byte // SHA-256 of method, address and body
}

// newKey reads the Idempotency-Key of a request.
func newKey(r *http.Request, operation string, body []byte) (Key, error) {
	value := r.Header.Get("Idempotency-Key")
	if len(value) < 16 || len(value) > 255 || len(r.Header.Values("Idempotency-Key")) > 1 {
		f := fault.New(fault.Invalid, "api.idempotency-key").At("header.Idempotency-Key", "api.idempotency-key")
		return Key{}, answered{f, http.StatusBadRequest}
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s\n", r.Method, r.URL.RequestURI())
	_, _ = h.Write(body)
	who := gate.From(r.Context())
	return Key{Scope: operation + "/" + who.Actor() + "/" + who.ID, Value: value, Request: h.Sum(nil)}, nil
}

// CommandKey gives the key of the running command, for a handler that hands it
// on as the key of a transfer or a job; zero outside idempotent operations.
func CommandKey(ctx context.Context) Key {
	if c := of(ctx); c != nil {
		return c.key
	}
	return Key{}
}

// String is one unguessable word for the command.
func (k Key) String() string {
	if k.Value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(k.Scope + "\x00" + k.Value))
	return hex.EncodeToString(sum[:])
}

// bound is what a kept answer is sealed to: it opens for this command only.
func (k Key) bound() []byte {
	return fmt.Appendf(nil, "%d %s\n%d %s\n%x", len(k.Scope), k.Scope, len(k.Value), k.Value, k.Request)
}

// Once is store.Once under the running command's key: inside the handler's own
// transaction it makes effect and outcome one, whatever happens afterwards.
// Outside an idempotent operation it just runs fn.
func Once(ctx context.Context, tx *store.Tx, fn func() ([]byte, error)) (outcome []byte, replayed bool, err error) {
	k := CommandKey(ctx)
	if k.Value == "" {
		outcome, err = fn()
		return outcome, false, err
	}
	return store.Once(tx, "api/"+k.Scope, k.Value, k.Request, fn)
}

// once answers a command once: it claims the key, runs, and keeps the answer.
func once[O any](ctx context.Context, a *API, run func() (*O, error)) (*O, error) {
	c := of(ctx)
	kept, err := a.claim(ctx, c.key)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		c.out.SetHeader("Idempotency-Replayed", "true")
		if kept.refusal != nil {
			return nil, kept.refusal
		}
		out := new(O)
		d := json.NewDecoder(bytes.NewReader(kept.answer))
		d.UseNumber() // a large number in a field of any type stays what it was
		if err := d.Decode(out); err != nil {
			return nil, fmt.Errorf("api: read a kept answer: %w", err)
		}
		return out, nil
	}
	out, failed := run()
	// the caller may have gone; what happened must still be noted
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.keep(ctx, c.key, out, failed); err != nil {
		a.logger.ErrorContext(ctx, "an answer could not be kept", "cause", err.Error())
	}
	return out, failed
}

type keptAnswer struct {
	answer  []byte
	refusal error
}

// claim takes the key for this request; or gives the answer it had before.
func (a *API) claim(ctx context.Context, k Key) (*keptAnswer, error) {
	var had *answerRow
	err := a.db.Update(ctx, func(tx *store.Tx) error {
		had = nil
		now := tx.Now()
		if _, err := tx.Exec(`delete from api_answer where scope = $1 and key = $2 and at < $3`, k.Scope, k.Value, store.Micros(now.Add(-keepAnswers))); err != nil {
			return err
		}
		n, err := tx.Exec(`insert into api_answer (scope, key, request, at, running_until) values ($1, $2, $3, $4, $5) on conflict (scope, key) do nothing`,
			k.Scope, k.Value, k.Request, store.Micros(now), store.Micros(now.Add(stuck)))
		if err != nil || n == 1 {
			return err
		}
		row, err := store.Get(tx, scanAnswer, `select request, running_until, answer, refusal from api_answer where scope = $1 and key = $2 for update`, k.Scope, k.Value)
		switch {
		case err != nil:
			return err
		case string(row.request) != string(k.Request):
			return fault.New(fault.Invalid, "api.idempotency-reused")
		case row.runningUntil != nil && *row.runningUntil > store.Micros(now):
			return fault.New(fault.Conflict, "api.idempotency-running")
		case row.runningUntil != nil: // the house died while it ran
			_, err := tx.Exec(`update api_answer set running_until = $3 where scope = $1 and key = $2`, k.Scope, k.Value, store.Micros(now.Add(stuck)))
			return err
		}
		had = &row
		return nil
	})
	if err != nil || had == nil {
		return nil, err
	}
	kept := &keptAnswer{}
	if len(had.refusal) > 0 {
		text, err := a.open(ctx, k, had.refusal)
		if err != nil {
			return nil, err
		}
		kept.refusal = readRefusal(text)
		return kept, nil
	}
	kept.answer, err = a.open(ctx, k, had.answer)
	return kept, err
}

// open opens what keep sealed. That it does not open is our fault, whatever
// the ring calls it.
func (a *API) open(ctx context.Context, k Key, sealed []byte) ([]byte, error) {
	text, err := a.sealer.Open(ctx, SealPurpose, sealed, k.bound())
	if err != nil {
		return nil, fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("api: open a kept answer: %w", err))
	}
	return text, nil
}

// keep notes the answer, or gives the key back when nothing was decided.
func (a *API) keep(ctx context.Context, k Key, out any, failed error) error {
	var text []byte
	var err error
	column := "answer"
	switch kind := fault.KindOf(failed); {
	case failed == nil:
		text, err = json.Marshal(out)
	case kind == fault.Conflict || kind == fault.Gone:
		column = "refusal"
		text, err = writeRefusal(failed)
	default:
		return a.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`delete from api_answer where scope = $1 and key = $2 and running_until is not null`, k.Scope, k.Value)
			return err
		})
	}
	if err != nil {
		return err
	}
	// an answer is about somebody: whoever gets at the table reads nothing in it
	sealed, err := a.sealer.Seal(ctx, SealPurpose, text, k.bound())
	if err != nil {
		return err
	}
	return a.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`update api_answer set running_until = null, `+column+` = $3 where scope = $1 and key = $2`, k.Scope, k.Value, sealed)
		return err
	})
}

// Prune throws away answers that were kept for a day. The courtyard asks for
// it every hour.
func (a *API) Prune(ctx context.Context) (gone int64, err error) {
	for {
		var n int64
		err := a.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(fmt.Sprintf(`delete from api_answer where (scope, key) in (select scope, key from api_answer where at < $1 order by at limit %d)`, pruneAtOnce),
				store.Micros(tx.Now().Add(-keepAnswers)))
			return err
		})
		if gone += n; err != nil {
			return gone, fmt.Errorf("api: prune answers: %w", err)
		}
		if n < pruneAtOnce {
			return gone, nil
		}
	}
}

type answerRow struct {
	request, answer, refusal []byte
	runningUntil             *int64
}

func scanAnswer(scan store.Scan) (r answerRow, err error) {
	err = scan(&r.request, &r.runningUntil, &r.answer, &r.refusal)
	return r, err
}

// keptRefusal is a fault without its cause, which is the log's.
type keptRefusal struct {
	Kind   fault.Kind        `json:"kind"`
	Key    string            `json:"key"`
	Args   map[string]string `json:"args,omitempty"`
	Fields []fault.Field     `json:"fields,omitempty"`
}

func writeRefusal(err error) ([]byte, error) {
	f := fault.As(err)
	return json.Marshal(keptRefusal{f.Kind, f.Key, f.Args, f.Fields})
}

func readRefusal(b []byte) error {
	var k keptRefusal
	if err := json.Unmarshal(b, &k); err != nil {
		return fmt.Errorf("api: read a kept refusal: %w", errors.Join(err))
	}
	return &fault.Error{Kind: k.Kind, Key: k.Key, Args: k.Args, Fields: k.Fields}
}
