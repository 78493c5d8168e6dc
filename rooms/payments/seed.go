package payments

import (
	"context"
	"fmt"
	"slices"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Prefund is what each participant of the demo puts into the rail, in minor
// units: two hundred and fifty million rupees.
const Prefund = 25_000_000_000

// agentFloat is what a demo cash-in agent begins with.
const agentFloat = 500_000_000

// Ids of the accounts every book begins with.
func issuingAccount(currency string) string          { return "issuing-" + currency }
func settlementAccount(bank, currency string) string { return "settlement-" + bank + "-" + currency }
func positionAccount(bank, currency string) string   { return "position-" + bank + "-" + currency }
func obligationAccount(bank, currency string) string { return "obligation-" + bank + "-" + currency }
func ownAccount(bank, currency string) string        { return "own-" + bank + "-" + currency }
func agentAccount(bank, currency string) string      { return "agent-" + bank + "-" + currency }

// Open makes the book of the country's currency with the participants of the
// pack, their settlement accounts with prefund, and the accounts fees are paid
// to. It does nothing when the book exists.
func (r *Room) Open(ctx context.Context) error {
	currency := r.pack.Currency.Code
	made := false
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		made = false
		n, err := tx.Exec("insert into payments_book (currency, seq, head) values ($1, 0, $2) on conflict (currency) do nothing", currency, make([]byte, 32))
		if err != nil || n == 0 {
			return err
		}
		made = true
		if _, err := tx.Exec("insert into payments_index (currency, number) values ($1, 0)", currency); err != nil {
			return err
		}
		accounts := []*Account{{Account: ledger.Account{ID: issuingAccount(currency), Book: ledger.Rail, Role: ledger.Issuing, Holder: "central-bank", Currency: currency, Bottomless: true},
			Kind: KindRail, NameEn: "Issuing account of the rail", NameUr: "نظامِ ادائیگی کا اجرائی کھاتہ"}}
		for _, b := range r.pack.Banks {
			_, err := tx.Exec("insert into payments_participant ("+participantColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
				b.ID, b.Kind, b.BIC, b.Code, b.Name.In("en"), b.Name.In("ur"), false, store.Micros(tx.Now()), false, "")
			if err != nil {
				return fmt.Errorf("participant %s: %w", b.ID, err)
			}
			base := Account{Account: ledger.Account{Holder: b.ID, Currency: currency}, Kind: KindParticipant, NameEn: b.Name.In("en"), NameUr: b.Name.In("ur")}
			settle, own := base, base
			settle.ID, settle.Book, settle.Role = settlementAccount(b.ID, currency), ledger.Rail, ledger.Settlement
			own.ID, own.Book, own.Role, own.Bottomless = ownAccount(b.ID, currency), b.ID, ledger.Own, true
			accounts = append(accounts, &settle, &own)
		}
		for _, f := range r.pack.FeeAccounts {
			iban, err := r.pack.IBAN.Parse(f.IBAN)
			if err != nil {
				return err
			}
			accounts = append(accounts, &Account{Account: ledger.Account{ID: feesAccount(f.ID, currency), Book: f.Bank, Role: ledger.Customer, Holder: f.Post, Currency: currency},
				Kind: KindGovernment, IBAN: string(iban), NameEn: f.Name.In("en"), NameUr: f.Name.In("ur"), Category: "9399", CityEn: "Islamabad", CityUr: "اسلام آباد"})
		}
		for _, a := range accounts {
			a.Opened = tx.Now()
		}
		return insertAccounts(tx, accounts)
	})
	if err == nil {
		err = r.openPrograms(ctx)
	}
	if err == nil {
		err = r.openScheme(ctx)
	}
	if err != nil {
		return err
	}
	if !made {
		return r.sequencer.Open(ctx, currency)
	}
	var steps []ledger.Step
	for _, b := range r.pack.Banks {
		steps = append(steps, ledger.Step{Kind: ledger.Post, Party: "rail", Key: "prefund/" + b.ID, Debit: issuingAccount(currency), Credit: settlementAccount(b.ID, currency), Amount: Prefund, Currency: currency})
	}
	return r.deposit(ctx, currency, steps)
}

