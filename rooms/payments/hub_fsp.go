package payments

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
	"sarai/rooms/payments/ledger"
)

// HubFSP is a participant of the hub, a financial service provider.
type HubFSP struct {
	Name       string
	Active     bool
	Created    time.Time
	JWS        string // public key of its signatures, PEM
	Currencies []HubCurrency
	Endpoints  map[string]string // by kind

	key fspiop.Key
}

// HubCurrency is one in which a participant takes part.
type HubCurrency struct {
	Currency string
	Active   bool
	Created  time.Time
}

func (f *HubFSP) currency(code string) (HubCurrency, bool) {
	for _, c := range f.Currencies {
		if c.Currency == code {
			return c, true
		}
	}
	return HubCurrency{}, false
}

// principal is what the gate knows the participant by. What a suspended one may not
// do, it is told by callbacks with the standard's codes.
func (f *HubFSP) principal() string { return hubBook(f.Name) }

// hubBook is the id of a participant's book in the ledger. It cannot be that of a
// bank of the rail, whose ids begin otherwise.
func hubBook(name string) string { return "fsp-" + strings.ToLower(name) }

// hubTransferID is the ledger's id of a transfer: the payer chose its own, which may
// be anybody's elsewhere.
func hubTransferID(id string) string { return "fspiop-" + id }

// hubScale is how many decimals the book of a currency keeps. The country's own has
// those of its money; the others four, as the standard allows them.
func (h *Hub) hubScale(currency string) int {
	if currency == h.room.pack.Currency.Code {
		return h.room.pack.Currency.Decimals
	}
	return 4
}

