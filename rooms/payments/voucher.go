package payments

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// KindVoucher is an account of a voucher group: its funding or its pool.
const KindVoucher = "voucher"

// purposeVoucher names the key that hides voucher numbers. It is never rotated:
// the hashes could not be made again.
const purposeVoucher = "payments.voucher.pseudonym"

// jobVoucher gives back the money of a voucher whose time is over.
const jobVoucher = "payments.voucher.expire"

// VoucherState is where a voucher stands. Used, cancelled and expired are
// final: its money has gone.
type VoucherState string

// The states.
const (
	VoucherPreactivated VoucherState = "preactivated" // its money is set aside; it cannot be used yet
	VoucherActivated    VoucherState = "activated"
	VoucherSuspended    VoucherState = "suspended"
	VoucherUsed         VoucherState = "used"
	VoucherCancelled    VoucherState = "cancelled"
	VoucherExpired      VoucherState = "expired"
)

// Voucher is money set aside for whoever shows its number.
type Voucher struct {
	Serial   string
	Group    string
	Currency string
	Amount   int64 // minor units
	Source   string
	State    VoucherState
	Created  time.Time
	Expires  time.Time
	Merchant string
	Transfer string
}

// VoucherGroup says whose money pays for vouchers.
type VoucherGroup struct {
	ID, Currency, Funding, Pool string
	Validity                    time.Duration
	Active                      bool
}

// VoucherMerchant takes vouchers of a group.
type VoucherMerchant struct{ Name, Details, Group, Account string }

const voucherColumns = "serial, grp, currency, amount, source, state, created, expires, merchant, transfer"

func scanVoucher(scan store.Scan) (*Voucher, error) {
	var v Voucher
	var created, expires int64
	err := scan(&v.Serial, &v.Group, &v.Currency, &v.Amount, &v.Source, &v.State, &created, &expires, &v.Merchant, &v.Transfer)
	v.Created, v.Expires = store.Time(created), store.Time(expires)
	return &v, err
}

// Faults of vouchers. Each has a status of its own on the wire.
var (
	errVoucherUnknown   = fault.New(fault.NotFound, "payments.bulk.voucher.unknown")
	errVoucherNumber    = fault.New(fault.NotFound, "payments.bulk.voucher.number")
	errVoucherUsed      = fault.New(fault.Gone, "payments.bulk.voucher.used")
	errVoucherExpired   = fault.New(fault.Gone, "payments.bulk.voucher.expired")
	errVoucherCancelled = fault.New(fault.Conflict, "payments.bulk.voucher.cancelled")
	errVoucherNotActive = fault.New(fault.Conflict, "payments.bulk.voucher.not-active")
	errVoucherGroup     = fault.New(fault.Invalid, "payments.bulk.voucher.group")
	errVoucherCurrency  = fault.New(fault.Invalid, "payments.bulk.voucher.currency")
	errVoucherFunds     = fault.New(fault.Conflict, "payments.bulk.voucher.funds")
	errVoucherMerchant  = fault.New(fault.Conflict, "payments.bulk.voucher.merchant")
	errVoucherAgain     = fault.New(fault.Conflict, "payments.bulk.voucher.again")
	errVoucherLimit     = fault.New(fault.Limit, "payments.bulk.voucher.guesses")
)

const (
	// voucherDigits of a number are random and one more is the check digit, which
	// finds mistyped numbers.
	voucherDigits = 17
	// voucherGuesses is how many wrong numbers a source may send in an hour.
	voucherGuesses = 20
)

