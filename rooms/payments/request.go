package payments

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
	"sarai/rooms/payments/ledger"
)

// States of a request to pay.
const (
	requestDraft     = "draft" // its asker was shown the payer's name and has not said how much
	RequestAsked     = "asked"
	RequestPaid      = "paid"
	RequestRefused   = "refused"
	RequestExpired   = "expired"
	RequestWithdrawn = "withdrawn"
)

// How soon a request is to be paid.
const (
	UrgencyNow   = "now"   // within minutes, the payer is standing there
	UrgencyLater = "later" // until a date
)

// Where a request comes from.
const (
	originWallet = "wallet"
	originAPI    = "api"
	originRail   = "rail" // a connected participant asks: Key is the UETR of its [Ask]
)

// Why a payer refuses, by ISO 20022's ExternalStatusReason1Code.
const (
	RefusedWish    ledger.Reason = "CUST" // the payer does not want to pay this
	RefusedUnknown ledger.Reason = "BE05" // the payer does not know who asks
	RefusedAmount  ledger.Reason = "AM09" // the amount is not what was agreed
	RefusedFraud   ledger.Reason = "FRAD" // the payer takes it for a fraud
)

var requestReasons = []string{string(RefusedWish), string(RefusedAmount), string(RefusedUnknown), string(RefusedFraud)}

// requestReasonKey is the text of a refusal; a participant may give other reasons than
// people of the house.
func requestReasonKey(reason ledger.Reason) string {
	if !slices.Contains(requestReasons, string(reason)) {
		return "payments.request.reason.else"
	}
	return "payments.request.reason." + string(reason)
}

// draftTime is how long somebody may think about how much they ask for.
const draftTime = OrderTime

// Request is a request to pay: somebody asks a payer for an amount, and the payer
// pays it once or refuses. ISO 20022 pain.013 and pain.014 say the same between
// participants; Expires is their ExpiryDate, EndToEnd their EndToEndId.
type Request struct {
	ID        string
	Party     string // whose key it is
	Key       string
	Origin    string
	Reference string // what people read out
	EndToEnd  string // the asker's own number; may be empty
	State     string
	Urgency   string
	Asker     string // holder of Credit
	Credit    string // account that is to receive
	Payer     string // holder who is asked, who may pay from any account of theirs
	Debit     string // account by which the payer was found
	Amount    int64  // minor units
	Currency  string
	Purpose   string
	Made      time.Time
	Expires   time.Time
	Changed   time.Time
	Reason    ledger.Reason // of a refusal
	Words     string        // what the payer said with it
	Transfer  string        // that paid it
	Lookup    string
	IBAN      string // of the asker, at a connected participant
	AskerName string // as that participant says
	// Known after a read with parties:
	From, To *Account // the payer's account and the asker's
	Agreed   int64    // reports of fraud about the asker that both participants agreed on
}

// GateResource tells the gate between whom the request is.
func (q Request) GateResource() gate.Resource {
	attrs := map[string]any{"asker": q.Asker, "payer": q.Payer, "asker_seat": "", "payer_seat": ""}
	if q.To != nil {
		attrs["asker_seat"] = q.To.Book + "#participant"
	}
	if q.From != nil {
		attrs["payer_seat"] = q.From.Book + "#participant"
	}
	return gate.Resource{Type: "PaymentsRequest", ID: q.ID, Attrs: attrs}
}

// open says whether the request can be answered at a moment.
func (q *Request) open(now time.Time) bool { return q.State == RequestAsked && now.Before(q.Expires) }

// stage is the request's state at a moment: that its time is over is told by the
// clock before anybody writes it.
func (q *Request) stage(now time.Time) string {
	if q.State == RequestAsked && !q.open(now) {
		return RequestExpired
	}
	return q.State
}

// Payable says whether the request can be paid or refused at a time; the fault
// says why not in words for the payer.
func (q *Request) Payable(at time.Time) error {
	switch {
	case q.State == RequestPaid:
		return fault.New(fault.Conflict, "payments.request.paid-already", "reference", q.Reference)
	case q.State == RequestRefused:
		return fault.New(fault.Conflict, "payments.request.refused-already", "reference", q.Reference)
	case q.State == RequestWithdrawn:
		return fault.New(fault.Gone, "payments.request.withdrawn-already", "reference", q.Reference)
	case q.State == requestDraft:
		return fault.New(fault.NotFound, "payments.request.unknown")
	case q.State == RequestExpired || !at.Before(q.Expires):
		return fault.New(fault.Gone, "payments.request.over", "reference", q.Reference)
	}
	return nil
}

