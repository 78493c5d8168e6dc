package payments

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
	"sarai/rooms/payments/govstack"
)

// GovStackPath is where the GovStack interface is mounted.
const GovStackPath = "/govstack/payments"

type mediatedKey struct{}

// Mediated marks a request that came over the operator's own line to the
// information mediator, which knows the building blocks behind it and answers
// for them. Nothing a caller sends can set it.
func Mediated(ctx context.Context) context.Context {
	return context.WithValue(ctx, mediatedKey{}, true)
}

// govCaller finds who calls: the mediator by its line, everybody else by an
// access token.
func govCaller(a *api.API) func(*http.Request) (gate.Principal, error) {
	return func(q *http.Request) (gate.Principal, error) {
		if q.Context().Value(mediatedKey{}) != nil {
			return gate.Principal{Kind: gate.Client, ID: "information-mediator", Organisations: []gate.Membership{{Organisation: "govstack", Role: "mediator"}}}, nil
		}
		if a.Authenticator == nil || q.Header.Get("Authorization") == "" {
			return gate.Principal{}, nil
		}
		return a.Authenticator(q)
	}
}

func govJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// govFail answers refusals of the gate and errors nobody foresaw, in the form
// all calls have.
func govFail(c *web.Ctx, err error) {
	var r *govstack.Refusal
	status, words := http.StatusInternalServerError, "the request could not be answered"
	if f := fault.As(err); f != nil {
		status, words = f.Kind.Status(), c.Site.Say("en", f.Key)
	}
	if errors.As(err, &r) {
		status, words = r.Status, r.Message
	}
	_ = govJSON(c.W, status, govstack.Message{Message: words})
}

// govRate is how often one caller may come; the mediator speaks for many.
var govRate = web.Rate{N: 6000, Per: time.Minute}

func (r *Room) govRoutes(s *web.Site, a *api.API) {
	caller := govCaller(a)
	handle := func(method, path, action string, do func(c *web.Ctx, p gate.Permit[govCall]) error) {
		web.Handle(s, web.Route[govCall]{Pattern: method + " " + GovStackPath + path, Action: action, Load: r.loadGov, Protocol: true, Principal: caller, Fail: govFail, Limit: govRate, Do: do})
	}
	// bad is the status of a message that cannot be accepted.
	answer := func(bad int, do func(ctx context.Context, p gate.Permit[govCall]) (govstack.Answer, error)) func(c *web.Ctx, p gate.Permit[govCall]) error {
		return func(c *web.Ctx, p gate.Permit[govCall]) error {
			out, err := do(c.Context(), p)
			var f *govstack.Failure
			switch {
			case err == nil:
				return govJSON(c.W, http.StatusOK, out)
			case errors.As(err, &f):
				return govJSON(c.W, bad, out)
			case fault.As(err) != nil && fault.As(err).Kind != fault.Internal:
				return govJSON(c.W, bad, out)
			}
			return err
		}
	}
	handle("POST", "/register-beneficiary", "payments.govstack.register", answer(400, func(ctx context.Context, p gate.Permit[govCall]) (govstack.Answer, error) {
		return r.govRegister(ctx, p.Resource(), false)
	}))
	handle("POST", "/update-beneficiary-details", "payments.govstack.register", answer(400, func(ctx context.Context, p gate.Permit[govCall]) (govstack.Answer, error) {
		return r.govRegister(ctx, p.Resource(), true)
	}))
	// The standard answers a refused validation with 200 and the code 01.
	handle("POST", "/prepayment-validation", "payments.govstack.batch", answer(200, func(ctx context.Context, p gate.Permit[govCall]) (govstack.Answer, error) {
		return r.govValidate(ctx, p.Resource())
	}))
	handle("POST", "/prepayment-validation-response", "payments.govstack.batch", func(c *web.Ctx, p gate.Permit[govCall]) error {
		out, err := r.govInquire(c.Context(), p.Resource())
		if f := (*govstack.Failure)(nil); errors.As(err, &f) {
			return govJSON(c.W, http.StatusBadRequest, out)
		}
		if err != nil {
			return err
		}
		return govJSON(c.W, http.StatusOK, out)
	})
	handle("POST", "/bulk-payment", "payments.govstack.batch", answer(400, func(ctx context.Context, p gate.Permit[govCall]) (govstack.Answer, error) {
		return r.govPay(ctx, p.Who(), p.Resource())
	}))
	handle("POST", "/vouchers/voucher_preactivation", "payments.govstack.voucher", r.govPreactivate)
	handle("PATCH", "/vouchers/voucher_activation", "payments.govstack.voucher", r.govActivate)
	handle("POST", "/vouchers/voucher_redemption", "payments.govstack.voucher", r.govRedeem)
	handle("PATCH", "/vouchers/voucherstatuscheck/{serial}", "payments.govstack.voucher", r.govCancel)
	handle("POST", "/billTransferRequests", "payments.govstack.bill", r.govBillPaid)
	read := func(path, action string, do func(c *web.Ctx, p gate.Permit[govCall]) error) {
		web.Handle(s, web.Route[govCall]{Pattern: "GET " + GovStackPath + path, Action: action, Load: r.loadGovHeader, Protocol: true, Principal: caller, Fail: govFail, Limit: govRate, Do: do})
	}
	read("/batch/status", "payments.govstack.batch", r.govBatchStatus)
	read("/batch/detail", "payments.govstack.batch", r.govBatchDetail)
	read("/bills/{bill}", "payments.govstack.bill", r.govBill)
	web.Handle(s, web.Route[govCall]{Pattern: "GET " + GovStackPath + "/vouchers/voucherstatuscheck/{serial}", Action: "payments.govstack.voucher", Load: r.loadGovVoucher, Protocol: true, Principal: caller, Fail: govFail, Limit: govRate, Do: r.govStatus})
}

