package house

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"sarai/rooms/office"
	"sarai/rooms/services"
)

// seedRooms lets the rooms make their part of a synthetic country, in the order
// in which they need each other: accounts before fees, offices before files.
func (h *House) seedRooms(ctx context.Context) error {
	p, seed := h.people, h.cfg.Demo.Seed
	files, applications := 400, 240
	if h.cfg.Demo.Small {
		files, applications = 24, 12
	}
	if err := h.rooms.payments.Seed(ctx, p.Demo, p.subject); err != nil {
		return err
	}
	if err := h.seedWallets(ctx); err != nil {
		return err
	}
	if err := h.seedTenant(ctx); err != nil {
		return err
	}
	holders := make(map[string]string, len(p.Charges))
	for _, c := range p.Charges {
		holders[c.Post] = p.subject(c.Holder)
	}
	if err := h.rooms.office.Seed(ctx, office.Seed{Seed: seed, Files: files, Holders: holders}); err != nil {
		return err
	}
	list := make([]services.SeedPerson, 0, len(p.Citizens))
	for _, c := range p.Citizens {
		list = append(list, services.SeedPerson{Subject: p.subject(c.Key), Citizen: c})
	}
	return h.rooms.services.Seed(ctx, list, applications, seed)
}

// subsidyFile pays every citizen and wallet of a demonstration.
const subsidyFile = "subsidy.csv"

// seedWallets opens the wallets that were asked for and writes the file, unless
// it is there.
func (h *House) seedWallets(ctx context.Context) error {
	name := filepath.Join(h.cfg.Data, subsidyFile)
	if _, err := os.Stat(name); h.cfg.Demo.Wallets == 0 || err == nil {
		return nil
	}
	f, err := os.Create(name + ".part") //nolint:gosec // in the folder of the demonstration
	if err != nil {
		return err
	}
	err = errors.Join(h.rooms.payments.SeedWallets(ctx, h.people.Demo, h.people.subject, h.cfg.Demo.Wallets, f), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// seedTenant registers who may use the GovStack interface of a demonstration.
func (h *House) seedTenant(ctx context.Context) error {
	if h.cfg.Demo.Tenant == "" {
		return nil
	}
	f, err := os.Open(h.cfg.Demo.Tenant)
	if err != nil {
		return err
	}
	return errors.Join(h.rooms.payments.SeedTenant(ctx, f), f.Close())
}
