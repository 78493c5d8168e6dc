package identity

import (
	"context"
	"encoding/base64"
	"fmt"
)

const purposeSector = "identity.sector.pseudonym"

// Pseudonym is how a person is called in a sector: a room, an agency or an
// outside relying party. It is derived from the house pseudonym by a keyed
// hash (OpenID Connect Core section 8.1), so that two sectors that put their
// lists together find no equal value, and nobody without the key gets back.
// The same person and sector always give the same pseudonym.
func (r *Room) Pseudonym(ctx context.Context, person, sector string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeSector, []byte(sector), []byte(person))
	if err != nil {
		return "", fmt.Errorf("derive a sector pseudonym: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(mac), nil
}
