package payments

import (
	"context"
	"fmt"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/courtyard/web"
)

// directoryPath is where the directory's interface begins. Its words are those
// of DICT (Banco Central do Brasil) where DICT has one.
const directoryPath = "/api/payments/directory"

// directoryAPI registers the directory's JSON interface.
func (r *Room) directoryAPI(a *api.API) {
	r.lookupAPI(a)
	r.ownEntriesAPI(a)
	r.memberEntriesAPI(a)
	r.contentAPI(a)
	r.claimAPI(a)
	r.markAPI(a)
}

// Lookup is the answer to a lookup.
type Lookup struct {
	Lookup      string    `json:"lookup" doc:"names this answer; give it with the payment that follows, and the token comes back"`
	Expires     time.Time `json:"expires" doc:"until then it may be used"`
	Kind        string    `json:"kind" enum:"mobile,number,iban"`
	Payee       string    `json:"payee" doc:"name of the payee: of persons the first letters, of merchants and offices in full"`
	PayeeUrdu   string    `json:"payee_ur,omitempty"`
	Confirmed   bool      `json:"confirmed" doc:"false: the account number belongs to a connected participant that has not told the directory whose it is; payee is then the participant's name, and the payee's cannot be confirmed"`
	HolderKind  string    `json:"holder_kind,omitempty" enum:"natural,legal" doc:"left out when the payee is not confirmed"`
	Participant string    `json:"participant"`
	Bank        string    `json:"participant_name"`
	BIC         string    `json:"participant_bic,omitempty" doc:"for participants only: where a pacs.008 for the account goes"`
	IBAN        string    `json:"iban,omitempty" doc:"for participants only"`
	CoolOff     *CoolOff  `json:"cool_off,omitempty" doc:"the number changed hands or its SIM card was changed a short time ago"`
	AgreedMarks int64     `json:"agreed_marks" doc:"reports of fraud in twelve months that both participants agreed on"`
	Statistics  []Stats   `json:"statistics,omitempty" doc:"for participants only"`
	TokensLeft  int64     `json:"tokens_left" doc:"in the payer's bucket; below zero is a debt that time pays back"`
}

// CoolOff says what an alias may still receive, and until when.
type CoolOff struct {
	Until time.Time `json:"until"`
	Most  string    `json:"most" doc:"what it may still receive until then" example:"25000.00"`
}

// Stats are the marks of an account, a person or an alias.
type Stats struct {
	Of     string   `json:"of" enum:"alias,account,person"`
	Counts []Counts `json:"counts"`
}

// BucketView is the state of a token bucket (DICT: policy).
type BucketView struct {
	Policy  string `json:"policy" example:"ENTRIES_READ_USER_ANTISCAN"`
	Tokens  int64  `json:"tokens"`
	Size    int64  `json:"size"`
	Seconds string `json:"seconds" doc:"in which one token comes back" example:"1800"`
	Hit     int64  `json:"hit" doc:"what an answer costs"`
	Miss    int64  `json:"miss" doc:"what it costs when there is none"`
	Back    int64  `json:"back" doc:"what comes back when a payment follows"`
}

func viewBucket(b *Bucket) BucketView {
	return BucketView{b.Name, b.Tokens, b.Size, fmt.Sprintf("%d.%03d", b.Every/time.Second, b.Every%time.Second/time.Millisecond), b.Hit, b.Miss, b.Back}
}

type ask struct {
	Body struct {
		To   string `json:"to" doc:"mobile number, national number or IBAN of the payee" maxLength:"64"`
		From string `json:"from,omitempty" doc:"IBAN of the account you will pay from; a company's own account has a larger bucket" maxLength:"34"`
	}
}

type memberAsk struct {
	Seat
	Body struct {
		To    string `json:"to" doc:"mobile number, national number or IBAN of the payee" maxLength:"64"`
		Payer string `json:"payer" doc:"IBAN of the customer for whom you ask; the customer's bucket pays, whichever participant asks" maxLength:"34"`
	}
}

type simChange struct {
	Body struct {
		Mobile string `json:"mobile" maxLength:"20" doc:"number whose SIM card was changed"`
	}
}

// Seat is a participant whose own program calls.
type Seat struct {
	Participant string `path:"participant" maxLength:"40" doc:"id of the participant that calls"`
}

// GateResource tells the gate which membership the program needs.
func (s Seat) GateResource() gate.Resource {
	return gate.Resource{Type: "PaymentsSeat", ID: s.Participant, Attrs: map[string]any{"seat": s.Participant + "#participant"}}
}

