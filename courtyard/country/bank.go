package country

import "sarai/courtyard/country/strict"

// Bank is a participant of the payment system: a bank or a wallet provider.
// The ones in a demo pack are invented and marked so.
type Bank struct {
	strict.Pos
	ID        string `yaml:"id"`
	Name      Text   `yaml:"name"`
	Kind      string `yaml:"kind"` // "bank" or "wallet"
	Code      string `yaml:"code"` // bank code inside the IBAN
	BIC       string `yaml:"bic"`  // ISO 9362, eight characters
	Synthetic bool   `yaml:"synthetic"`
}

// FeeAccount is where government money of one kind is paid to.
type FeeAccount struct {
	strict.Pos
	ID    string `yaml:"id"`
	Post  string `yaml:"payee"` // the office or treasury that is paid: "agpr.treasury"
	Name  Text   `yaml:"name"`
	Bank  string `yaml:"bank"`
	IBAN  string `yaml:"iban"`
	Head  string `yaml:"head"`  // head of account in the government's chart
	Alias string `yaml:"alias"` // short name people see beside the amount
}

type banksFile struct {
	strict.Pos
	Banks       []Bank       `yaml:"banks"`
	FeeAccounts []FeeAccount `yaml:"fee_accounts"`
}

// FeeAccount gives the fee account with this id.
func (p *Pack) FeeAccount(id string) (FeeAccount, bool) {
	for _, f := range p.FeeAccounts {
		if f.ID == id {
			return f, true
		}
	}
	return FeeAccount{}, false
}