const requestColumns = "id, party, asked_key, origin, reference, end_to_end, state, urgency, asker, credit, payer, debit, amount, currency, purpose, made, expires, changed, reason, words, transfer, lookup, asker_iban, asker_name"

func scanRequest(scan store.Scan) (*Request, error) {
	var q Request
	var made, expires, changed int64
	err := scan(&q.ID, &q.Party, &q.Key, &q.Origin, &q.Reference, &q.EndToEnd, &q.State, &q.Urgency, &q.Asker, &q.Credit, &q.Payer, &q.Debit, &q.Amount, &q.Currency, &q.Purpose,
		&made, &expires, &changed, &q.Reason, &q.Words, &q.Transfer, &q.Lookup, &q.IBAN, &q.AskerName)
	q.Made, q.Expires, q.Changed = store.Time(made), store.Time(expires), store.Time(changed)
	return &q, err
}

func (q *Request) values() []any {
	return []any{q.ID, q.Party, q.Key, q.Origin, q.Reference, q.EndToEnd, q.State, q.Urgency, q.Asker, q.Credit, q.Payer, q.Debit, q.Amount, q.Currency, q.Purpose,
		store.Micros(q.Made), store.Micros(q.Expires), store.Micros(q.Changed), string(q.Reason), q.Words, q.Transfer, q.Lookup, q.IBAN, q.AskerName}
}

func insertRequest(tx *store.Tx, q *Request) error {
	return insert(tx, "payments_request ("+requestColumns+")", [][]any{q.values()})
}

// getRequest reads a request with its parties.
func getRequest(tx *store.Tx, id, lock string) (*Request, error) {
	q, err := store.Get(tx, scanRequest, "select "+requestColumns+" from payments_request where id = $1"+lock, id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "payments.request.unknown").Because(err)
	}
	if err != nil {
		return nil, err
	}
	return q, q.parties(tx)
}

func (q *Request) parties(tx *store.Tx) (err error) {
	if q.away() {
		q.From, err = q.payerAway(tx)
	} else {
		q.From, err = getAccount(tx, q.Debit)
	}
	if err != nil {
		return err
	}
	if q.To, err = getAccount(tx, q.Credit); err != nil {
		return err
	}
	if q.IBAN != "" { // the account of all customers there stands for the asker's
		q.To.IBAN, q.To.NameEn, q.To.NameUr = q.IBAN, q.AskerName, q.AskerName
	}
	if q.State != RequestAsked {
		return nil
	}
	q.Agreed, err = agreedMarks(tx, q.To, "")
	return err
}

// ARequest reads a request by its id; fault NotFound when there is none.
func (r *Room) ARequest(ctx context.Context, id string) (q *Request, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		q, err = getRequest(tx, id, "")
		return err
	})
	return q, err
}

