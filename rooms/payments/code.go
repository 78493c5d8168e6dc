package payments

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/emvqr"
	"sarai/rooms/payments/ledger"
)

// purposeQR names the key that signs dynamic codes.
const purposeQR = "payments.qr"

// CodeTime is how long a dynamic code on a screen holds. The page makes a new
// one when it is loaded again, as long as the fee can be paid.
const CodeTime = 15 * time.Minute

// Intent is what a code, an IBAN or an alias asks of the payer.
type Intent struct {
	Payee   *Account
	Amount  int64 // minor units; 0: the payer says
	Purpose string
	Fee     *Fee
	Checked bool   // the code bears our signature and it holds
	Lookup  string // by which the payee was found; "" for a code we signed
	IBAN    string // of a payee at a connected participant
}

// feeCode makes the signed dynamic code of a fee.
func (r *Room) feeCode(ctx context.Context, f *Fee) (string, error) {
	key, err := r.keys.Signer(ctx, purposeQR)
	if err != nil {
		return "", err
	}
	c := r.merchantCode(f.Holder)
	c.Dynamic, c.Amount = true, r.plain(f.Amount)
	c.Additional.Bill = f.Reference
	until := r.clock.Now().Add(CodeTime)
	if f.Expires.Before(until) {
		until = f.Expires
	}
	return emvqr.Raast.Sign(c, emvqr.Terms{Expires: until, Key: keyName(key.ID)}, func(text []byte) ([]byte, error) { return key.SignMessage(nil, text, nil) })
}

// merchantCode is the static code of a merchant or an office.
func (r *Room) merchantCode(a *Account) emvqr.Code {
	category := a.Category
	if category == "" {
		category = "0000"
	}
	c := emvqr.Code{Accounts: []emvqr.Template{emvqr.Raast.Template(a.IBAN, r.bic(a.Book))}, Category: category, Currency: emvqr.Raast.Currency, Country: emvqr.Raast.Country,
		Name: short(a.NameEn, 25), City: short(orElse(a.CityEn, "Pakistan"), 15)}
	if a.NameUr != "" {
		c.Local = emvqr.Local{Language: "UR", Name: short(a.NameUr, 25), City: short(a.CityUr, 15)}
	}
	return c
}

// personCode is a person's own code: it names the account and nobody's name.
func (r *Room) personCode(a *Account, amount int64) (string, error) {
	p := emvqr.P2P{IBAN: a.IBAN}
	if amount > 0 {
		p.Amount = r.plain(amount)
	}
	return p.Encode(r.pack.Zone)
}

func (r *Room) bic(participant string) string {
	b, _ := r.pack.Bank(participant)
	return b.BIC
}

// Read finds out what somebody scanned, pasted or typed. Its faults are for
// the payer: what is wrong with it and what to do. Whose name it is to give is
// counted on by.
func (r *Room) Read(ctx context.Context, by Asker, text string) (*Intent, error) {
	in, err := r.read(ctx, by, strings.TrimSpace(text))
	return in, noPayee(err)
}

func (r *Room) read(ctx context.Context, by Asker, text string) (*Intent, error) {
	switch {
	case len(text) > emvqr.MaxPayload:
		return nil, fault.New(fault.TooLarge, "payments.code.unreadable").At("to", "payments.code.unreadable")
	case emvqr.IsP2P(text):
		return r.readPerson(ctx, by, text)
	case strings.HasPrefix(text, "0002"):
		return r.readMerchant(ctx, by, text)
	}
	k, err := r.typed(ctx, text)
	if err != nil {
		return nil, err
	}
	in := &Intent{}
	return in, r.payee(ctx, by, k, in)
}

// payee finds the payee in the directory.
func (r *Room) payee(ctx context.Context, by Asker, k aliasKey, in *Intent) error {
	found, _, err := r.lookUp(ctx, by, k)
	if err == nil {
		in.Payee, in.Lookup = found.Account, found.ID
		if found.Account.away() {
			in.IBAN = found.Account.IBAN
		}
	}
	return err
}

// noPayee makes "there is no such account" a message about what was typed.
func noPayee(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Invalid, "payments.payee.unknown").At("to", "payments.payee.unknown").Because(err)
	}
	return err
}