func (s Seat) seat() Seat { return s }

func (s Seat) scope() string { return "participant/" + s.Participant }

// forMember registers a call of a participant about its own part of the
// directory, each of which costs a token of a policy.
func forMember[I interface{ seat() Seat }, O any](r *Room, a *api.API, op api.Operation[I, Seat], p Policy, do func(ctx context.Context, who gate.Permit[Seat], in *I) (*O, error)) {
	op.Action, op.Path = "payments.directory.use", directoryPath+"/participants/{participant}"+op.Path
	op.Load = func(_ context.Context, in *I) (Seat, error) { return (*in).seat(), nil }
	api.Handle(a, op, func(ctx context.Context, who gate.Permit[Seat], in *I) (*O, error) {
		if err := r.charge(ctx, p, who.Resource().scope()); err != nil {
			return nil, err
		}
		return do(ctx, who, in)
	})
}

// charge takes a token; the zero policy costs nothing.
func (r *Room) charge(ctx context.Context, p Policy, scope string) error {
	if p.Size == 0 {
		return nil
	}
	return r.db.Update(ctx, func(tx *store.Tx) error { return take(tx, p, scope) })
}

func (r *Room) lookupAPI(a *api.API) {
	api.Handle(a, api.Operation[ask, gate.House]{Method: "POST", Path: directoryPath + "/lookups", ID: "directory-lookup", Summary: "Ask who is paid", Action: "payments.directory.ask",
		Description: "Each answer costs a token of your bucket, an unknown number twenty; the header RateLimit says how many are left. A token comes back when a payment follows."},
		func(ctx context.Context, p gate.Permit[gate.House], in *ask) (*Lookup, error) {
			by := asker(p.Who(), nil)
			if in.Body.From != "" {
				from, err := r.ownAccount(ctx, in.Body.From, p.Who().ID)
				if err != nil {
					return nil, err
				}
				by = asker(p.Who(), from)
			}
			return r.answerLookup(ctx, by, in.Body.To)
		})
	forMember(r, a, api.Operation[memberAsk, Seat]{Method: "POST", Path: "/lookups", ID: "directory-member-lookup", Summary: "Ask who is paid, for a customer"}, Policy{},
		func(ctx context.Context, p gate.Permit[Seat], in *memberAsk) (*Lookup, error) {
			iban, err := r.pack.IBAN.Parse(in.Body.Payer)
			if err != nil {
				return nil, err
			}
			var by Asker
			err = r.db.View(ctx, func(tx *store.Tx) error {
				payer, err := listedByIBAN(tx, string(iban))
				if fault.Is(err, fault.NotFound) || err == nil && payer.Book != in.Participant {
					return fault.New(fault.Invalid, "payments.directory.no-customer").At("payer", "payments.directory.no-customer")
				}
				if err != nil {
					return err
				}
				by = holderAsker(p.Who().Actor(), payer)
				by.Participant = in.Participant
				by.member, err = r.memberPolicy(tx, in.Participant)
				return err
			})
			if err != nil {
				return nil, err
			}
			return r.answerLookup(ctx, by, in.Body.To)
		})
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: directoryPath + "/policies", ID: "directory-policies", Summary: "See how many tokens you have", Action: "payments.directory.ask"},
		func(ctx context.Context, p gate.Permit[gate.House], _ *none) (*[]BucketView, error) {
			var out []BucketView
			err := r.db.View(ctx, func(tx *store.Tx) error {
				b, err := bucketState(tx, PolicyPerson, asker(p.Who(), nil).Scope)
				out = []BucketView{viewBucket(b)}
				return err
			})
			return &out, err
		})
	forMember(r, a, api.Operation[Seat, Seat]{Method: "GET", Path: "/policies", ID: "directory-member-policies", Summary: "See how many tokens a participant has"}, plainPolicy("POLICIES_LIST", 20, time.Minute/6),
		func(ctx context.Context, p gate.Permit[Seat], in *Seat) (*[]BucketView, error) {
			out := []BucketView{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				member, err := r.memberPolicy(tx, in.Participant)
				if err != nil {
					return err
				}
				for _, policy := range append([]Policy{member}, memberPolicies...) {
					b, err := bucketState(tx, policy, p.Resource().scope())
					if err != nil {
						return err
					}
					out = append(out, viewBucket(b))
				}
				return nil
			})
			return &out, err
		})
	api.Handle(a, api.Operation[simChange, gate.House]{Method: "POST", Path: directoryPath + "/sim-changes", ID: "directory-sim-change", Summary: "Tell that a SIM card was changed", Action: "payments.sim.report", Idempotent: true,
		Description: "For telephone operators. The number cools off for 72 hours. The answer is the same whether or not the number is in the directory."},
		func(ctx context.Context, p gate.Permit[gate.House], in *simChange) (*struct{}, error) {
			phone, what, err := r.pack.Phone.Parse(in.Body.Mobile)
			if err != nil || what != "mobile" {
				return nil, fault.New(fault.Invalid, "payments.alias.no-mobile").At("mobile", "payments.alias.no-mobile").Because(err)
			}
			k, err := r.keyOf(ctx, AliasMobile, string(phone))
			if err != nil {
				return nil, err
			}
			return &struct{}{}, r.simChanged(ctx, p.Who().Actor(), k)
		})
}