// luhn is the check digit of ISO/IEC 7812-1, annex B.
func luhn(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// numbers of that many digits
var voucherSpace = new(big.Int).Exp(big.NewInt(10), big.NewInt(voucherDigits), nil)

func voucherDigitsOf(n *big.Int) string {
	s := fmt.Sprintf("%0*d", voucherDigits, n)
	return s + string(luhn(s))
}

// newSerial makes a random serial number, by which a voucher is known to
// everybody who has to do with it.
func newSerial() (string, error) {
	n, err := rand.Int(rand.Reader, voucherSpace)
	if err != nil {
		return "", err
	}
	return voucherDigitsOf(n), nil
}

// voucherNumber is the number of a voucher. It is kept nowhere: it is made of
// the serial number with a key that never leaves the key ring, so that it can
// be told again to a source that has lost the answer.
func (r *Room) voucherNumber(ctx context.Context, serial string) (string, error) {
	mac, err := r.keys.MAC(ctx, purposeVoucher, []byte("number"), []byte(serial))
	if err != nil {
		return "", err
	}
	n := new(big.Int).SetBytes(mac) // 256 bits: no number is more likely than another
	return voucherDigitsOf(n.Mod(n, voucherSpace)), nil
}

// voucherMAC hides a number, written with or without spaces.
func (r *Room) voucherMAC(ctx context.Context, number string) ([]byte, error) {
	return r.keys.MAC(ctx, purposeVoucher, []byte("lookup"), []byte(strings.Join(strings.Fields(number), "")))
}

// mistyped says that a number of our form has a wrong check digit.
func mistyped(number string) bool {
	return len(number) == voucherDigits+1 && luhn(number[:voucherDigits]) != number[voucherDigits]
}

func getVoucher(tx *store.Tx, where string, args ...any) (*Voucher, error) {
	v, err := store.Get(tx, scanVoucher, "select "+voucherColumns+" from payments_voucher where "+where, args...)
	if fault.Is(err, fault.NotFound) {
		return nil, errVoucherUnknown
	}
	return v, err
}

func voucherGroup(tx *store.Tx, id, currency string) (g VoucherGroup, err error) {
	g, err = store.Get(tx, func(scan store.Scan) (g VoucherGroup, err error) {
		var validity int64
		err = scan(&g.ID, &g.Currency, &g.Funding, &g.Pool, &validity, &g.Active)
		g.Validity = time.Duration(validity) * time.Microsecond
		return g, err
	}, "select id, currency, funding, pool, validity, active from payments_voucher_group where id = $1 and currency = $2", id, currency)
	if !fault.Is(err, fault.NotFound) {
		return g, err
	}
	var n int64
	if err := tx.QueryRow("select count(*) from payments_voucher_group where id = $1", id).Scan(&n); err != nil {
		return g, err
	}
	if n > 0 {
		return g, errVoucherCurrency
	}
	return g, errVoucherGroup
}

// MakeVoucher sets the money of a new voucher aside: it moves from the group's
// funding account to its pool. A correlation of the source that comes again
// gets the same voucher, as long as it has not been handed out.
func (r *Room) MakeVoucher(ctx context.Context, actor, source, correlation, group, currency string, amount int64) (v *Voucher, number string, err error) {
	var g VoucherGroup
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if g, err = voucherGroup(tx, group, currency); err != nil || correlation == "" {
			return err
		}
		v, err = getVoucher(tx, "source = $1 and correlation = $2", source, correlation)
		if fault.Is(err, fault.NotFound) {
			v, err = nil, nil
		}
		return err
	})
	switch {
	case err != nil:
		return nil, "", err
	case !g.Active:
		return nil, "", errVoucherGroup
	case v != nil && (v.State != VoucherPreactivated || v.Group != group || v.Currency != currency || v.Amount != amount):
		return nil, "", errVoucherAgain
	case v != nil:
		number, err = r.voucherNumber(ctx, v.Serial)
		return v, number, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, "", err
	}
	if number, err = r.voucherNumber(ctx, serial); err != nil {
		return nil, "", err
	}
	mac, err := r.voucherMAC(ctx, number)
	if err != nil {
		return nil, "", err
	}
	t, err := r.Pay(ctx, actor, Instant{Party: "voucher/" + source, Key: "make/" + serial, Debit: g.Funding, Credit: g.Pool, Amount: amount, Currency: currency, Note: Note{Purpose: "voucher " + serial},
		After: func(tx *store.Tx, transfer string) error {
			v = &Voucher{Serial: serial, Group: group, Currency: currency, Amount: amount, Source: source, State: VoucherPreactivated, Created: tx.Now(), Expires: tx.Now().Add(g.Validity), Transfer: transfer}
			return insertVoucher(tx, v, mac, correlation)
		}})
	if err != nil {
		if store.IsUnique(err) {
			return nil, "", errVoucherAgain
		}
		return nil, "", err
	}
	if t.Phase != ledger.Committed {
		return nil, "", errVoucherFunds
	}
	return v, number, nil
}

// insertVoucher writes a voucher whose money is in the pool, and its end.
func insertVoucher(tx *store.Tx, v *Voucher, mac []byte, correlation string) error {
	_, err := tx.Exec("insert into payments_voucher (serial, mac, grp, currency, amount, source, correlation, state, created, expires, changed, merchant, transfer) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, '', $11)",
		v.Serial, mac, v.Group, v.Currency, v.Amount, v.Source, correlation, string(v.State), store.Micros(v.Created), store.Micros(v.Expires), v.Transfer)
	if err != nil {
		return err
	}
	emitVoucher(tx, v, "payments.voucher.preactivated", v.Source)
	return job.Put(tx, job.Job{Kind: jobVoucher, Key: v.Serial, At: v.Expires, Data: voucherJob{v.Serial}})
}

func emitVoucher(tx *store.Tx, v *Voucher, event, actor string) {
	tx.Emit(store.Event{Type: event, Version: 1, Subject: "payments/voucher/" + v.Serial, Actor: actor, Data: VoucherData{v.Serial, v.Group, v.Amount, v.Currency, string(v.State), v.Transfer}})
}