func (r *Room) readPerson(ctx context.Context, by Asker, text string) (*Intent, error) {
	p, err := emvqr.ParseP2P(text, r.pack.Zone)
	if err != nil {
		return nil, unreadable(err)
	}
	if !p.Expires.IsZero() && !r.clock.Now().Before(p.Expires) {
		return nil, fault.New(fault.Gone, "payments.code.expired").At("to", "payments.code.expired")
	}
	amount, err := r.minor(p.Amount)
	if err != nil {
		return nil, err
	}
	in := &Intent{Amount: amount}
	return in, r.payee(ctx, by, aliasKey{kind: aliasIBAN, iban: p.IBAN}, in)
}

func (r *Room) readMerchant(ctx context.Context, by Asker, text string) (*Intent, error) {
	c, err := emvqr.Parse(text)
	if err != nil {
		return nil, unreadable(err)
	}
	iban, _, err := emvqr.Raast.Payee(c)
	if err != nil {
		return nil, fault.New(fault.Invalid, "payments.code.foreign").At("to", "payments.code.foreign").Because(err)
	}
	in := &Intent{Purpose: c.Additional.Purpose}
	if in.Amount, err = r.minor(c.Amount); err != nil {
		return nil, err
	}
	known, err := r.keys.Public(ctx, purposeQR)
	if err != nil {
		return nil, err
	}
	terms, err := emvqr.Raast.Verify(c, func(name string, signed, signature []byte) bool {
		for _, k := range known {
			if public, ok := k.Public().(ed25519.PublicKey); ok && keyName(k.ID) == name {
				return ed25519.Verify(public, signed, signature)
			}
		}
		return false
	})
	switch {
	case err == nil:
		in.Checked = true
	case !errors.Is(err, emvqr.ErrUnsigned):
		return nil, fault.New(fault.Invalid, "payments.code.forged").At("to", "payments.code.forged").Because(err)
	}
	if in.Checked && !r.clock.Now().Before(terms.Expires) {
		return nil, fault.New(fault.Gone, "payments.code.expired").At("to", "payments.code.expired")
	}
	// Anybody can print a code around an account number: only who brings a code
	// that we signed learns the name for nothing.
	if !in.Checked {
		if err := r.payee(ctx, by, aliasKey{kind: aliasIBAN, iban: iban}, in); err != nil {
			return nil, err
		}
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if in.Checked {
			if in.Payee, err = accountByIBAN(tx, iban); err != nil {
				return err
			}
		}
		if c.Additional.Bill == "" {
			return nil
		}
		f, err := feeByReference(tx, c.Additional.Bill)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil // a bill of somebody else's numbering
		case err != nil:
			return err
		case !in.Checked || f.Account != in.Payee.ID || f.Amount != in.Amount:
			// Our bill numbers only come in codes we signed.
			return fault.New(fault.Invalid, "payments.code.forged").At("to", "payments.code.forged")
		}
		in.Fee, in.Purpose = f, f.Purpose
		return f.Payable(r.clock.Now())
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

func unreadable(err error) error {
	key := "payments.code.unreadable"
	if errors.Is(err, emvqr.ErrChecksum) {
		key = "payments.code.checksum"
	}
	return fault.New(fault.Invalid, key).At("to", key).Because(err)
}

// plain writes minor units as codes have them: "1250.00".
func (r *Room) plain(minor int64) string {
	return strings.ReplaceAll(r.pack.Currency.Digits(minor), ",", "")
}

// signedPlain is plain for a sum that may be below zero.
func (r *Room) signedPlain(minor int64) string {
	if minor < 0 {
		return "-" + r.plain(-minor)
	}
	return r.plain(minor)
}

// minor reads an amount out of a code: digits and at most one point.
func (r *Room) minor(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	wrong := fault.New(fault.Invalid, "payments.code.amount").At("to", "payments.code.amount")
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > r.pack.Currency.Decimals || len(whole) > 15 {
		return 0, wrong
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", r.pack.Currency.Decimals-len(fraction)), 10, 64)
	if err != nil || n <= 0 || n > ledger.MaxAmount {
		return 0, wrong
	}
	return n, nil
}

// keyName is a signing key's short name inside a code.
func keyName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// short cuts a name at a word's end where possible, counting characters.
func short(s string, n int) string {
	letters := []rune(s)
	if len(letters) <= n {
		return s
	}
	cut := strings.TrimSpace(string(letters[:n]))
	if at := strings.LastIndexByte(cut, ' '); at > 0 && letters[n] != ' ' {
		cut = cut[:at]
	}
	return cut
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
