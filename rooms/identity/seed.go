package identity

import (
	"context"
	"fmt"

	"sarai/courtyard/store"
)

// SeedPerson is a person of a synthetic country.
type SeedPerson = NewPerson

// Seed registers the people of a synthetic country and gives their subjects in
// the same order. Those who are there already are left as they are. It emits
// no event a person but one for each few hundred: the seed is the state the
// journal begins from.
func (r *Room) Seed(ctx context.Context, people []SeedPerson) ([]string, error) {
	subjects := make([]string, 0, len(people))
	const chunk = 250
	for at := 0; at < len(people); at += chunk {
		part := people[at:min(at+chunk, len(people))]
		prepared := make([]Prepared, 0, len(part))
		for i, np := range part {
			if np.Source == "" {
				np.Source = "seed"
			}
			p, err := r.Prepare(ctx, np)
			if err != nil {
				return nil, fmt.Errorf("seed person %d: %w", at+i, err)
			}
			prepared = append(prepared, p)
			subjects = append(subjects, p.Subject)
		}
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			entered := int64(0)
			for _, p := range prepared {
				n, err := insertPerson(tx, p)
				if err != nil {
					return err
				}
				entered += n
			}
			if entered > 0 {
				tx.Emit(store.Event{Type: EventRegisterOpened, Subject: "identity/register", Actor: "system/identity", Data: Opened{Persons: entered}})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("seed persons: %w", err)
		}
	}
	return subjects, nil
}