// deposit posts opening sums, all or none.
func (r *Room) deposit(ctx context.Context, currency string, steps []ledger.Step) error {
	_, err := r.ledger.Do(ctx, Work{Currency: currency, Actor: "system/payments", Steps: steps, After: func(tx *store.Tx, rows []ledger.Row) error {
		d := BookData{Currency: currency}
		for _, row := range rows {
			switch {
			case !row.Accepted():
				return fault.New(fault.Internal, "fault.internal").Because(fmt.Errorf("opening sum refused: %s", row.Reason))
			case row.Debit == issuingAccount(currency):
				d.Issued += row.Amount
			default:
				d.Deposits += row.Amount
			}
			d.Accounts, d.Last = d.Accounts+1, row.Seq
		}
		tx.Emit(store.Event{Type: BookOpened, Version: 1, Subject: "payments/book/" + currency, Actor: "system/payments", Data: d})
		return nil
	}})
	return err
}

// Seeded is what the demo's people need to know from identity: the pseudonym of
// a citizen by key, "" when they have none yet.
type Seeded func(key string) (subject string)

// Seed opens accounts for the people and merchants of a synthetic country and
// gives them their opening balances by rows of the ledger. It does nothing the
// second time.
func (r *Room) Seed(ctx context.Context, demo *country.Demo, subject Seeded) error {
	if err := r.Open(ctx); err != nil {
		return err
	}
	currency := r.pack.Currency.Code
	var accounts []*Account
	var steps []ledger.Step
	var aliases []*Alias
	put := func(a *Account, opening int64) {
		accounts = append(accounts, a)
		if opening > 0 {
			steps = append(steps, ledger.Step{Kind: ledger.Post, Party: "demo", Key: "opening/" + a.ID, Debit: ownAccount(a.Book, currency), Credit: a.ID, Amount: opening, Currency: currency})
		}
	}
	for _, b := range r.pack.Banks {
		iban, err := r.pack.IBAN.Make(b.Code, "800000000001")
		if err != nil {
			return err
		}
		put(&Account{Account: ledger.Account{ID: agentAccount(b.ID, currency), Book: b.ID, Role: ledger.Customer, Holder: "agent/" + b.ID, Currency: currency},
			Kind: KindAgent, IBAN: string(iban), NameEn: "Cash agent, " + b.Name.In("en"), NameUr: "نقدی ایجنٹ، " + b.Name.In("ur"), Category: "6012"}, agentFloat)
	}
	for _, p := range r.pack.Programs {
		if p.Opening > 0 {
			steps = append(steps, ledger.Step{Kind: ledger.Post, Party: "demo", Key: "opening/" + programAccount(p.ID, currency), Debit: ownAccount(p.Bank, currency), Credit: programAccount(p.ID, currency), Amount: p.Opening, Currency: currency})
		}
	}
	people := map[string]country.Citizen{}
	for _, c := range demo.Citizens {
		people[c.Key] = c
		s := subject(c.Key)
		if s == "" {
			continue
		}
		a := &Account{Account: ledger.Account{ID: "person-" + c.Key, Book: c.Bank, Role: ledger.Customer, Holder: s, Currency: currency}, Kind: KindPerson, IBAN: string(c.IBAN), NameEn: c.Name.In("en"), NameUr: c.Name.In("ur")}
		put(a, c.Balance)
		for _, k := range []struct{ kind, value string }{{AliasMobile, string(c.Phone)}, {AliasNumber, c.Number}} {
			l, err := r.newAlias(ctx, k.kind, k.value, a)
			if err != nil {
				return err
			}
			aliases = append(aliases, l)
		}
	}
	for _, m := range demo.Merchants {
		owner := subject(m.Owner)
		if owner == "" {
			continue
		}
		d, _ := r.pack.District(m.District)
		opening := people[m.Owner].Balance / 4
		put(&Account{Account: ledger.Account{ID: "merchant-" + m.Key, Book: m.Bank, Role: ledger.Customer, Holder: owner, Currency: currency}, Kind: KindMerchant, IBAN: string(m.IBAN),
			NameEn: m.Name.In("en"), NameUr: m.Name.In("ur"), Category: m.MCC, CityEn: d.Name.In("en"), CityUr: d.Name.In("ur")}, opening)
	}
	fresh := false
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		fresh = false
		var n int64
		if err := tx.QueryRow("select count(*) from payments_account where kind = $1", KindAgent).Scan(&n); err != nil || n > 0 {
			return err
		}
		fresh = true
		for _, a := range accounts {
			a.Opened = tx.Now()
		}
		if err := insertAccounts(tx, accounts); err != nil {
			return err
		}
		return insertAliases(tx, aliases)
	})
	if err != nil || !fresh {
		return err
	}
	// A thousand at a time: other writers of the house are not kept waiting.
	for part := range slices.Chunk(steps, 1000) {
		if err := r.deposit(ctx, currency, part); err != nil {
			return err
		}
	}
	return nil
}
