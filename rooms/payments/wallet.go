package payments

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/ledger"
)

// CashIn is the most a demo agent puts into a wallet at once, minor units.
const CashIn = 1_000_000

// openWallet opens an account for a person at a participant they chose. Their
// name comes from their identity, by the consent they gave on the page. Asking
// again at the same participant gives the account that is there.
func (r *Room) openWallet(ctx context.Context, subject, actor, participant string, given map[string]string) (string, error) {
	bank, ok := r.pack.Bank(participant)
	if !ok {
		return "", fault.New(fault.Invalid, "payments.open.no-participant").At("participant", "payments.open.no-participant")
	}
	en, ur := given["en"], given["ur"]
	if r.wants.Payer != nil {
		var err error
		if en, ur, err = r.wants.Payer.Name(ctx, subject, "payments.open.purpose · "+web.Both(bank.Name.In("en"), bank.Name.In("ur"))); err != nil {
			return "", fmt.Errorf("name of the new holder: %w", err)
		}
	}
	if en == "" {
		return "", fault.New(fault.Invalid, "payments.open.no-name")
	}
	number, err := rand.Int(rand.Reader, big.NewInt(100_000_000_000))
	if err != nil {
		return "", err
	}
	iban, err := r.pack.IBAN.Make(bank.Code, fmt.Sprintf("6%011d", number))
	if err != nil {
		return "", err
	}
	currency, id := r.pack.Currency.Code, r.newID()
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		id = r.newID()
		p, err := store.Get(tx, scanParticipant, "select "+participantAll+" from payments_participant where id = $1 for update", participant)
		if err != nil {
			return err
		}
		if p.Suspended {
			return fault.New(fault.Conflict, "payments.open.suspended").At("participant", "payments.open.suspended")
		}
		have, err := accountsOf(tx, subject)
		if err != nil {
			return err
		}
		for _, a := range have {
			if a.Book == participant && a.Kind == KindPerson {
				id = a.ID
				return nil
			}
		}
		a := &Account{Account: ledger.Account{ID: id, Book: participant, Role: ledger.Customer, Holder: subject, Currency: currency}, Kind: KindPerson, IBAN: string(iban), NameEn: en, NameUr: ur, Opened: tx.Now()}
		if err := insertAccounts(tx, []*Account{a}); err != nil {
			return fmt.Errorf("open the account: %w", err)
		}
		tx.Emit(store.Event{Type: AccountOpened, Version: 1, Subject: "payments/account/" + id, Actor: actor, Data: AccountData{Account: id, Participant: participant, Kind: KindPerson}})
		return nil
	})
	return id, err
}

// Accounts are a person's, the first one opened first.
func (r *Room) Accounts(ctx context.Context, subject string) (list []*Account, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		list, err = accountsOf(tx, subject)
		return err
	})
	return list, err
}

// cashIn pays from a demo cash agent into a wallet: a transfer like any other,
// from an account that has the money.
func (r *Room) cashIn(ctx context.Context, actor string, to *Account, key string, amount int64) (*Transfer, error) {
	if amount <= 0 || amount > CashIn {
		return nil, fault.New(fault.Invalid, "payments.cash.range").At("amount", "payments.cash.range")
	}
	return r.Pay(ctx, actor, Instant{Party: "cash/" + to.ID, Key: key, Debit: agentAccount(to.Book, to.Currency), Credit: to.ID, Amount: amount, Currency: to.Currency,
		Note: Note{Purpose: "cash-in"}})
}
