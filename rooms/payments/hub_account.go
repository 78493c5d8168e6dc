package payments

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// Accounts of the rail's book that only a hub has. What goes out waits on the
// payout account until the settlement bank has paid it; what creditors of a
// settlement have got stands on the multilateral account until the debtors have
// paid.
func payoutAccount(currency string) string       { return "hub-payout-" + currency }
func multilateralAccount(currency string) string { return "hub-multilateral-" + currency }

// hubAccount is an account as the central ledger's interface names it.
type hubAccount struct {
	id       int64
	fsp      string // lower case; "" for the hub
	currency string
	kind     string
	created  int64
}

const hubAccountColumns = "id, fsp, currency, kind, created"

func scanHubAccount(scan store.Scan) (a hubAccount, err error) {
	err = scan(&a.id, &a.fsp, &a.currency, &a.kind, &a.created)
	return a, err
}

// number gives numbers to participants and accounts that have none yet.
func (h *Hub) number(ctx context.Context) error {
	type pair struct{ fsp, currency string }
	missing := func(tx *store.Tx) ([]pair, error) {
		return store.List(tx, func(scan store.Scan) (p pair, err error) {
			err = scan(&p.fsp, &p.currency)
			return p, err
		}, "select c.fsp, c.currency from payments_hub_currency c left join payments_hub_account a on a.fsp = c.fsp and a.currency = c.currency where a.id is null order by c.created, c.fsp, c.currency")
	}
	var list []pair
	err := h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = missing(tx)
		return err
	})
	if err != nil || len(list) == 0 {
		return err
	}
	return h.room.db.Update(ctx, func(tx *store.Tx) error {
		list, err := missing(tx)
		if err != nil {
			return err
		}
		for _, p := range list {
			if _, err := participantNumber(tx, p.fsp); err != nil {
				return err
			}
			for _, kind := range []string{centraladmin.Position, centraladmin.Settlement} {
				if err := addHubAccount(tx, p.fsp, p.currency, kind); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func addHubAccount(tx *store.Tx, fsp, currency, kind string) error {
	id, err := nextNumber(tx, "account")
	if err != nil {
		return err
	}
	_, err = tx.Exec("insert into payments_hub_account ("+hubAccountColumns+") values ($1, $2, $3, $4, $5)", id, fsp, currency, kind, store.Micros(tx.Now()))
	return err
}

// participantNumber is a participant's number; the hub's is 1.
func participantNumber(tx *store.Tx, fsp string) (int64, error) {
	ids, err := store.List(tx, store.Value[int64], "select id from payments_hub_number where fsp = $1", fsp)
	if err != nil {
		return 0, err
	}
	if len(ids) > 0 {
		return ids[0], nil
	}
	id, err := nextNumber(tx, "participant")
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec("insert into payments_hub_number (fsp, id) values ($1, $2)", fsp, id)
	return id, err
}

func hubAccountsOf(tx *store.Tx, fsp string) ([]hubAccount, error) {
	return store.List(tx, scanHubAccount, "select "+hubAccountColumns+" from payments_hub_account where fsp = $1 order by id", fsp)
}

// openHubAccounts sees to it that the hub's own accounts of a currency are there.
func (h *Hub) openHubAccounts(ctx context.Context, currency string) error {
	ids := []string{payoutAccount(currency), multilateralAccount(currency)}
	there := func(tx *store.Tx) (int64, error) {
		return store.Get(tx, store.Value[int64], "select count(*) from payments_account where id in ($1, $2)", ids[0], ids[1])
	}
	var n int64
	err := h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		n, err = there(tx)
		return err
	})
	if err != nil || n == 2 {
		return err
	}
	return h.room.db.Update(ctx, func(tx *store.Tx) error {
		// Whoever opens them holds the currency's book.
		if _, err := store.Get(tx, store.Value[int64], "select number from payments_book where currency = $1 for update", currency); err != nil {
			return err
		}
		if n, err := there(tx); err != nil || n == 2 {
			return err
		}
		base := Account{Account: ledger.Account{Book: ledger.Rail, Role: ledger.Issuing, Holder: "hub", Currency: currency}, Kind: KindRail, Opened: tx.Now()}
		payout, multilateral := base, base
		payout.ID, payout.NameEn, payout.NameUr = ids[0], "Funds on their way out of the hub", "ہب سے باہر جاتی رقم"
		multilateral.ID, multilateral.NameEn, multilateral.NameUr, multilateral.Bottomless = ids[1], "Multilateral settlement of the hub", "ہب کا کثیرالفریقی تصفیہ", true
		return insertAccounts(tx, []*Account{&payout, &multilateral})
	})
}

// hubStanding is what is on a participant's accounts in one currency, in units of the
// book. position and owed are as the central ledger has them: above zero it owes.
type hubStanding struct {
	settled  int64 // on the settlement account
	held     int64 // promised to open reservations
	position int64 // of the open window and of windows that are not settled
}

// standingOf reads what the tables have; the caller has waited for them.
func standingOf(tx *store.Tx, book, currency string) (s hubStanding, err error) {
	list, err := store.List(tx, scanAccount, "select "+accountColumns+" from "+accountTable+" where id in ($1, $2, $3)",
		settlementAccount(book, currency), positionAccount(book, currency), obligationAccount(book, currency))
	for _, a := range list {
		switch a.Role {
		case ledger.Settlement:
			s.settled = a.Balance
			s.held += a.Held
		case ledger.Position, ledger.Obligation:
			s.position -= a.Balance
			s.held += a.Held
		}
	}
	return s, err
}

// caught waits until the tables contain what the ledger has decided.
func (h *Hub) caught(ctx context.Context, currencies ...string) error {
	slices.Sort(currencies)
	for _, c := range slices.Compact(currencies) {
		if err := h.room.sequencer.Settle(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// hubBooks are the currencies of the hub whose books are there.
func hubBooks(tx *store.Tx) ([]string, error) {
	return store.List(tx, store.Value[string], "select distinct c.currency from payments_hub_currency c join payments_book b on b.currency = c.currency order by c.currency")
}

// isHub tells the hub's own name.
func (h *Hub) isHub(name string) bool { return strings.EqualFold(name, h.name) }

// named finds the participant in the path. For the hub it is nil.
func (h *Hub) named(ctx context.Context, r *http.Request) (string, *HubFSP, error) {
	name := r.PathValue("name")
	if h.isHub(name) {
		return "", nil, nil
	}
	f, err := h.FSP(ctx, name)
	if err == nil && f == nil {
		err = notFound("there is no participant of this name")
	}
	if err != nil {
		return "", nil, err
	}
	return strings.ToLower(f.Name), f, h.number(ctx)
}

// listAccounts shows a participant's accounts with what is on them. The hub's
// reconciliation account shows what came in from the settlement bank less what went
// out.
func (h *Hub) listAccounts(ctx context.Context, r *http.Request) (hubAnswer, error) {
	fsp, f, err := h.named(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	list := []centraladmin.AccountValue{}
	var accounts []hubAccount
	var books []string
	err = h.room.db.View(ctx, func(tx *store.Tx) (err error) {
		if books, err = hubBooks(tx); err != nil {
			return err
		}
		accounts, err = hubAccountsOf(tx, fsp)
		return err
	})
	if err != nil {
		return hubAnswer{}, err
	}
	if want := r.URL.Query().Get("currency"); want != "" {
		accounts = slices.DeleteFunc(accounts, func(a hubAccount) bool { return a.currency != want })
	}
	var wait []string
	for _, a := range accounts {
		if slices.Contains(books, a.currency) {
			wait = append(wait, a.currency)
		}
	}
	if err := h.caught(ctx, wait...); err != nil {
		return hubAnswer{}, err
	}
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		list = list[:0]
		for _, a := range accounts {
			v, err := h.value(tx, f, a)
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		return nil
	})
	return hubAnswer{http.StatusOK, list}, err
}

// value reads what is on an account.
func (h *Hub) value(tx *store.Tx, f *HubFSP, a hubAccount) (centraladmin.AccountValue, error) {
	v := centraladmin.AccountValue{ID: a.id, Type: a.kind, Currency: a.currency, Active: 1, ChangedDate: fspiop.FormatTime(tx.Now())}
	scale := h.hubScale(a.currency)
	set := func(n, held int64) {
		v.Value, v.Reserved = centraladmin.DecimalOf(n, scale), centraladmin.DecimalOf(held, scale)
	}
	if f == nil {
		id := issuingAccount(a.currency)
		if a.kind == centraladmin.Multilateral {
			id = multilateralAccount(a.currency)
		}
		balances, err := store.List(tx, store.Value[int64], "select balance from payments_balance where id = $1", id)
		var n int64
		if len(balances) > 0 {
			n = -balances[0]
		}
		set(n, 0)
		return v, err
	}
	c, ok := f.currency(a.currency)
	v.Active = bit(ok && c.Active)
	s, err := standingOf(tx, hubBook(f.Name), a.currency)
	if a.kind == centraladmin.Position {
		set(s.position+s.held, 0)
	} else {
		set(-s.settled, 0)
	}
	return v, err
}

// addHubAccount opens one of the hub's own accounts.
func (h *Hub) addHubAccount(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.AccountPost](r)
	if err != nil {
		return hubAnswer{}, err
	}
	refuse := func(why string) error { return fspiop.Fail(fspiop.CodeAddParty, why) }
	switch {
	case !h.isHub(r.PathValue("name")):
		return hubAnswer{}, refuse("Endpoint is reserved for creation of Hub account types only.")
	case p.Type != centraladmin.Multilateral && p.Type != centraladmin.Reconciliation:
		return hubAnswer{}, refuse("The requested hub operator account type is not allowed.")
	}
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_account where fsp = '' and currency = $1 and kind = $2", p.Currency, p.Type)
		if err != nil {
			return err
		}
		if n > 0 {
			return refuse("Hub account has already been registered.")
		}
		if _, err := participantNumber(tx, ""); err != nil {
			return err
		}
		return addHubAccount(tx, "", p.Currency, p.Type)
	})
	if err != nil {
		return hubAnswer{}, err
	}
	v, err := h.participant(ctx, nil)
	return hubAnswer{http.StatusCreated, v}, err
}

// account finds the account in the path, which has to be the participant's.
func (h *Hub) account(ctx context.Context, r *http.Request) (a hubAccount, f *HubFSP, err error) {
	fsp, f, err := h.named(ctx, r)
	if err != nil {
		return a, f, err
	}
	id, err := pathNumber(r, "id")
	if err != nil {
		return a, f, err
	}
	var list []hubAccount
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.List(tx, scanHubAccount, "select "+hubAccountColumns+" from payments_hub_account where id = $1", id)
		return err
	})
	switch {
	case err != nil:
		return a, f, err
	case len(list) == 0 || list[0].fsp != fsp:
		return a, f, notFound("the participant has no account of this number")
	}
	return list[0], f, nil
}