// requestsOf lists a person's requests on one side, "payer" or "asker": those that
// wait first, then the last ones.
func requestsOf(tx *store.Tx, side, person string, limit int) ([]*Request, error) {
	list, err := store.List(tx, scanRequest, "select "+requestColumns+" from payments_request where "+side+` = $1 and state <> 'draft'
		order by case when state = 'asked' and expires > $2 then 0 else 1 end, changed desc, id desc limit $3`, person, store.Micros(tx.Now()), limit)
	if err != nil {
		return nil, err
	}
	for _, q := range list {
		if err := q.parties(tx); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// RequestToPay is what somebody asks a payer for.
type RequestToPay struct {
	Party    string // whose key it is: "wallet/<pseudonym>", "api/<client>", "rail/<BIC>"
	Key      string // the party's own, once only
	Origin   string // where it comes from: one word
	EndToEnd string // the asker's own number, at most 35 characters; may be empty
	Credit   string // account that is to receive
	Debit    string // account of the payer
	Amount   int64  // minor units
	Purpose  string // one line the payer reads, at most 140 characters
	Urgency  string // UrgencyNow, UrgencyLater
	Expires  time.Time
	Lookup   string // by which the payer was found; its token comes back with the payment
}

// Request asks a payer. The same party and key with the same request gives the
// same request again; with another one it is a Conflict. What is to be paid at
// once ends after the pack's minutes, whatever Expires says; the other ends at
// Expires, which the pack's days bound. Faults say what to change.
//
// payments.request.asked tells of it, and .paid, .refused, .expired or
// .withdrawn of its end; each state is final but asked.
func (r *Room) Request(ctx context.Context, actor string, in RequestToPay) (out *Request, err error) {
	id, reference := r.newID(), r.newReference()
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		before, err := store.Get(tx, scanRequest, "select "+requestColumns+" from payments_request where party = $1 and asked_key = $2", in.Party, in.Key)
		if err == nil {
			if before.Credit != in.Credit || before.Debit != in.Debit || before.Amount != in.Amount || before.Urgency != in.Urgency || before.Purpose != in.Purpose || before.EndToEnd != in.EndToEnd {
				return fault.New(fault.Conflict, "payments.key.reused")
			}
			out = before
			return out.parties(tx)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		q := &Request{ID: id, Party: in.Party, Key: in.Key, Origin: in.Origin, Reference: reference, EndToEnd: in.EndToEnd, State: requestDraft, Credit: in.Credit, Debit: in.Debit, Made: tx.Now(), Expires: tx.Now().Add(draftTime), Lookup: in.Lookup}
		if err := q.between(tx); err != nil {
			return err
		}
		if err := useLookup(tx, in.Lookup, actor, q.Debit, q.ID); err != nil {
			return err
		}
		if err := r.say(tx, q, actor, in); err != nil {
			return err
		}
		out = q
		return insertRequest(tx, q)
	})
	return out, err
}

// between fills in whom the request is between.
func (q *Request) between(tx *store.Tx) error {
	var err error
	if q.To, err = getAccount(tx, q.Credit); err != nil {
		return fmt.Errorf("account that asks: %w", err)
	}
	if q.From, err = listedAccount(tx, q.Debit, ""); err == nil && q.From.away() && (!q.away() || q.Origin == originRail) {
		return fault.New(fault.Invalid, "payments.request.elsewhere").At("to", "payments.request.elsewhere")
	}
	if err != nil {
		return fmt.Errorf("account that is asked: %w", err)
	}
	switch {
	case q.To.Role != ledger.Customer || q.To.Closed || q.To.Blocked:
		return fault.New(fault.Conflict, "payments.request.no-account").At("account", "payments.request.no-account")
	case q.From.Role != ledger.Customer || q.From.Closed || q.From.Kind == KindGovernment || q.From.Kind == KindAgent:
		return fault.New(fault.Invalid, "payments.request.not-them").At("to", "payments.request.not-them")
	case q.From.Holder == q.To.Holder:
		return fault.New(fault.Invalid, "payments.request.self").At("to", "payments.request.self")
	case q.From.Currency != q.To.Currency:
		return fault.New(fault.Invalid, reasonKey(ledger.WrongCurrency)).At("to", reasonKey(ledger.WrongCurrency))
	}
	q.Asker, q.Payer, q.Currency = q.To.Holder, q.From.Holder, q.To.Currency
	return nil
}

// say turns a draft into a request: how much, what for and until when. It does not
// write the row.
func (r *Room) say(tx *store.Tx, q *Request, actor string, in RequestToPay) error {
	rules, now := r.pack.Rules().Requests, tx.Now()
	if err := checkAmount(in.Amount); err != nil {
		return err
	}
	q.Amount, q.Purpose, q.Urgency, q.State, q.Changed = in.Amount, in.Purpose, in.Urgency, RequestAsked, now
	switch in.Urgency {
	case UrgencyNow:
		q.Expires = rules.Until(now)
		if q.Origin == originRail {
			q.Expires = in.Expires // which is sooner: the participant has said it
		}
	case UrgencyLater:
		q.Expires = in.Expires
		if !in.Expires.After(now) || in.Expires.After(now.Add(time.Duration(rules.Later+1)*day)) {
			return fault.New(fault.Invalid, "payments.request.until-wrong", "days", fmt.Sprint(rules.Later)).At("until", "payments.request.until-wrong", "days", fmt.Sprint(rules.Later))
		}
	default:
		return fault.New(fault.Invalid, "payments.request.when-missing").At("until", "payments.request.when-missing")
	}
	// Whoever asks many who do not answer bothers them; a shop asks many.
	most := int64(rules.Open)
	if q.To.Kind != KindPerson {
		most *= 100
	}
	var waiting int64
	if err := tx.QueryRow("select count(*) from payments_request where asker = $1 and state = $2 and expires > $3", q.Asker, RequestAsked, store.Micros(now)).Scan(&waiting); err != nil {
		return err
	}
	if waiting >= most {
		return fault.New(fault.Limit, "payments.request.too-many", "most", fmt.Sprint(most))
	}
	q.emit(tx, RequestMade, actor)
	if q.away() {
		if err := r.askOut(tx, q); err != nil {
			return err
		}
	}
	return job.Put(tx, job.Job{Kind: jobRequest, Key: q.ID, At: q.Expires, Data: requestJob{q.ID}})
}

// Refuse is the payer's no. reason is one of ISO 20022's codes for it (CUST, AM09,
// BE05, FRAD), words what the payer adds. Refusing again changes nothing.
func (r *Room) Refuse(ctx context.Context, actor, id string, reason ledger.Reason, words string) (*Request, error) {
	if !slices.Contains(requestReasons, string(reason)) {
		return nil, fault.New(fault.Invalid, "payments.request.reason-missing").At("reason", "payments.request.reason-missing")
	}
	return r.endRequest(ctx, actor, id, RequestRefused, reason, words)
}

// Withdraw takes a request back that nobody has answered. Doing it again changes
// nothing.
func (r *Room) Withdraw(ctx context.Context, actor, id string) (*Request, error) {
	return r.endRequest(ctx, actor, id, RequestWithdrawn, "", "")
}

func (r *Room) endRequest(ctx context.Context, actor, id, state string, reason ledger.Reason, words string) (q *Request, err error) {
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		if q, err = getRequest(tx, id, " for update"); err != nil {
			return err
		}
		if q.State == state && q.Reason == reason {
			return nil
		}
		if err := q.Payable(tx.Now()); err != nil {
			return err
		}
		q.State, q.Reason, q.Words = state, reason, words
		return q.ended(tx, actor)
	})
	return q, err
}

