package payments

import (
	"context"
	"math/bits"
	"slices"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// Liquidity is what a participant has and may use in the open window, minor units.
type Liquidity struct {
	Participant   string
	NameEn        string
	NameUr        string
	Suspended     bool
	Balance       int64 // of the settlement account
	Held          int64 // reserved, on the account that the window's model uses
	Cap           int64 // net debit cap
	Position      int64 // received less sent in the open window
	Sent          int64
	Received      int64
	SentCount     int64
	ReceivedCount int64
	Limit         int64 // all it may use: its cap, and in a gross window the money it put in
	Free          int64 // what it may still use
	Owing         int64 // dues that are not settled; below zero it owes
	Alert         int64 // highest threshold it is above, per cent; 0: none
}

// Name is the participant's name in a language.
func (l Liquidity) Name(lang string) string {
	if lang == "ur" && l.NameUr != "" {
		return l.NameUr
	}
	return l.NameEn
}

// Used is how much of the limit is used, per cent, rounded down, 0 to 100.
func (l Liquidity) Used() int64 {
	used := l.Limit - l.Free
	switch {
	case used <= 0:
		return 0
	case l.Free <= 0:
		return 100
	}
	high, low := bits.Mul64(uint64(used), 100) //nolint:gosec // above zero
	q, _ := bits.Div64(high, low, uint64(l.Limit))
	return int64(q) //nolint:gosec // below 100
}

// liquidity reads where all participants stand; net is the model of the open
// window. A settlement account began with the posts that fund it: what payments
// added or took since is use.
func liquidity(tx *store.Tx, currency string, net bool) ([]Liquidity, error) {
	return store.List(tx, func(scan store.Scan) (l Liquidity, err error) {
		var position, held, funded int64
		err = scan(&l.Participant, &l.NameEn, &l.NameUr, &l.Suspended, &l.Balance, &l.Held, &l.Cap, &position, &held, &l.Owing, &funded, &l.SentCount, &l.Sent, &l.ReceivedCount, &l.Received, &l.Alert)
		l.Cap, l.Position = -l.Cap, l.Received-l.Sent
		if net {
			l.Held, l.Limit, l.Free = held, l.Cap, position-held+l.Cap
		} else {
			l.Limit, l.Free = funded+l.Cap, l.Balance-l.Held+l.Cap
		}
		return l, err
	}, `select p.id, p.name_en, p.name_ur, p.suspended, ab.balance, ab.held, a.floor, nb.balance, nb.held, ob.balance,
		(select cast(coalesce(sum(t.amount), 0) as bigint) from payments_transfer t where t.credit = a.id and t.kind = 'post')
			- (select cast(coalesce(sum(t.amount), 0) as bigint) from payments_transfer t where t.debit = a.id and t.kind = 'post'),
		coalesce(s.sent_count, 0), coalesce(s.sent, 0), coalesce(s.received_count, 0), coalesce(s.received, 0),
		(select coalesce(max(x.threshold), 0) from payments_alert x where x.currency = a.currency and x.participant = p.id)
		from payments_participant p join payments_account a on a.holder = p.id and a.role = 'settlement' and a.currency = $1 join payments_balance ab on ab.id = a.id
		join payments_account n on n.holder = p.id and n.role = 'position' and n.currency = $1 join payments_balance nb on nb.id = n.id
		join payments_account o on o.holder = p.id and o.role = 'obligation' and o.currency = $1 join payments_balance ob on ob.id = o.id
		left join payments_position s on s.currency = $1 and s.participant = p.id and s.place = (select max(number) from payments_window where currency = $1)
		order by p.kind, p.name_en`, currency)
}

// WatchLiquidity compares what participants have used with the scheme's
// thresholds and says what changed. An alert ends five points below its
// threshold, so that it does not flicker.
func (r *Room) WatchLiquidity(ctx context.Context) error {
	currency := r.pack.Currency.Code
	type change struct {
		l         Liquidity
		threshold int64
		up        bool
	}
	look := func(tx *store.Tx) (changes []change, err error) {
		s, err := getScheme(tx, currency)
		if err != nil {
			return nil, err
		}
		w, err := openWindow(tx, currency)
		if err != nil {
			return nil, err
		}
		all, err := liquidity(tx, currency, w.Net)
		if err != nil {
			return nil, err
		}
		type alert struct {
			participant string
			threshold   int64
		}
		open, err := store.List(tx, func(scan store.Scan) (a alert, err error) {
			err = scan(&a.participant, &a.threshold)
			return a, err
		}, "select participant, threshold from payments_alert where currency = $1 order by participant, threshold", currency)
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			for _, t := range s.Alerts {
				if l.Limit > 0 && l.Used() >= t && !slices.Contains(open, alert{l.Participant, t}) {
					changes = append(changes, change{l, t, true})
				}
			}
			for _, a := range open {
				if a.participant == l.Participant && (l.Limit <= 0 || l.Used() < max(a.threshold-5, 1) || !slices.Contains(s.Alerts, a.threshold)) {
					changes = append(changes, change{l, a.threshold, false})
				}
			}
		}
		return changes, nil
	}
	var changes []change
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		changes, err = look(tx)
		return err
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		for _, c := range changes {
			var n int64
			event := LiquidityLow
			if c.up {
				n, err = tx.Exec("insert into payments_alert (currency, participant, threshold, since) values ($1, $2, $3, $4) on conflict (currency, participant, threshold) do nothing", currency, c.l.Participant, c.threshold, store.Micros(tx.Now()))
			} else {
				event = LiquidityRestored
				n, err = tx.Exec("delete from payments_alert where currency = $1 and participant = $2 and threshold = $3", currency, c.l.Participant, c.threshold)
			}
			if err != nil {
				return err
			}
			if n == 0 {
				continue // another process has said it
			}
			tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/participant/" + c.l.Participant, Actor: "system/payments",
				Data: LiquidityData{Currency: currency, Participant: c.l.Participant, Threshold: c.threshold, Used: c.l.Used(), Free: c.l.Free}})
		}
		return nil
	})
}

// liquidityOf is where one participant stands.
func (r *Room) liquidityOf(ctx context.Context, participant string) (w Window, l Liquidity, err error) {
	currency := r.pack.Currency.Code
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if w, err = openWindow(tx, currency); err != nil {
			return err
		}
		all, err := liquidity(tx, currency, w.Net)
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.Participant == participant {
				l = one
				return nil
			}
		}
		return fault.New(fault.NotFound, "payments.participant.unknown").Because(ledgerless(participant))
	})
	return w, l, err
}

type ledgerless string

func (l ledgerless) Error() string {
	return "participant " + string(l) + " has no account in " + ledger.Rail
}
