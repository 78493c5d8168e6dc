package payments

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"sarai/courtyard/clock"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// A ledger of three accounts as somebody would describe it who knows nothing of
// batches: what is done happens at one moment between its call and its return.
type (
	linearCall struct {
		kind     string // pay, reserve, commit, abort, read
		from, to int
		amount   int64
		transfer string
	}
	linearState struct {
		balance, held [3]int64
		open          string // transfers that are reserved: "id/from/to/amount;"
	}
)

var linearNames = []string{"ayesha", "asif", "bakery"}

func linearModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return linearState{balance: [3]int64{80_00, 80_00, 80_00}} },
		Step: func(state, input, output any) (bool, any) {
			s, c := state.(linearState), input.(linearCall)
			mark := fmt.Sprintf("%s/%d/%d/%d;", c.transfer, c.from, c.to, c.amount)
			free := s.balance[c.from] - s.held[c.from]
			switch c.kind {
			case "read":
				return output.([2]int64) == [2]int64{s.balance[c.from], s.held[c.from]}, s
			case "pay":
				if free < c.amount {
					return output.(ledger.Reason) == ledger.NoFunds, s
				}
				s.balance[c.from] -= c.amount
				s.balance[c.to] += c.amount
				return output.(ledger.Reason) == ledger.Accepted, s
			case "reserve":
				if free < c.amount {
					return output.(ledger.Reason) == ledger.NoFunds, s
				}
				s.held[c.from] += c.amount
				s.open += mark
				return output.(ledger.Reason) == ledger.Accepted, s
			}
			var there bool
			if s.open, there = cutOut(s.open, mark); !there {
				return output.(ledger.Reason) != ledger.Accepted, s
			}
			s.held[c.from] -= c.amount
			if c.kind == "commit" {
				s.balance[c.from] -= c.amount
				s.balance[c.to] += c.amount
			}
			return output.(ledger.Reason) == ledger.Accepted, s
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %v", input, output) },
	}
}

func cutOut(s, part string) (string, bool) {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return s[:i] + s[i+len(part):], true
		}
	}
	return s, false
}

// TestTheLedgerIsLinearizable lets clients of two writers pay, reserve, commit,
// abort and read at once and asks whether some order of all they did, each within
// its own time, explains every answer.
func TestTheLedgerIsLinearizable(t *testing.T) {
	t.Parallel()
	booked.EachURL(t, func(t *testing.T, url string) {
		for round := range 6 {
			db, b := town(t, freshURL(t, url, round), clock.System)
			writers := []*Sequencer{b, NewSequencer(db, karachi, nil)}
			ctx := context.Background()
			// All accounts at one bank: settlement is not what is asked here.
			must(t, db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec("update payments_account set floor = -100000000 where role = 'settlement'")
				return err
			}))
			writers[0], writers[1] = NewSequencer(db, karachi, nil), NewSequencer(db, karachi, nil)
			var mu sync.Mutex
			var history []porcupine.Operation
			began := time.Now()
			var wg sync.WaitGroup
			for client := range 5 {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(round), uint64(client))) //nolint:gosec // a script
					var mine []linearCall
					for i := range 16 {
						c := linearCall{kind: []string{"pay", "reserve", "commit", "abort", "read", "read"}[r.IntN(6)], from: r.IntN(3), amount: 1 + r.Int64N(50_00), transfer: fmt.Sprintf("%d-%d-%d", round, client, i)}
						c.to = (c.from + 1 + r.IntN(2)) % 3
						if (c.kind == "commit" || c.kind == "abort") && len(mine) > 0 {
							kind := c.kind
							c = mine[r.IntN(len(mine))]
							c.kind = kind
						}
						call := time.Since(began)
						out, err := linearDo(ctx, db, writers[r.IntN(2)], c)
						back := time.Since(began)
						if err != nil {
							t.Error(err)
							return
						}
						if c.kind == "reserve" && out == ledger.Accepted {
							mine = append(mine, c)
						}
						mu.Lock()
						history = append(history, porcupine.Operation{ClientId: client, Input: c, Call: int64(call), Output: out, Return: int64(back)})
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if result := porcupine.CheckOperationsTimeout(linearModel(), history, 20*time.Second); result == porcupine.Illegal {
				t.Fatalf("round %d: no order explains what %d operations were answered", round, len(history))
			} else if result == porcupine.Unknown {
				t.Logf("round %d: could not be decided in time", round)
			}
			holds(t, db, b)
		}
	})
}

func freshURL(t *testing.T, url string, round int) string {
	t.Helper()
	switch {
	case round == 0:
		return url
	case url[:6] == "sqlite":
		return booked.SQLite(t)
	}
	return booked.Postgres(t)
}

func linearDo(ctx context.Context, db *store.DB, q *Sequencer, c linearCall) (any, error) {
	if c.kind == "read" {
		var out [2]int64
		err := db.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow("select balance, held from payments_balance where id = $1", linearNames[c.from]).Scan(&out[0], &out[1])
		})
		return out, err
	}
	reserve := ledger.Step{Kind: ledger.Reserve, Transfer: c.transfer, Debit: linearNames[c.from], Credit: linearNames[c.to], Amount: c.amount, Currency: "PKR", Expires: time.Now().Add(time.Hour)}
	w := Work{Currency: "PKR"}
	switch c.kind {
	case "pay":
		w.Steps = []ledger.Step{reserve, {Kind: ledger.Commit, Transfer: c.transfer}}
	case "reserve":
		w.Steps = []ledger.Step{reserve}
	case "commit":
		w.Steps = []ledger.Step{{Kind: ledger.Commit, Transfer: c.transfer}}
	case "abort":
		w.Steps = []ledger.Step{{Kind: ledger.Abort, Transfer: c.transfer}}
	}
	rows, err := q.Do(ctx, w)
	if err != nil {
		return nil, err
	}
	return rows[0].Reason, nil
}