var requestEvents = map[string]string{RequestAsked: RequestMade, RequestPaid: RequestSettled, RequestRefused: RequestDeclined, RequestExpired: RequestOver, RequestWithdrawn: RequestTakenBack}

// ended writes the end of a request and says it.
func (q *Request) ended(tx *store.Tx, actor string) error {
	q.Changed = tx.Now()
	if _, err := tx.Exec("update payments_request set state = $2, reason = $3, words = $4, transfer = $5, changed = $6 where id = $1", q.ID, q.State, string(q.Reason), q.Words, q.Transfer, store.Micros(q.Changed)); err != nil {
		return fmt.Errorf("end a request: %w", err)
	}
	q.emit(tx, requestEvents[q.State], actor)
	if q.Origin == originRail {
		if err := q.answerAsk(tx); err != nil {
			return fmt.Errorf("answer a participant's request: %w", err)
		}
	}
	if q.away() {
		if err := q.askEndedHere(tx); err != nil {
			return fmt.Errorf("end a request at a participant: %w", err)
		}
		if err := job.Cancel(tx, jobAskOut, q.ID); err != nil {
			return err
		}
	}
	if q.State == RequestExpired {
		return nil
	}
	return job.Cancel(tx, jobRequest, q.ID)
}

// PayRequest pays a request from an account of the payer. The same party and key
// get the same transfer; a refusal by the book leaves the request open for another
// try with another key. A request is paid once, whoever tries at the same time.
func (r *Room) PayRequest(ctx context.Context, actor string, q *Request, from *Account, party, key string) (*Transfer, error) {
	if from.Holder != q.Payer {
		return nil, fault.New(fault.Forbidden, "payments.reason.holder")
	}
	p := Instant{Party: party, Key: key, Debit: from.ID, Credit: q.Credit, Amount: q.Amount, Currency: q.Currency, Note: Note{Purpose: q.Purpose}, IBAN: q.IBAN,
		Before: func(tx *store.Tx) error {
			now, err := store.Get(tx, scanRequest, "select "+requestColumns+" from payments_request where id = $1 for update", q.ID)
			if err != nil {
				return err
			}
			return now.Payable(tx.Now())
		},
		After: func(tx *store.Tx, transfer string) error {
			paid, err := store.Get(tx, scanRequest, "select "+requestColumns+" from payments_request where id = $1", q.ID)
			if err != nil {
				return err
			}
			paid.State, paid.Transfer = RequestPaid, transfer
			if err := r.giveBack(tx, q.ID); err != nil {
				return err
			}
			return paid.ended(tx, actor)
		},
	}
	if q.Origin == originRail {
		p.Request, p.Note.Reference = q.Key, q.EndToEnd
	}
	return r.Pay(ctx, actor, p)
}

// jobRequest ends a request whose time is over. That it is over is told by the
// clock already; the job only says so.
const jobRequest = "payments.request.due"

type requestJob struct {
	Request string `json:"request"`
}

func (r *Room) requestDue(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
	var d requestJob
	if err := j.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, r.gate, jobRequest, jobRequest, gate.House{}); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		q, err := store.Get(tx, scanRequest, "select "+requestColumns+" from payments_request where id = $1 for update", d.Request)
		if err != nil || q.State != RequestAsked {
			return err
		}
		if tx.Now().Before(q.Expires) {
			return job.Put(tx, job.Job{Kind: jobRequest, Key: q.ID, At: q.Expires, Data: d})
		}
		q.State = RequestExpired
		return q.ended(tx, "system/"+jobRequest)
	}, nil
}
