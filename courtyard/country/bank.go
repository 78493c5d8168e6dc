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

// Rail is what participants call the instant-payment rail by in messages.
type Rail struct {
	strict.Pos
	BIC     string `yaml:"bic"`     // ISO 9362, eight characters
	Service string `yaml:"service"` // business service of the message headers, at most 35 characters
	// Settlement is how payments between participants are settled until the
	// operator says otherwise.
	Settlement Settlement `yaml:"settlement,optional"`
}

// Settlement is a scheme of settlement for one currency.
type Settlement struct {
	strict.Pos
	Model  string   `yaml:"model"`           // "gross": at each payment; "net": at the end of each window
	Cuts   []string `yaml:"cuts,optional"`   // times of day that end a window, "11:00", in the country's zone
	Days   string   `yaml:"days,optional"`   // "all" days, or "working" days by the calendar
	Alerts []int    `yaml:"alerts,optional"` // per cent of what a participant may use, at which the operator is told
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

// Program is one for which an office pays many people at once: a cash
// transfer, a stipend, pensions.
type Program struct {
	strict.Pos
	ID      string `yaml:"id"`
	Office  string `yaml:"office"` // whose officials make, check and release its payments
	Name    Text   `yaml:"name"`
	Bank    string `yaml:"bank"` // where the office keeps the program's money
	IBAN    string `yaml:"iban"`
	Most    int64  `yaml:"most"`             // to one person in one period, minor units
	Opening int64  `yaml:"opening,optional"` // budget in a demonstration, minor units
}

type banksFile struct {
	strict.Pos
	Banks       []Bank       `yaml:"banks"`
	Connected   []Bank       `yaml:"connected,optional"`
	Rail        Rail         `yaml:"rail"`
	FeeAccounts []FeeAccount `yaml:"fee_accounts"`
	Programs    []Program    `yaml:"programs,optional"`
	Customers   Customers    `yaml:"customers,optional"`
}

// Program gives the program with this id.
func (p *Pack) Program(id string) (Program, bool) {
	for _, x := range p.Programs {
		if x.ID == id {
			return x, true
		}
	}
	return Program{}, false
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
