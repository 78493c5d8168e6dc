package payments

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Kinds of accounts, which decide whose name a payer sees in full.
const (
	KindRail        = "rail"
	KindParticipant = "participant"
	KindPerson      = "person"
	KindMerchant    = "merchant"
	KindGovernment  = "government"
	KindAgent       = "agent" // a branchless banking agent, who takes in cash
)

// Account is a ledger account with what people know it by.
type Account struct {
	ledger.Account
	Kind     string
	IBAN     string
	NameEn   string
	NameUr   string
	Category string // merchant category, ISO 18245
	CityEn   string
	CityUr   string
	Opened   time.Time
}

// GateResource tells the gate whose account it is.
func (a Account) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsAccount", ID: a.ID, Attrs: map[string]any{"holder": a.Holder, "kind": a.Kind, "participant": a.Book, "seat": a.seat()}}
}

// seat is the membership by which a participant's programs are known. The account
// of a connected participant's customers has none: it moves by messages only, so
// that nobody commits what the other side has not accepted.
func (a Account) seat() string {
	if a.Kind == KindParticipant {
		return ""
	}
	return a.Book + "#participant"
}

// Name is the holder's name in a language, in full.
func (a Account) Name(lang string) string {
	if lang == "ur" && a.NameUr != "" {
		return a.NameUr
	}
	return a.NameEn
}

// City is the place in a language.
func (a Account) City(lang string) string {
	if lang == "ur" && a.CityUr != "" {
		return a.CityUr
	}
	return a.CityEn
}

// Payee is the name a payer sees before paying: in full for merchants and the
// government, whose names are public; of persons enough to notice a mistake.
func (a Account) Payee(lang string) string {
	if a.Kind == KindPerson {
		return Mask(a.Name(lang))
	}
	return a.Name(lang)
}

// Mask leaves the first letter of each word: "Ayesha Siddiqui" is "A••• S•••".
// The number of dots is always the same and tells nothing.
func Mask(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		_, size := utf8.DecodeRuneInString(w)
		words[i] = w[:size] + "•••"
	}
	return strings.Join(words, " ")
}

// Tail is the end of the IBAN, by which holders tell their accounts apart.
func (a Account) Tail() string {
	if len(a.IBAN) < 4 {
		return a.IBAN
	}
	return a.IBAN[len(a.IBAN)-4:]
}

// accountTable is what accountColumns are read from: what seldom changes, and what
// each payment does.
const accountTable = "payments_account join payments_balance using (id)"

const accountColumns = "id, book, role, kind, holder, currency, coalesce(iban, ''), name_en, name_ur, category, city_en, city_ur, balance, held, floor, bottomless, blocked, closed, opened"

func scanAccount(scan store.Scan) (*Account, error) {
	var a Account
	var opened int64
	err := scan(&a.ID, &a.Book, &a.Role, &a.Kind, &a.Holder, &a.Currency, &a.IBAN, &a.NameEn, &a.NameUr, &a.Category, &a.CityEn, &a.CityUr, &a.Balance, &a.Held, &a.Floor, &a.Bottomless, &a.Blocked, &a.Closed, &opened)
	a.Opened = store.Time(opened)
	return &a, err
}

func (a *Account) values() []any {
	var iban any
	if a.IBAN != "" {
		iban = a.IBAN
	}
	return []any{a.ID, a.Book, string(a.Role), a.Kind, a.Holder, a.Currency, iban, a.NameEn, a.NameUr, a.Category, a.CityEn, a.CityUr, a.Floor, a.Bottomless, a.Blocked, a.Closed, store.Micros(a.Opened)}
}

// insertAccounts writes new accounts, which must be empty: money only arrives
// by ledger rows. With a participant's settlement account come those that net
// settlement needs.
func insertAccounts(tx *store.Tx, accounts []*Account) error {
	for _, a := range accounts {
		if a.Role != ledger.Settlement {
			continue
		}
		position, owing := *a, *a
		position.ID, position.Role, position.Floor, position.Bottomless = positionAccount(a.Holder, a.Currency), ledger.Position, 0, true
		owing.ID, owing.Role, owing.Floor, owing.Bottomless = obligationAccount(a.Holder, a.Currency), ledger.Obligation, 0, true
		accounts = append(accounts, &position, &owing)
	}
	values, ids, none := make([][]any, len(accounts)), make([]string, len(accounts)), make([]int64, len(accounts))
	for i, a := range accounts {
		if a.Balance != 0 || a.Held != 0 {
			return fault.New(fault.Internal, "fault.internal")
		}
		values[i], ids[i] = a.values(), a.ID
	}
	err := insert(tx, "payments_account (id, book, role, kind, holder, currency, iban, name_en, name_ur, category, city_en, city_ur, floor, bottomless, blocked, closed, opened)", values)
	if err != nil {
		return err
	}
	if _, err := tx.Many("insert into payments_balance (id, balance, held) {lines}", ids, none, none); err != nil {
		return fmt.Errorf("write balances of new accounts: %w", err)
	}
	return nil
}

func getAccount(tx *store.Tx, id string) (*Account, error) {
	return store.Get(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where id = $1", id)
}

// accountByIBAN finds a customer's account; a fault that can be shown if there
// is none.
func accountByIBAN(tx *store.Tx, iban string) (*Account, error) {
	a, err := store.Get(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where iban = $1", iban)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.payee.unknown").Because(err)
	}
	return a, err
}

// accountsOf lists the open customer accounts of a holder, personal ones first,
// then oldest first.
func accountsOf(tx *store.Tx, holder string) ([]*Account, error) {
	return store.List(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where holder = $1 and role = 'customer' and closed = $2 order by case when kind = 'person' then 0 else 1 end, opened, id", holder, false)
}

// governmentAccount is where fees owed to an office go.
func governmentAccount(tx *store.Tx, office, currency string) (*Account, error) {
	a, err := store.Get(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where holder = $1 and kind = $2 and currency = $3 order by opened, id limit 1", office, KindGovernment, currency)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.fee.no-payee").Because(err)
	}
	return a, err
}