// loadGovVoucher lets the source of a voucher look at it.
func (r *Room) loadGovVoucher(q *http.Request) (c govCall, err error) {
	err = r.db.View(q.Context(), func(tx *store.Tx) error {
		v, err := getVoucher(tx, "serial = $1", q.PathValue("serial"))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c.Source, err = getSource(tx, v.Source)
		return err
	})
	return c, err
}

// govRefusals are the standard's statuses for what can be wrong with a voucher.
func govRefusal(err error) error {
	for _, x := range []struct {
		cause  error
		status int
		words  string
	}{
		{errVoucherUnknown, govstack.InvalidSerial, "there is no voucher with this serial number"},
		{errVoucherNumber, govstack.InvalidNumber, "there is no voucher with this number"},
		{errVoucherUsed, govstack.AlreadyUsed, "the voucher has been used"},
		{errVoucherExpired, govstack.Expired, "the voucher has expired"},
		{errVoucherCancelled, govstack.AlreadyCancelled, "the voucher has been cancelled"},
		{errVoucherNotActive, govstack.InvalidSerial, "the voucher is not in a state that allows this"},
		{errVoucherGroup, govstack.InvalidGroup, "there is no such voucher group, or the merchant is not in the voucher's"},
		{errVoucherCurrency, govstack.InvalidCurrency, "the voucher group has no money in this currency"},
		{errVoucherFunds, govstack.NoFunds, "the funding account does not cover it"},
		{errVoucherMerchant, govstack.MerchantRefused, "the merchant cannot be credited"},
		{errVoucherAgain, http.StatusConflict, "this X-CorrelationID has had another voucher"},
		{errVoucherLimit, http.StatusTooManyRequests, "too many wrong numbers; try again in an hour"},
	} {
		if errors.Is(err, x.cause) {
			return &govstack.Refusal{Status: x.status, Message: x.words}
		}
	}
	return err
}

var errNoBlock = &govstack.Refusal{Status: govstack.NoSuchBlock, Message: "the GovStack building block does not exist"}