// ownAccount is the caller's account with an IBAN.
func (r *Room) ownAccount(ctx context.Context, text, holder string) (*Account, error) {
	iban, err := r.pack.IBAN.Parse(text)
	if err != nil {
		return nil, err
	}
	a, err := r.account(ctx, func(tx *store.Tx) (*Account, error) { return accountByIBAN(tx, string(iban)) })
	if fault.Is(err, fault.NotFound) || err == nil && a.Holder != holder {
		return nil, fault.New(fault.Invalid, "payments.alias.no-account").At("from", "payments.alias.no-account")
	}
	return a, err
}

func (r *Room) answerLookup(ctx context.Context, by Asker, to string) (*Lookup, error) {
	k, err := r.typed(ctx, to)
	if err != nil {
		return nil, err
	}
	found, left, err := r.lookUp(ctx, by, k)
	tellLimit(ctx, by.Policy, left, err)
	if err != nil {
		return nil, err
	}
	v := &Lookup{Lookup: found.ID, Expires: found.Expires, Kind: k.kind, Payee: found.Account.Payee("en"), PayeeUrdu: found.Account.Payee("ur"), Confirmed: found.Account.Kind != KindParticipant,
		Participant: found.Account.Book, AgreedMarks: found.Agreed, TokensLeft: left}
	if v.Confirmed {
		v.HolderKind = holderKind(found.Account)
	}
	bank, err := r.Participant(ctx, found.Account.Book)
	if err != nil {
		return nil, err
	}
	v.Bank = bank.NameEn
	if a := found.Alias; a != nil && a.calm(r.clock.Now()) {
		v.CoolOff = &CoolOff{a.CalmUntil, r.plain(max(CalmMost-a.CalmReceived, 0))}
	}
	if by.Participant != "" {
		v.IBAN, v.BIC = found.Account.IBAN, bank.BIC
		err = r.db.View(ctx, func(tx *store.Tx) error {
			alias := ""
			if found.Alias != nil {
				alias = found.Alias.ID
			}
			v.Statistics, err = statistics(tx, found.Account, alias)
			return err
		})
	}
	return v, err
}

// statistics are what participants learn about a payee.
func statistics(tx *store.Tx, a *Account, alias string) ([]Stats, error) {
	if a.Kind == KindParticipant {
		a = &Account{} // all its customers: nothing is known of the one
	}
	out := make([]Stats, 0, 3)
	for _, of := range []struct{ name, column, value string }{{"alias", "alias", alias}, {"account", "account", a.ID}, {"person", "holder", a.Holder}} {
		counts, err := countMarks(tx, of.column, of.value)
		if err != nil {
			return nil, err
		}
		out = append(out, Stats{of.name, counts})
	}
	return out, nil
}

// tellLimit says in the header RateLimit (draft-ietf-httpapi-ratelimit-headers)
// how many tokens are left, and when there is none, after how many seconds one
// is.
func tellLimit(ctx context.Context, p Policy, left int64, err error) {
	api.SetHeader(ctx, "RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, p.Name, p.Size, int64(p.Every/time.Second)*p.Size))
	if fault.Is(err, fault.Limit) {
		api.SetHeader(ctx, "RateLimit", fmt.Sprintf(`"%s";r=0;t=%s`, p.Name, fault.As(err).Args[api.RetryAfter]))
		return
	}
	api.SetHeader(ctx, "RateLimit", fmt.Sprintf(`"%s";r=%d`, p.Name, max(left, 0)))
}

// retryAfter says on a page's answer after how many seconds to try again.
func retryAfter(c *web.Ctx, err error) {
	if f := fault.As(err); f.Kind == fault.Limit && f.Args[api.RetryAfter] != "" {
		c.W.Header().Set("Retry-After", f.Args[api.RetryAfter])
	}
}
