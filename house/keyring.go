package house

import (
	"context"
	"errors"

	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

// Keys lists all keys of a country, without their material.
func Keys(ctx context.Context, cfg Config) (list []*keys.Key, err error) {
	err = withRing(ctx, cfg, func(r *keys.Ring) (err error) {
		list, err = r.List(ctx)
		return err
	})
	return list, err
}

// RotateKey gives a purpose a new key. What was signed or sealed with the old
// one stays valid. A running house sees it within a second.
func RotateKey(ctx context.Context, cfg Config, purpose string) error {
	return withRing(ctx, cfg, func(r *keys.Ring) error { return r.Rotate(ctx, purpose) })
}

// ResealKeys seals all keys under the master key in file, made if need be.
func ResealKeys(ctx context.Context, cfg Config, file string) error {
	to, err := keys.MasterFile(file, true)
	if err != nil {
		return err
	}
	return withRing(ctx, cfg, func(r *keys.Ring) error { return r.Reseal(ctx, to) })
}

func withRing(ctx context.Context, cfg Config, do func(*keys.Ring) error) error {
	master, err := cfg.Master(false)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg.OpenStore())
	if err != nil {
		return err
	}
	err = func() error {
		c, err := unopened(db)
		if err != nil {
			return err
		}
		ring, err := keys.New(db, keys.Options{Master: master, Authority: "CN=Sarai House CA,O=" + c.Pack.Names.In("en")})
		if err != nil {
			return err
		}
		c.Keys = ring
		if _, err := furnish(c); err != nil { // declares the purposes
			return err
		}
		return do(ring)
	}()
	return errors.Join(err, db.Close())
}