func (r *Room) govPreactivate(c *web.Ctx, p gate.Permit[govCall]) error {
	call := p.Resource()
	m, minor, err := govstack.ParsePreactivation(call.Body, 2)
	if err == nil && call.Source == nil {
		err = errNoBlock
	}
	if err != nil {
		return err
	}
	correlation := c.R.Header.Get("X-CorrelationID")
	if len(correlation) > 64 {
		return &govstack.Refusal{Status: http.StatusBadRequest, Message: "X-CorrelationID is too long"}
	}
	v, number, err := r.MakeVoucher(c.Context(), p.Who().Actor(), call.Source.ID, correlation, m.Group, m.Currency, minor)
	if err != nil {
		return govRefusal(err)
	}
	return govJSON(c.W, http.StatusOK, govstack.Preactivated{Number: number, Serial: v.Serial, Expires: v.Expires.UTC().Format(time.RFC3339)})
}

func (r *Room) govActivate(c *web.Ctx, p gate.Permit[govCall]) error {
	call := p.Resource()
	m, err := govstack.ParseActivation(call.Body)
	if err == nil && call.Source == nil {
		err = errNoBlock
	}
	if err == nil {
		err = govRefusal(r.ActivateVoucher(c.Context(), p.Who().Actor(), call.Source.ID, string(m.Serial)))
	}
	if err != nil {
		return err
	}
	return govJSON(c.W, http.StatusOK, govstack.Result{Status: "Activated"})
}

func (r *Room) govRedeem(c *web.Ctx, p gate.Permit[govCall]) error {
	call := p.Resource()
	m, err := govstack.ParseRedemption(call.Body)
	if err == nil && call.Source == nil {
		err = errNoBlock
	}
	if err == nil {
		_, err = r.RedeemVoucher(c.Context(), VoucherUse{Actor: p.Who().Actor(), Source: call.Source.ID, Number: string(m.Number), Merchant: m.Merchant, Details: m.Details, Group: m.Group, Override: bool(m.Override)})
	}
	if err != nil {
		return govRefusal(err)
	}
	return govJSON(c.W, http.StatusOK, govstack.Result{Status: "Redeemed"})
}

func (r *Room) govCancel(c *web.Ctx, p gate.Permit[govCall]) error {
	call, serial := p.Resource(), c.Path("serial")
	m, err := govstack.ParseCancellation(call.Body, serial)
	if err != nil {
		return err
	}
	if call.Source == nil { // this call has one status for both
		return &govstack.Refusal{Status: govstack.CannotCancel, Message: errNoBlock.Message}
	}
	err = r.CancelVoucher(c.Context(), p.Who().Actor(), call.Source.ID, string(m.Serial))
	if errors.Is(err, errVoucherUnknown) {
		return &govstack.Refusal{Status: govstack.CannotCancel, Message: "there is no voucher with this serial number"}
	}
	if err != nil {
		return govRefusal(err)
	}
	return govJSON(c.W, http.StatusOK, govstack.Message{Message: "the voucher was cancelled"})
}

func (r *Room) govStatus(c *web.Ctx, _ gate.Permit[govCall]) error {
	serial := c.Path("serial")
	if err := govstack.CheckSerial(serial); err != nil {
		return err
	}
	v, err := r.VoucherBySerial(c.Context(), serial)
	if err != nil {
		return govRefusal(err)
	}
	out := govstack.Status{Amount: govstack.Plain(v.Amount, 2)}
	switch v.State {
	case VoucherPreactivated:
		out.Status = govstack.StatusPreActivated
	case VoucherActivated:
		out.Status = govstack.StatusActivated
	case VoucherSuspended:
		out.Status = govstack.StatusSuspended
	case VoucherCancelled:
		out.Status = govstack.StatusBlocked
	case VoucherUsed:
		return govRefusal(errVoucherUsed)
	case VoucherExpired:
		return govRefusal(errVoucherExpired)
	}
	if !r.clock.Now().Before(v.Expires) && v.State != VoucherCancelled {
		return govRefusal(errVoucherExpired)
	}
	return govJSON(c.W, http.StatusOK, out)
}
