package payments

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"

	"sarai/courtyard/country"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// A subsidy of the demonstration for each wallet, in minor units: thirteen and a
// half thousand rupees.
const seedSubsidy = 1_350_000

// SeedWallets opens so many more wallets at the participants of the pack, gives
// the first program of the pack what it needs to pay everybody and puts the
// money for it into the rail, and writes the file that pays all citizens of the
// demonstration and all these wallets. What exists already stays; the file is
// the same each time.
func (r *Room) SeedWallets(ctx context.Context, demo *country.Demo, subject Seeded, wallets int, file io.Writer) error {
	if len(r.pack.Programs) == 0 || wallets < 0 {
		return fmt.Errorf("payments: %d wallets and %d programs in the pack", wallets, len(r.pack.Programs))
	}
	currency, program := r.pack.Currency.Code, r.pack.Programs[0]
	out := bufio.NewWriterSize(file, 1<<16)
	amount := fmt.Sprintf("%d.%02d", seedSubsidy/100, seedSubsidy%100)
	fmt.Fprintln(out, "reference,iban,amount")
	lines := int64(0)
	put := func(iban string) {
		lines++
		fmt.Fprintf(out, "HH-%07d,%s,%s\n", lines, iban, amount)
	}
	for _, c := range demo.Citizens {
		if subject(c.Key) != "" {
			put(string(c.IBAN))
		}
	}
	const chunk = 5000
	for from := 0; from < wallets; from += chunk {
		var accounts []*Account
		for i := from; i < min(wallets, from+chunk); i++ {
			bank, person := r.pack.Banks[i%len(r.pack.Banks)], demo.Citizens[i%len(demo.Citizens)]
			iban, err := r.pack.IBAN.Make(bank.Code, fmt.Sprintf("5%011d", i))
			if err != nil {
				return err
			}
			put(string(iban))
			number := fmt.Sprintf("%07d", i)
			accounts = append(accounts, &Account{Account: ledger.Account{ID: "wallet-" + number, Book: bank.ID, Role: ledger.Customer, Holder: "wallet/" + number, Currency: currency},
				Kind: KindPerson, IBAN: string(iban), NameEn: person.Name.In("en"), NameUr: person.Name.In("ur")})
		}
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			var there int64
			if err := tx.QueryRow("select count(*) from payments_account where id = $1", accounts[len(accounts)-1].ID).Scan(&there); err != nil || there > 0 {
				return err
			}
			for _, a := range accounts {
				a.Opened = tx.Now()
			}
			return insertAccounts(tx, accounts)
		})
		if err != nil {
			return fmt.Errorf("open wallets: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the file of the subsidy: %w", err)
	}
	sum, key := lines*seedSubsidy, "wallets/"+strconv.Itoa(wallets)
	return r.deposit(ctx, currency, []ledger.Step{
		{Kind: ledger.Post, Party: "demo", Key: key + "/prefund", Debit: issuingAccount(currency), Credit: settlementAccount(program.Bank, currency), Amount: sum, Currency: currency},
		{Kind: ledger.Post, Party: "demo", Key: key + "/budget", Debit: ownAccount(program.Bank, currency), Credit: programAccount(program.ID, currency), Amount: sum, Currency: currency},
	})
}
