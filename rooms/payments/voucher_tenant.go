package payments

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Tenant is what an operator registers for the GovStack interface of a
// demonstration: who may order, which vouchers there are, who takes them. The
// file is JSON with these names in small letters.
type Tenant struct {
	Bank     string // participant that keeps the accounts
	Currency string // of the vouchers
	Program  string // for which the sources may hand batches over
	Sources  []string
	// Beneficiaries of the account mapper.
	Beneficiaries []struct{ Source, Functional, Address string }
	Groups        []struct {
		ID     string
		Budget int64 // minor units; 0: it has no money
		Days   int64 // how long its vouchers hold
	}
	Merchants []struct {
		Name, Details, Group string
		Closed               bool
	}
	Vouchers []struct {
		Number, Serial, Source, Group string
		State                         VoucherState
		Amount                        int64
	}
}

// mediator is the membership of an information mediator: it speaks for the
// building blocks behind it.
const mediator = "govstack#mediator"

// SeedTenant reads a tenant and makes what is not there yet: a book of its
// currency, the accounts with their money, vouchers with theirs in the pools.
func (r *Room) SeedTenant(ctx context.Context, in io.Reader) error {
	var t Tenant
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return fmt.Errorf("payments: tenant of the GovStack interface: %w", err)
	}
	if _, ok := r.pack.Bank(t.Bank); !ok {
		return fmt.Errorf("payments: tenant: no bank %q", t.Bank)
	}
	macs := make([][]byte, len(t.Vouchers))
	for i, v := range t.Vouchers {
		var err error
		if macs[i], err = r.voucherMAC(ctx, v.Number); err != nil {
			return err
		}
	}
	fresh := false
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		var n int64
		if err := tx.QueryRow("select count(*) from payments_source").Scan(&n); err != nil || n > 0 {
			fresh = false
			return err
		}
		fresh = true
		return r.writeTenant(tx, &t)
	})
	if err != nil {
		return err
	}
	if err := r.sequencer.Open(ctx, t.Currency); err != nil || !fresh {
		return err
	}
	var steps []ledger.Step
	open := map[string]int64{}
	for _, v := range t.Vouchers {
		if v.State == VoucherPreactivated || v.State == VoucherActivated {
			open[v.Group] += v.Amount
		}
	}
	post := func(account string, amount int64) {
		if amount > 0 {
			steps = append(steps, ledger.Step{Kind: ledger.Post, Party: "demo", Key: "opening/" + account, Debit: ownAccount(t.Bank, t.Currency), Credit: account, Amount: amount, Currency: t.Currency})
		}
	}
	for _, g := range t.Groups {
		funding, pool := groupAccounts(g.ID, t.Currency)
		post(funding, g.Budget)
		post(pool, open[g.ID])
	}
	if err := r.deposit(ctx, t.Currency, steps); err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		for i, v := range t.Vouchers {
			now := tx.Now()
			x := &Voucher{Serial: v.Serial, Group: v.Group, Currency: t.Currency, Amount: v.Amount, Source: v.Source, State: v.State, Created: now, Expires: now.AddDate(0, 0, 30)}
			if v.State == VoucherExpired {
				x.Created, x.Expires = now.AddDate(0, 0, -30), now.Add(-time.Hour)
			}
			if err := insertVoucher(tx, x, macs[i], ""); err != nil {
				return fmt.Errorf("voucher %s of the tenant: %w", v.Serial, err)
			}
		}
		return nil
	})
}

func groupAccounts(id, currency string) (funding, pool string) {
	return "voucher-funding-" + id + "-" + currency, "voucher-pool-" + id + "-" + currency
}

func (r *Room) writeTenant(tx *store.Tx, t *Tenant) error {
	now := store.Micros(tx.Now())
	if t.Currency != r.pack.Currency.Code {
		if err := r.writeBook(tx, t.Currency, t.Bank); err != nil {
			return err
		}
	}
	for _, id := range t.Sources {
		if _, err := tx.Exec("insert into payments_source (id, seat, program, active, registered) values ($1, $2, $3, $4, $5)", id, mediator, t.Program, true, now); err != nil {
			return err
		}
	}
	for _, b := range t.Beneficiaries {
		if _, err := tx.Exec("insert into payments_beneficiary (functional, source, modality, address, registered, changed) values ($1, $2, '', $3, $4, $4) on conflict do nothing", b.Functional, b.Source, b.Address, now); err != nil {
			return err
		}
	}
	var accounts []*Account
	account := func(id, kind, name string, closed bool) {
		accounts = append(accounts, &Account{Account: ledger.Account{ID: id, Book: t.Bank, Role: ledger.Customer, Holder: "govstack", Currency: t.Currency, Closed: closed}, Kind: kind, NameEn: name, NameUr: name, Opened: tx.Now()})
	}
	for _, g := range t.Groups {
		funding, pool := groupAccounts(g.ID, t.Currency)
		account(funding, KindVoucher, g.ID, false)
		account(pool, KindVoucher, g.ID, false)
		if _, err := tx.Exec("insert into payments_voucher_group (id, currency, funding, pool, validity, active) values ($1, $2, $3, $4, $5, $6)", g.ID, t.Currency, funding, pool, (time.Duration(g.Days) * 24 * time.Hour).Microseconds(), true); err != nil {
			return err
		}
	}
	for i, m := range t.Merchants {
		id := fmt.Sprintf("voucher-merchant-%d-%s", i+1, t.Currency)
		account(id, KindMerchant, m.Name, m.Closed)
		if _, err := tx.Exec("insert into payments_voucher_merchant (name, details, grp, account) values ($1, $2, $3, $4)", m.Name, m.Details, m.Group, id); err != nil {
			return err
		}
	}
	return insertAccounts(tx, accounts)
}

// writeBook opens the book of another currency at one participant.
func (r *Room) writeBook(tx *store.Tx, currency, bank string) error {
	if _, err := tx.Exec("insert into payments_book (currency, seq, head) values ($1, 0, $2)", currency, make([]byte, 32)); err != nil {
		return err
	}
	if _, err := tx.Exec("insert into payments_index (currency, number) values ($1, 0)", currency); err != nil {
		return err
	}
	b, _ := r.pack.Bank(bank)
	var accounts []*Account
	for _, a := range []ledger.Account{
		{ID: issuingAccount(currency), Book: ledger.Rail, Role: ledger.Issuing, Holder: "central-bank", Currency: currency, Bottomless: true},
		{ID: settlementAccount(bank, currency), Book: ledger.Rail, Role: ledger.Settlement, Holder: bank, Currency: currency},
		{ID: ownAccount(bank, currency), Book: bank, Role: ledger.Own, Holder: bank, Currency: currency, Bottomless: true},
	} {
		accounts = append(accounts, &Account{Account: a, Kind: KindParticipant, NameEn: b.Name.In("en"), NameUr: b.Name.In("ur"), Opened: tx.Now()})
	}
	return insertAccounts(tx, accounts)
}