var fspName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{1,31}$`)

// AddFSP takes a participant in, active. Conflict when the name is taken.
func (h *Hub) AddFSP(ctx context.Context, name string) error {
	if !fspName.MatchString(name) {
		return fault.New(fault.Invalid, "payments.hub.name").At("name", "payments.hub.name")
	}
	return h.change(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("insert into payments_hub_fsp (id, name, active, jws, created) values ($1, $2, $3, '', $4) on conflict (id) do nothing", strings.ToLower(name), name, true, store.Micros(tx.Now()))
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "payments.hub.taken")
		}
		return err
	})
}

// AddCurrency opens a participant's accounts in a currency, and the book of the
// currency when it is the first. Conflict when it has it.
func (h *Hub) AddCurrency(ctx context.Context, name, currency string) error {
	if !fspiop.IsCurrency(currency) {
		return fault.New(fault.Invalid, "payments.hub.currency").At("currency", "payments.hub.currency")
	}
	if err := h.openBook(ctx, currency); err != nil {
		return err
	}
	return h.change(ctx, func(tx *store.Tx) error {
		id := strings.ToLower(name)
		if n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_fsp where id = $1", id); err != nil || n == 0 {
			return errOr(err, fault.New(fault.NotFound, "payments.participant.unknown"))
		}
		n, err := tx.Exec("insert into payments_hub_currency (fsp, currency, active, created) values ($1, $2, $3, $4) on conflict (fsp, currency) do nothing", id, currency, true, store.Micros(tx.Now()))
		if err != nil || n == 0 {
			return errOr(err, fault.New(fault.Conflict, "payments.hub.taken"))
		}
		book := hubBook(name)
		base := Account{Account: ledger.Account{Holder: book, Currency: currency}, Kind: KindParticipant, NameEn: name, NameUr: name, Opened: tx.Now()}
		settle, own, clients := base, base, base
		settle.ID, settle.Book, settle.Role = settlementAccount(book, currency), ledger.Rail, ledger.Settlement
		own.ID, own.Book, own.Role, own.Bottomless = ownAccount(book, currency), book, ledger.Own, true
		// What its customers own is the participant's business: no floor here.
		clients.ID, clients.Book, clients.Role, clients.Floor = clientsAccount(book, currency), book, ledger.Customer, -ledger.MaxAmount*100
		return insertAccounts(tx, []*Account{&settle, &own, &clients})
	})
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// openBook makes the book of a currency when there is none.
func (h *Hub) openBook(ctx context.Context, currency string) error {
	net, err := h.netCurrency(ctx, currency)
	if err != nil {
		return err
	}
	empty := false
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("insert into payments_book (currency, seq, head) values ($1, 0, $2) on conflict (currency) do nothing", currency, make([]byte, 32))
		if err != nil {
			return err
		}
		if n == 0 {
			// Somebody may have made the book and not come to its first row.
			number, err := store.Get(tx, store.Value[int64], "select number from payments_book where currency = $1", currency)
			empty = number == 0
			return err
		}
		empty = true
		if _, err := tx.Exec("insert into payments_index (currency, number) values ($1, 0)", currency); err != nil {
			return err
		}
		return insertAccounts(tx, []*Account{{Account: ledger.Account{ID: issuingAccount(currency), Book: ledger.Rail, Role: ledger.Issuing, Holder: "hub", Currency: currency, Bottomless: true},
			Kind: KindRail, NameEn: "Issuing account of the hub", NameUr: "ہب کا اجرائی کھاتہ", Opened: tx.Now()}})
	})
	if err != nil || !empty || !net {
		return err
	}
	// The first window is a gross one by itself: it ends before anything happens in it.
	_, err = h.room.ledger.Do(ctx, Work{Currency: currency, Actor: "system/payments", Steps: []ledger.Step{{Kind: ledger.Cut, Party: "hub", Key: "open/" + currency, Currency: currency, Net: true}}})
	return err
}

// SetActive lets a participant take part, or not: nothing new to or from it. What
// is reserved already may still be committed or given back.
func (h *Hub) SetActive(ctx context.Context, name string, active bool) error {
	return h.change(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_fsp set active = $2 where id = $1", strings.ToLower(name), active)
		return one(n, err)
	})
}

// SetCurrencyActive does the same for one currency.
func (h *Hub) SetCurrencyActive(ctx context.Context, name, currency string, active bool) error {
	return h.change(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_currency set active = $3 where fsp = $1 and currency = $2", strings.ToLower(name), currency, active)
		return one(n, err)
	})
}

// SetKey gives the public key by which a participant's signatures are verified;
// from then on everything it sends has to be signed. "" takes the key away.
func (h *Hub) SetKey(ctx context.Context, name, key string) error {
	if key != "" {
		if _, err := fspiop.ParseKey(key); err != nil {
			return fault.New(fault.Invalid, "payments.hub.key").Because(err)
		}
	}
	return h.change(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_hub_fsp set jws = $2 where id = $1", strings.ToLower(name), key)
		return one(n, err)
	})
}

func one(n int64, err error) error {
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "payments.participant.unknown")
	}
	return err
}

// SetEndpoint says where a participant takes messages of a kind. Nothing is ever
// sent to an address that was not registered here, and none that names a user, has a
// fragment or is not of HTTP can be.
func (h *Hub) SetEndpoint(ctx context.Context, name, kind, value string) error {
	if strings.HasPrefix(kind, "FSPIOP_CALLBACK_URL") && !isHubEndpoint(value) {
		return fault.New(fault.Invalid, "payments.hub.endpoint").At("value", "payments.hub.endpoint")
	}
	return h.change(ctx, func(tx *store.Tx) error {
		if n, err := store.Get(tx, store.Value[int64], "select count(*) from payments_hub_fsp where id = $1", strings.ToLower(name)); err != nil || n == 0 {
			return errOr(err, fault.New(fault.NotFound, "payments.participant.unknown"))
		}
		_, err := tx.Exec("insert into payments_hub_endpoint (fsp, kind, value) values ($1, $2, $3) on conflict (fsp, kind) do update set value = excluded.value", strings.ToLower(name), kind, value)
		return err
	})
}

// isHubEndpoint looks at an address in which {{names}} may stand in the path.
func isHubEndpoint(s string) bool {
	u, err := url.Parse(strings.NewReplacer("{{", "", "}}", "").Replace(s))
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.Fragment == "" && len(s) <= 512
}

// change writes, and makes this process read anew.
func (h *Hub) change(ctx context.Context, fn func(tx *store.Tx) error) error {
	err := h.room.db.Update(ctx, fn)
	h.fsps.forget()
	return err
}

// hubFSPs knows the participants; what was read holds for a second.
type hubFSPs struct {
	mu   sync.Mutex
	read time.Time
	all  map[string]*HubFSP // by name in lower case
}

func (c *hubFSPs) forget() {
	c.mu.Lock()
	c.all = nil
	c.mu.Unlock()
}

func (h *Hub) known(ctx context.Context) (map[string]*HubFSP, error) {
	c := &h.fsps
	c.mu.Lock()
	defer c.mu.Unlock()
	now := h.room.clock.Now()
	if c.all != nil && now.Sub(c.read) < peersHold && !now.Before(c.read) {
		return c.all, nil
	}
	all := map[string]*HubFSP{}
	err := h.room.db.View(ctx, func(tx *store.Tx) error {
		clear(all)
		list, err := store.List(tx, func(scan store.Scan) (*HubFSP, error) {
			f := &HubFSP{Endpoints: map[string]string{}}
			var created int64
			err := scan(&f.Name, &f.Active, &f.JWS, &created)
			f.Created = store.Time(created)
			return f, err
		}, "select name, active, jws, created from payments_hub_fsp")
		if err != nil {
			return err
		}
		for _, f := range list {
			all[strings.ToLower(f.Name)] = f
		}
		type entry struct {
			fsp, a, b string
			active    bool
			created   int64
		}
		currencies, err := store.List(tx, func(scan store.Scan) (e entry, err error) {
			err = scan(&e.fsp, &e.a, &e.active, &e.created)
			return e, err
		}, "select fsp, currency, active, created from payments_hub_currency order by created, currency")
		if err != nil {
			return err
		}
		for _, e := range currencies {
			if f := all[e.fsp]; f != nil {
				f.Currencies = append(f.Currencies, HubCurrency{e.a, e.active, store.Time(e.created)})
			}
		}
		endpoints, err := store.List(tx, func(scan store.Scan) (e entry, err error) {
			err = scan(&e.fsp, &e.a, &e.b)
			return e, err
		}, "select fsp, kind, value from payments_hub_endpoint")
		for _, e := range endpoints {
			if f := all[e.fsp]; f != nil {
				f.Endpoints[e.a] = e.b
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the hub's participants: %w", err)
	}
	for _, f := range all {
		if f.JWS != "" {
			if f.key, err = fspiop.ParseKey(f.JWS); err != nil {
				return nil, fmt.Errorf("key of participant %s: %w", f.Name, err)
			}
		}
	}
	c.all, c.read = all, now
	return all, nil
}

// FSPs lists the participants; the map is the caller's.
func (h *Hub) FSPs(ctx context.Context) (map[string]*HubFSP, error) {
	all, err := h.known(ctx)
	return maps.Clone(all), err
}

// FSP finds a participant by its name; nil when there is none.
func (h *Hub) FSP(ctx context.Context, name string) (*HubFSP, error) {
	all, err := h.known(ctx)
	if err != nil {
		return nil, err
	}
	return all[strings.ToLower(name)], nil
}
