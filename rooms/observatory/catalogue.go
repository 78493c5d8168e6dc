package observatory

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"sarai/courtyard/country"
	"sarai/courtyard/store"
)

// service is one of the pack's services, by name.
type service struct {
	ID   string       `yaml:"id"`
	Name country.Text `yaml:"name"`
}

// readServices reads the names of the country's services.
func readServices(files fs.FS) ([]service, error) {
	if files == nil {
		return nil, nil
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var out []service
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var s service
		if err := yaml.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("observatory: %s: %w", name, err)
		}
		if s.ID == "" {
			s.ID = strings.TrimSuffix(name, ".yaml")
		}
		out = append(out, s)
	}
	return out, nil
}

// catalogued notes, once a process, which services are offered now and since
// when; those no longer in the pack end.
func (r *Room) catalogued(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.noted {
		return nil
	}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		now := store.Micros(tx.Now())
		var ids []string
		for _, s := range r.services {
			ids = append(ids, s.ID)
			if _, err := tx.Exec(`insert into observatory_service (service, since, applications) values ($1, $2, 0)
				on conflict (service) do update set until = null`, s.ID, now); err != nil {
				return err
			}
		}
		known, err := store.List(tx, store.Value[string], `select service from observatory_service where until is null order by service`)
		if err != nil {
			return err
		}
		for _, id := range known {
			if !slices.Contains(ids, id) {
				if _, err := tx.Exec(`update observatory_service set until = $2 where service = $1`, id, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
	r.noted = err == nil
	return err
}

// serviceRow is a service behind the first figure.
type serviceRow struct {
	Service      string
	Since        int64
	Applications int64
}

func (r *Room) serviceRows(ctx context.Context) (out []serviceRow, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.List(tx, func(scan store.Scan) (s serviceRow, err error) {
			err = scan(&s.Service, &s.Since, &s.Applications)
			return s, err
		}, `select service, since, applications from observatory_service where until is null order by applications desc, service`)
		return err
	})
	return out, err
}
