package office

import (
	"fmt"

	"sarai/courtyard/store"
)

// next gives the next number of a series in a year. The row's lock holds until
// the transaction ends, so numbers have no gaps and no twins.
func next(tx *store.Tx, series string, year int) (int64, error) {
	n, err := store.Get(tx, store.Value[int64], `insert into office_series (series, year, last) values ($1, $2, 1)
		on conflict (series, year) do update set last = office_series.last + 1 returning last`, series, year)
	if err != nil {
		return 0, fmt.Errorf("number in series %s: %w", series, err)
	}
	return n, nil
}
