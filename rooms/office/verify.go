package office

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"

	"sarai/courtyard/keys"
	"sarai/courtyard/store"
)

// Finding is something wrong with a file's record.
type Finding struct {
	Para int64  // 0 when it is about the file as a whole
	What string // message key
}

// Verify holds a file's noting side and its way against what was signed. It
// finds text, author, order or number changed in the database, and paras or
// movements that were taken away or put in between.
func (r *Room) Verify(ctx context.Context, id string) ([]Finding, error) {
	public, err := r.keys.Public(ctx, purposeNote)
	if err != nil {
		return nil, fmt.Errorf("verify file: %w", err)
	}
	var f File
	var all []Para
	var moves []Movement
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if f, err = load(tx, id); err != nil {
			return err
		}
		if all, err = paras(tx, id); err != nil {
			return err
		}
		moves, err = movements(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return check(f, all, moves, public)
}

func check(f File, all []Para, moves []Movement, public []*keys.Key) (found []Finding, err error) {
	byID := map[string]*keys.Key{}
	for _, k := range public {
		byID[k.ID] = k
	}
	previous := first(f.Number)
	for i, p := range all {
		text, err := p.Canonical(f.Number)
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(text)
		switch {
		case p.N != int64(i+1) || !bytes.Equal(p.Previous, previous):
			found = append(found, Finding{p.N, "office.verify.chain"})
		case !bytes.Equal(digest[:], p.Digest):
			found = append(found, Finding{p.N, "office.verify.text"})
		case !signedBy(byID[p.Key], digest[:], p.Signature):
			found = append(found, Finding{p.N, "office.verify.signature"})
		}
		previous = p.Digest
	}
	if int64(len(all)) != f.Paras {
		found = append(found, Finding{0, "office.verify.count"})
	}
	at := ""
	for i, m := range moves {
		if m.N != int64(i+1) || i > 0 && m.From != at {
			found = append(found, Finding{0, "office.verify.way"})
		}
		at = m.To
	}
	if int64(len(moves)) != f.Moves || at != f.Holder {
		found = append(found, Finding{0, "office.verify.way"})
	}
	return found, nil
}

func signedBy(k *keys.Key, digest, signature []byte) bool {
	if k == nil {
		return false
	}
	pub, ok := k.Public().(*ecdsa.PublicKey)
	return ok && ecdsa.VerifyASN1(pub, digest, signature)
}
