package payments

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// An account outside the house is kept by a connected participant, which has told the
// directory of it: its number and its holder's name, so that payers see whom they pay.
// Mobile and national numbers may lead to it as to any account. It is an [Account]
// without a book: it has no balance here, and what is paid to it moves on the account of
// all customers of its participant (outward.go).

// outsidePrefix begins the ids of accounts outside the house.
const outsidePrefix = "outside-"

// outsider begins the name of a holder who is known by a keyed hash of the national
// number that the participant vouches for.
const outsider = "number/"

// outside says whether the account is kept outside the house. Its id is then nothing
// to the ledger.
func (a Account) outside() bool { return strings.HasPrefix(a.ID, outsidePrefix) }

// away says whether money for the account leaves the house: it is outside, or stands
// for a customer of whom nothing is known but the account number.
func (a Account) away() bool { return a.outside() || a.Kind == KindParticipant }

// creditOf is the account of the ledger that is credited when somebody is paid, and the
// account number for the message when the money leaves the house.
func creditOf(a *Account) (credit, iban string) {
	if !a.away() {
		return a.ID, ""
	}
	return clientsAccount(a.Book, a.Currency), a.IBAN
}

// Holder is who has an account, as its participant says.
type Holder struct {
	Name     string `json:"name" minLength:"1" maxLength:"140"`
	NameUrdu string `json:"name_ur,omitempty" maxLength:"140"`
	Kind     string `json:"kind" enum:"natural,legal" doc:"of a natural person payers see the first letters of the name only"`
	Number   string `json:"number,omitempty" maxLength:"32" doc:"national number of a natural person, as you have checked it; the directory keeps its keyed hash only. Without it no national number can lead to the account, and none can be moved there by portability"`
}

const outsideColumns = "id, participant, kind, holder, currency, iban, name_en, name_ur, opened"

func scanOutside(scan store.Scan) (*Account, error) {
	a := &Account{Account: ledger.Account{Role: ledger.Customer}}
	var opened int64
	err := scan(&a.ID, &a.Book, &a.Kind, &a.Holder, &a.Currency, &a.IBAN, &a.NameEn, &a.NameUr, &opened)
	a.Opened = store.Time(opened)
	return a, err
}

// listedAccount reads an account to which an entry of the directory may lead: one of the
// house, or one outside.
func listedAccount(tx *store.Tx, id, lock string) (*Account, error) {
	if strings.HasPrefix(id, outsidePrefix) {
		return store.Get(tx, scanOutside, "select "+outsideColumns+" from payments_outside where id = $1"+lock, id)
	}
	return getAccount(tx, id)
}

// listedByIBAN is listedAccount by account number.
func listedByIBAN(tx *store.Tx, iban string) (*Account, error) {
	a, err := accountByIBAN(tx, iban)
	if !fault.Is(err, fault.NotFound) {
		return a, err
	}
	out, none := store.Get(tx, scanOutside, "select "+outsideColumns+" from payments_outside where iban = $1", iban)
	if fault.Is(none, fault.NotFound) {
		return nil, err
	}
	return out, none
}

// unlisted stands for an account of a connected participant that is not in the
// directory: nothing is known of it but its number. NotFound when the number is of no
// connected participant.
func unlisted(tx *store.Tx, iban, currency string) (*Account, error) {
	p, err := store.Get(tx, scanParticipant, "select "+participantAll+" from payments_participant where connected = $2 and code <> '' and code = substr($1, 5, length(code))", iban, true)
	if err != nil {
		return nil, err
	}
	a, err := getAccount(tx, clientsAccount(p.ID, currency))
	if err != nil {
		return nil, err
	}
	a.IBAN = iban
	return a, nil
}

// payeeByIBAN is whoever is paid by an account number: an account that the directory
// knows, or else the participant that keeps it.
func payeeByIBAN(tx *store.Tx, iban, currency string) (*Account, error) {
	a, err := listedByIBAN(tx, iban)
	if !fault.Is(err, fault.NotFound) {
		return a, err
	}
	out, none := unlisted(tx, iban, currency)
	if fault.Is(none, fault.NotFound) {
		return nil, err
	}
	return out, none
}

// holderOf names a holder by what the participant says of them.
func (r *Room) holderOf(ctx context.Context, h Holder, account string) (string, error) {
	if h.Number == "" || h.Kind != holderNatural {
		return account, nil
	}
	n, err := r.pack.NationalNumber.Parse(h.Number)
	if err != nil {
		return "", err
	}
	return r.numberHolder(ctx, n.Digits)
}

// numberHolder names whoever has a national number.
func (r *Room) numberHolder(ctx context.Context, digits string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeAlias, []byte("holder"), []byte(digits))
	if err != nil {
		return "", err
	}
	return outsider + hex.EncodeToString(mac[:16]), nil
}

// samePerson says whether two holders of whom one has an account outside are the same
// person, by their national number. Call it outside a transaction: it reads the identity
// record, which the person sees.
func (r *Room) samePerson(ctx context.Context, a, b string) (bool, error) {
	if strings.HasPrefix(b, outsider) {
		a, b = b, a
	}
	switch {
	case a == b:
		return true, nil
	case !strings.HasPrefix(a, outsider) || strings.HasPrefix(b, outsider) || r.wants.Numbers == nil:
		return false, nil
	}
	digits, err := r.wants.Numbers.Number(ctx, b, "payments.alias.same.purpose")
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	name, err := r.numberHolder(ctx, digits)
	return err == nil && name == a, err
}