// activateAccount lets a participant pay and be paid in a currency, or not.
func (h *Hub) activateAccount(ctx context.Context, r *http.Request) (hubAnswer, error) {
	p, err := adminBody[centraladmin.Active](r)
	if err != nil {
		return hubAnswer{}, err
	}
	a, f, err := h.account(ctx, r)
	if err != nil {
		return hubAnswer{}, err
	}
	if f == nil || a.kind != centraladmin.Position {
		return hubAnswer{}, fspiop.Fail(fspiop.CodeValidation, "Only position account update is permitted")
	}
	return hubAnswer{status: http.StatusOK}, h.SetCurrencyActive(ctx, f.Name, a.currency, *p.IsActive)
}

func (h *Hub) listAccountTypes(context.Context, *http.Request) (hubAnswer, error) {
	type kind struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Settleable  bool   `json:"isSettleable"`
	}
	return hubAnswer{http.StatusOK, []kind{
		{centraladmin.Position, "What a participant owes for payments that are not settled", true},
		{centraladmin.Settlement, "What a participant was funded with", false},
		{centraladmin.Reconciliation, "What came in from the settlement bank less what went out", false},
		{centraladmin.Multilateral, "What creditors of a settlement have got before its debtors have paid", false},
	}}, nil
}

func (h *Hub) listEnums(context.Context, *http.Request) (hubAnswer, error) {
	return hubAnswer{http.StatusOK, map[string]any{
		"ledgerAccountType": []string{centraladmin.Position, centraladmin.Settlement, centraladmin.Reconciliation, centraladmin.Multilateral},
		"limitType":         []string{centraladmin.NetDebitCap},
		"settlementState":   []string{centraladmin.Pending, centraladmin.Recorded, centraladmin.Reserved, centraladmin.Committed, centraladmin.Settling, centraladmin.Settled, centraladmin.Aborted},
		"windowState":       []string{centraladmin.Open, centraladmin.Closed, centraladmin.Pending, centraladmin.Settled, centraladmin.Aborted},
	}}, nil
}