// is gives the fault of a voucher that is in none of the states.
func (v *Voucher) is(now time.Time, states ...VoucherState) error {
	for _, s := range states {
		if v.State == s && (now.Before(v.Expires) || s == VoucherExpired) {
			return nil
		}
	}
	switch {
	case v.State == VoucherUsed:
		return errVoucherUsed
	case v.State == VoucherCancelled:
		return errVoucherCancelled
	case v.State == VoucherExpired || !now.Before(v.Expires):
		return errVoucherExpired
	}
	return errVoucherNotActive
}

// ActivateVoucher makes a voucher usable, when it is handed to its beneficiary.
func (r *Room) ActivateVoucher(ctx context.Context, actor, source, serial string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		v, err := getVoucher(tx, "serial = $1 for update", serial)
		if err == nil && v.Source != source {
			err = errVoucherUnknown
		}
		if err == nil {
			err = v.is(tx.Now(), VoucherPreactivated, VoucherActivated, VoucherSuspended)
		}
		if err != nil || v.State == VoucherActivated { // the same again changes nothing
			return err
		}
		v.State = VoucherActivated
		if _, err := tx.Exec("update payments_voucher set state = $2, changed = $3 where serial = $1", serial, string(v.State), store.Micros(tx.Now())); err != nil {
			return err
		}
		emitVoucher(tx, v, "payments.voucher.activated", actor)
		return nil
	})
}

// VoucherBySerial reads a voucher.
func (r *Room) VoucherBySerial(ctx context.Context, serial string) (v *Voucher, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		v, err = getVoucher(tx, "serial = $1", serial)
		return err
	})
	return v, err
}

// endVoucher pays a voucher's money back to the group's funding account and ends
// the voucher, in one decision.
func (r *Room) endVoucher(ctx context.Context, actor string, v *Voucher, to VoucherState, event string, from ...VoucherState) error {
	var g VoucherGroup
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		g, err = voucherGroup(tx, v.Group, v.Currency)
		return err
	})
	if err != nil {
		return err
	}
	t, err := r.Pay(ctx, actor, Instant{Party: "voucher/" + v.Source, Key: "end/" + v.Serial, Debit: g.Pool, Credit: g.Funding, Amount: v.Amount, Currency: v.Currency, Note: Note{Purpose: "voucher " + v.Serial},
		Before: func(tx *store.Tx) error {
			now, err := getVoucher(tx, "serial = $1 for update", v.Serial)
			if err != nil {
				return err
			}
			if to == VoucherExpired && !tx.Now().Before(now.Expires) {
				now.Expires = tx.Now().Add(time.Second) // its time being over is the reason
			}
			return now.is(tx.Now(), from...)
		},
		After: func(tx *store.Tx, transfer string) error {
			v.State, v.Transfer = to, transfer
			_, err := tx.Exec("update payments_voucher set state = $2, changed = $3, transfer = $4 where serial = $1", v.Serial, string(to), store.Micros(tx.Now()), transfer)
			if err != nil {
				return err
			}
			emitVoucher(tx, v, event, actor)
			return job.Cancel(tx, jobVoucher, v.Serial)
		}})
	if err == nil && t.Phase != ledger.Committed {
		return errVoucherFunds
	}
	return err
}

// CancelVoucher takes a voucher back that was not used; its money returns.
func (r *Room) CancelVoucher(ctx context.Context, actor, source, serial string) error {
	v, err := r.VoucherBySerial(ctx, serial)
	if err == nil && v.Source != source {
		err = errVoucherUnknown
	}
	if err == nil {
		err = v.is(r.clock.Now(), VoucherPreactivated, VoucherActivated, VoucherSuspended)
	}
	if err != nil {
		return err
	}
	return r.endVoucher(ctx, actor, v, VoucherCancelled, "payments.voucher.cancelled", VoucherPreactivated, VoucherActivated, VoucherSuspended)
}

type voucherJob struct {
	Serial string `json:"serial"`
}

// expireVoucher is the job at the end of a voucher's time.
func (r *Room) expireVoucher(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var x voucherJob
	if err := j.Decode(&x); err != nil {
		return nil, job.Stop(err)
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobVoucher, jobVoucher, gate.House{}); err != nil {
		return nil, err
	}
	v, err := r.VoucherBySerial(ctx, x.Serial)
	if err != nil || v.State == VoucherUsed || v.State == VoucherCancelled || v.State == VoucherExpired {
		return nil, err
	}
	return nil, r.endVoucher(ctx, "system/"+jobVoucher, v, VoucherExpired, "payments.voucher.expired", VoucherPreactivated, VoucherActivated, VoucherSuspended)
}