// sameAsHolder says who has an alias now, and whether that is the same person as
// another holder.
func (r *Room) sameAsHolder(ctx context.Context, k aliasKey, holder string) (has string, same bool, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		a, err := aliasByKey(tx, k, "")
		if err == nil {
			has = a.Holder
		}
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	same, err = r.samePerson(ctx, has, holder)
	return has, same, err
}

// otherPerson is the refusal to link a number that somebody else has: the same person at
// another participant is not somebody else.
func (r *Room) otherPerson(ctx context.Context, k aliasKey, holder string, refusal error) error {
	_, same, err := r.sameAsHolder(ctx, k, holder)
	switch {
	case err != nil:
		return err
	case same:
		return fault.New(fault.Conflict, "payments.alias.other-participant")
	}
	return refusal
}

// list writes a connected participant's account into the directory, with the name of its
// holder. The same again changes nothing; another holder or name is a Conflict.
func (r *Room) list(ctx context.Context, actor, participant, text string, h Holder) (out *Alias, err error) {
	iban, err := r.pack.IBAN.Parse(text)
	if err != nil {
		return nil, err
	}
	k, err := r.keyOf(ctx, aliasIBAN, string(iban))
	if err != nil {
		return nil, err
	}
	a := &Account{Account: ledger.Account{ID: outsidePrefix + k.id, Book: participant, Role: ledger.Customer, Currency: r.pack.Currency.Code}, Kind: KindPerson, IBAN: string(iban), NameEn: h.Name, NameUr: h.NameUrdu}
	if h.Kind == holderLegal {
		a.Kind = KindMerchant
	}
	if a.Holder, err = r.holderOf(ctx, h, a.ID); err != nil {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		p, err := participantByID(tx, participant)
		switch {
		case err != nil:
			return err
		case !p.Connected:
			return fault.New(fault.Conflict, "payments.outside.hosted")
		case p.Code == "" || !strings.HasPrefix(string(iban)[4:], p.Code):
			return fault.New(fault.Invalid, "payments.directory.no-customer").At("iban", "payments.directory.no-customer")
		}
		n, err := tx.Exec("insert into payments_outside ("+outsideColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
			a.ID, a.Book, a.Kind, a.Holder, a.Currency, a.IBAN, a.NameEn, a.NameUr, store.Micros(tx.Now()))
		if err != nil {
			return fmt.Errorf("write an account outside: %w", err)
		}
		if n == 0 {
			known, err := listedAccount(tx, a.ID, "")
			if err != nil {
				return err
			}
			if known.Holder != a.Holder || known.Kind != a.Kind || known.NameEn != a.NameEn || known.NameUr != a.NameUr {
				return fault.New(fault.Conflict, "payments.outside.differs").At("holder", "payments.outside.other")
			}
		}
		out, err = r.linkIn(tx, actor, a.Holder, k, a.ID, false)
		return err
	})
	return out, err
}

// rename gives the holder of an account outside another name. All entries that lead to
// it bear the name in their content ids and change with it.
func (r *Room) rename(ctx context.Context, actor string, entry *Alias, en, ur string) (out *Alias, err error) {
	requests := map[string][]byte{}
	var ids []string
	err = r.db.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = store.List(tx, store.Value[string], "select id from payments_alias where account = $1", entry.Account)
		return err
	})
	for _, id := range ids {
		if err == nil {
			requests[id], err = r.contentKey(ctx, id)
		}
	}
	if err != nil {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		list, err := store.List(tx, scanAlias, "select "+aliasColumns+" from payments_alias where account = $1 order by id for update", entry.Account)
		if err != nil {
			return err
		}
		to, err := listedAccount(tx, entry.Account, " for update")
		if err != nil {
			return fault.New(fault.NotFound, "payments.alias.unknown").Because(err)
		}
		out = nil
		same := to.NameEn == en && to.NameUr == ur
		to.NameEn, to.NameUr = en, ur
		if _, err := tx.Exec("update payments_outside set name_en = $2, name_ur = $3 where id = $1", to.ID, en, ur); err != nil {
			return err
		}
		for _, a := range list {
			if a.ID == entry.ID {
				out = a
			}
			if same {
				continue
			}
			if requests[a.ID] == nil { // it came in between
				return fault.New(fault.Conflict, "payments.outside.again")
			}
			if err := a.place(tx, actor, to, requests[a.ID]); err != nil {
				return err
			}
		}
		if out == nil {
			return fault.New(fault.NotFound, "payments.alias.unknown")
		}
		return nil
	})
	return out, err
}

// unlist takes an account outside away with its entry, when nothing else leads to it.
func unlist(tx *store.Tx, a *Alias) error {
	// The row is the lock: who links a number to the account holds it, too.
	if _, err := tx.Exec("delete from payments_outside where id = $1", a.Account); err != nil {
		return err
	}
	var others int64
	err := tx.QueryRow("select count(*) from payments_alias where account = $1 and id <> $2", a.Account, a.ID).Scan(&others)
	if err == nil && others > 0 {
		err = fault.New(fault.Conflict, "payments.outside.leads")
	}
	return err
}
