package payments_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
)

// identities are the national numbers of citizens, by pseudonym.
type identities map[string]string

func (i identities) Number(_ context.Context, subject, _ string) (string, error) {
	if n := i[subject]; n != "" {
		return n, nil
	}
	return "", fault.New(fault.NotFound, "identity.person.unknown")
}

// TestTheDirectoryAcrossBanks tells how customers of a bank that keeps its accounts
// itself are paid by name and number, on both engines. The bank uses the rail's listener
// and its own certificate only.
func TestTheDirectoryAcrossBanks(t *testing.T) {
	t.Parallel()
	people := identities{}
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}, Numbers: people})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		demo := court.Pack.Demo(7, country.DemoVillage)
		for _, c := range demo.Citizens {
			people["s-"+c.Key] = c.Number
		}
		check(t, room.Seed(context.Background(), demo, func(key string) string { return "s-" + key }))
		v := &elsewhere{street: openStreet(t, court, room), citizens: demo.Citizens}
		v.heard.most = 0
		for _, story := range []struct {
			name string
			tell func(v *elsewhere)
		}{
			{"a bank tells the directory of its customers", aBankTellsTheDirectoryOfItsCustomers},
			{"a citizen pays a mobile number at another bank", aCitizenPaysAMobileNumberAtAnotherBank},
			{"a program pays at another bank", aProgramPaysAtAnotherBank},
			{"an account that is not in the directory", anAccountThatIsNotInTheDirectory},
			{"a payment that the other bank refuses", aPaymentThatTheOtherBankRefuses},
			{"a citizen asks somebody at another bank", aCitizenAsksSomebodyAtAnotherBank},
			{"a request that the other bank refuses", aRequestThatTheOtherBankRefuses},
			{"a request that is taken back", aRequestThatIsTakenBack},
			{"a request waits for a bank that is away", aRequestWaitsForABankThatIsAway},
			{"a file pays at other banks", aFilePaysAtOtherBanks},
			{"a file waits for what another process began", aFileWaitsForWhatAnotherProcessBegan},
			{"a file whose bank is away", aFileWhoseBankIsAway},
			{"a bank asks for its customer", aBankAsksForItsCustomer},
			{"a number moves to the house and back", aNumberMovesToTheHouseAndBack},
			{"a number that changed hands cools off", aNumberThatChangedHandsCoolsOff},
			{"a bank ends an entry", aBankEndsAnEntry},
			{"nobody else speaks for a bank", nobodyElseSpeaksForABank},
			{"the bucket empties", theBucketEmpties},
		} {
			t.Run(story.name, func(t *testing.T) {
				v.t = t
				story.tell(v)
				v.agree()
			})
		}
	})
}

// elsewhere is a street whose bank beta has told the directory of three customers: 11,
// 12 and 13, the last of whom is the citizen c0030 of the house as well.
type elsewhere struct {
	*street
	citizens []country.Citizen
}

// The numbers of beta's customers, who are known by their CNIC.
func mobileOf(n int64) string { return fmt.Sprintf("+92399770%04d", n) }
func numberOf(n int64) string { return fmt.Sprintf("619997700%03d1", n) }

func (v *elsewhere) citizen(key string) country.Citizen {
	v.t.Helper()
	for _, c := range v.citizens {
		if c.Key == key {
			return c
		}
	}
	v.t.Fatal("no citizen " + key)
	return country.Citizen{}
}

func (v *elsewhere) place() *place {
	return &place{Court: v.Court, room: v.room, t: v.t.(*testing.T), before: map[string]int{}}
}

// said is what a page of a signed-in citizen says.
func (v *elsewhere) page(b *http.Client, path string) string {
	v.t.Helper()
	page, status := v.place().get(b, path)
	if status != http.StatusOK {
		v.t.Fatalf("%s: %d %s", path, status, said(page))
	}
	return said(page)
}

// call uses the JSON interface.
func (v *elsewhere) call(b *http.Client, method, path string, in any) (status int, out map[string]any) {
	v.t.Helper()
	var text []byte
	if in != nil {
		var err error
		text, err = json.Marshal(in)
		check(v.t, err)
	}
	q, err := http.NewRequest(method, v.URL+path, bytes.NewReader(text))
	check(v.t, err)
	if in != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	q.Header.Set("Origin", v.URL)
	q.Header.Set("Idempotency-Key", bank.NewUETR())
	res, err := b.Do(q)
	check(v.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	check(v.t, err)
	_ = json.Unmarshal(body, &out)
	return res.StatusCode, out
}

// counted reads one number.
func (v *elsewhere) counted(sql string, args ...any) (n int64) {
	v.t.Helper()
	check(v.t, v.DB.View(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(sql, args...).Scan(&n) }))
	return n
}

// tokens are what is left in a citizen's bucket.
func (v *elsewhere) tokens(person string) int64 {
	v.t.Helper()
	return v.counted("select tokens from payments_bucket where policy = $1 and scope = $2", payments.PolicyPerson.Name, "person/"+person)
}

func (v *elsewhere) enrol(h *bank.Bank, want bank.Enrolled) {
	v.t.Helper()
	done, err := h.Enrol(context.Background())
	check(v.t, err)
	if done != want {
		v.t.Fatalf("%+v, not %+v", done, want)
	}
}

func aBankTellsTheDirectoryOfItsCustomers(v *elsewhere) {
	ali := v.citizen("c0030")
	for n, c := range map[int64]bank.Contact{11: {Mobile: mobileOf(11), Number: numberOf(11), NameUrdu: "گاہک گیارہ"}, 12: {Mobile: mobileOf(12)}, 13: {Mobile: mobileOf(13), Number: ali.Number}} {
		check(v.t, v.b.Let(v.b.customer(n), c))
	}
	// The CNIC of c0030 leads to their account at the house already.
	v.enrol(v.b.Bank, bank.Enrolled{Linked: 7, Refused: 1})
	events := func() int64 {
		return v.counted("select coalesce(sum(seq), 0) from payments_cid_set where participant = 'beta'")
	}
	if events() != 7 || v.counted("select count(*) from payments_outside where participant = 'beta'") != 3 {
		v.t.Fatal(events())
	}
	v.enrol(v.b.Bank, bank.Enrolled{Kept: 7, Refused: 1})

	// The bank is started again, and knows what it has told.
	check(v.t, v.b.Close())
	v.reopen(v.b)
	v.enrol(v.b.Bank, bank.Enrolled{Kept: 7, Refused: 1})
	if events() != 7 {
		v.t.Fatal("something was registered twice:", events())
	}
	// One that has lost its copy tells everything again, and the directory changes nothing.
	cfg := v.b.cfg
	cfg.Dir = v.t.TempDir()
	lost, err := bank.Open(cfg)
	check(v.t, err)
	defer func() { check(v.t, lost.Close()) }()
	check(v.t, lost.OpenAccount(v.b.customer(11), "Customer 11", 0))
	check(v.t, lost.Let(v.b.customer(11), bank.Contact{Mobile: mobileOf(11), Number: numberOf(11), NameUrdu: "گاہک گیارہ"}))
	v.enrol(lost, bank.Enrolled{Linked: 3})
	if events() != 7 {
		v.t.Fatal("something was registered twice:", events())
	}
	// Numbers are nowhere.
	if n := v.counted("select count(*) from payments_outside where holder like '%' || $1 || '%'", numberOf(11)); n != 0 {
		v.t.Error("a national number is in the directory")
	}
}

func aCitizenPaysAMobileNumberAtAnotherBank(v *elsewhere) {
	p, citizen := v.place(), v.AsCitizen("s-ayesha")
	before, _ := v.b.Account(v.b.customer(11))
	body, status, order := p.post(citizen, "/wallet/pay", "from", "person-ayesha", "to", "0399 770 0011")
	if status != http.StatusSeeOther {
		v.t.Fatal(said(body))
	}
	if v.tokens("s-ayesha") != 49 {
		v.t.Error("the name cost", v.tokens("s-ayesha"))
	}
	shown := v.page(citizen, order)
	if !strings.Contains(shown, "C••• 1•••") || !strings.Contains(shown, "Bank beta") || !strings.Contains(shown, "Do you know this person?") || strings.Contains(shown, "Customer") || strings.Contains(shown, v.b.customer(11)) {
		v.t.Fatal(shown)
	}
	p.get(citizen, order+"?lang=ur")
	if urdu := v.page(citizen, order); !strings.Contains(urdu, "گ••• گ•••") || !strings.Contains(urdu, "بینک beta") {
		v.t.Fatal(urdu)
	}
	p.get(citizen, order+"?lang=en")
	body, status, to := p.post(citizen, order, "amount", "310.00")
	if status != http.StatusSeeOther {
		v.t.Fatal(said(body))
	}
	page, _ := p.get(citizen, to)
	v.want(v.ended(v.b, data(page, "transfer")), bank.Settled, "")
	if after, _ := v.b.Account(v.b.customer(11)); after.Balance-before.Balance != 310_00 {
		v.t.Fatal(before, after)
	}
	for path, page := range map[string]string{"the payment": said(page), "the wallet": v.page(citizen, "/wallet")} {
		if !strings.Contains(page, "C••• 1•••") || !strings.Contains(page, "Bank beta") || strings.Contains(page, "Customer") {
			v.t.Errorf("%s: %s", path, page)
		}
	}
	if v.tokens("s-ayesha") != 50 {
		v.t.Error("the token did not come back:", v.tokens("s-ayesha"))
	}
	// The CNIC and the account number lead there as well.
	for _, to := range []string{numberOf(11), v.b.customer(11)} {
		if _, transfer := p.pay(citizen, "person-ayesha", to, "1.00"); v.room.TransferForTest(v.t, transfer).Outside.NameEn != "Customer 11" {
			v.t.Error("not there:", to[:2])
		}
	}
}

func aProgramPaysAtAnotherBank(v *elsewhere) {
	citizen, own := v.AsCitizen("s-bilal"), string(v.citizen("bilal").IBAN)
	status, found := v.call(citizen, "POST", "/api/payments/directory/lookups", map[string]any{"to": mobileOf(12)})
	if status != http.StatusOK || found["payee"] != "C••• 1•••" || found["confirmed"] != true || found["participant"] != "beta" || found["participant_name"] != "Bank beta" || found["iban"] != nil {
		v.t.Fatal(status, found)
	}
	pay := map[string]any{"from": own, "lookup": found["lookup"], "amount": "75.00", "purpose": "Books"}
	if status, out := v.call(citizen, "POST", "/api/payments/transfers", pay); status != http.StatusUnprocessableEntity || out["code"] != "payments.outward.at-once" {
		v.t.Fatal("it was reserved:", status, out)
	}
	status, paid := v.call(citizen, "POST", "/api/payments/payments", pay)
	if status != http.StatusCreated || paid["phase"] != "committed" || paid["payee"] != "C••• 1•••" || paid["participant"] != "beta" {
		v.t.Fatal(status, paid)
	}
	v.want(v.ended(v.b, paid["id"].(string)), bank.Settled, "")
	if got, _ := v.b.Payment(paid["id"].(string)); got.Name != "Bilal Qureshi" || got.Own != v.b.customer(12) {
		v.t.Fatalf("%+v", got)
	}
	if v.tokens("s-bilal") != 50 {
		v.t.Error("the token did not come back:", v.tokens("s-bilal"))
	}
	// An answer serves once.
	if status, out := v.call(citizen, "POST", "/api/payments/payments", pay); status != http.StatusGone {
		v.t.Fatal("the same answer paid twice:", status, out)
	}
	_, list := v.call(citizen, "GET", "/api/payments/payments?limit=1&account="+own, nil)
	line := list["items"].([]any)[0].(map[string]any)
	if line["name"] != "C••• 1•••" || line["participant_name"] != "Bank beta" || line["amount"] != "-75.00" {
		v.t.Fatal(line)
	}
}

func anAccountThatIsNotInTheDirectory(v *elsewhere) {
	p, citizen := v.place(), v.AsCitizen("s-ayesha")
	_, status, order := p.post(citizen, "/wallet/pay", "from", "person-ayesha", "to", v.b.customer(5))
	if status != http.StatusSeeOther {
		v.t.Fatal(status)
	}
	iban := country.IBAN(v.b.customer(5)).String()
	if shown := v.page(citizen, order); !strings.Contains(shown, "We cannot confirm whose account this is") || !strings.Contains(shown, "Bank beta") || !strings.Contains(shown, iban) {
		v.t.Fatal(shown)
	}
	_, _, to := p.post(citizen, order, "amount", "12.00")
	page, _ := p.get(citizen, to)
	v.want(v.ended(v.b, data(page, "transfer")), bank.Settled, "")
	if !strings.Contains(said(page), "Bank beta") || !strings.Contains(said(page), iban) {
		v.t.Error(said(page))
	}
	// The interface says so, too, and pays: by the answer or by the number.
	status, read := v.call(citizen, "POST", "/api/payments/codes/read", map[string]any{"code": v.b.customer(5)})
	if status != http.StatusOK || read["confirmed"] != false || read["payee"] != "Bank beta" {
		v.t.Fatal(status, read)
	}
	from := string(v.citizen("ayesha").IBAN)
	for what, pay := range map[string]map[string]any{"lookup": {"lookup": read["lookup"]}, "number": {"to": v.b.customer(5)}} {
		pay["from"], pay["amount"] = from, "3.00"
		before, _ := v.b.Account(v.b.customer(5))
		if status, paid := v.call(citizen, "POST", "/api/payments/payments", pay); status != http.StatusCreated || paid["phase"] != "committed" {
			v.t.Fatal(what, status, paid)
		} else {
			v.want(v.ended(v.b, paid["id"].(string)), bank.Settled, "")
		}
		if after, _ := v.b.Account(v.b.customer(5)); after.Balance-before.Balance != 3_00 {
			v.t.Fatal(what, before, after)
		}
	}
}

func aPaymentThatTheOtherBankRefuses(v *elsewhere) {
	p, citizen := v.place(), v.AsCitizen("s-ayesha")
	check(v.t, v.b.SetState(v.b.customer(12), bank.StateClosed))
	before := v.room.BalanceForTest(v.t, "person-ayesha")
	page, transfer := p.pay(citizen, "person-ayesha", mobileOf(12), "20.00")
	if x := v.room.TransferForTest(v.t, transfer); x.Reason != "AC07" || v.room.BalanceForTest(v.t, "person-ayesha") != before || !strings.Contains(said(page), "C••• 1•••") {
		v.t.Fatalf("%+v %s", x, said(page))
	}
	check(v.t, v.b.SetState(v.b.customer(12), bank.StateOpen))
	// A bank that cannot be paid now: the answer is the same, whose number it is or not.
	check(v.t, v.room.SetStanding(context.Background(), "post/sbp.rail", "away", "beta", payments.Standing{Suspended: true}))
	for _, to := range []string{mobileOf(12), v.b.customer(12), v.b.customer(9)} {
		if body, status, _ := p.post(citizen, "/wallet/pay", "from", "person-ayesha", "to", to); status == http.StatusSeeOther || !strings.Contains(said(body), "cannot be reached") {
			v.t.Fatal(status, said(body))
		}
	}
	check(v.t, v.room.SetStanding(context.Background(), "post/sbp.rail", "back", "beta", payments.Standing{}))
}

func aBankAsksForItsCustomer(v *elsewhere) {
	ctx, ayesha := context.Background(), v.citizen("ayesha")
	found, err := v.b.LookUp(ctx, v.b.customer(11), string(ayesha.Phone))
	check(v.t, err)
	if found.Name != "A••• S•••" || found.IBAN != string(ayesha.IBAN) || found.Tokens != 49 {
		v.t.Fatalf("%+v", found)
	}
	before := v.room.BalanceForTest(v.t, "person-ayesha")
	paid, err := v.b.Pay(ctx, bank.Order{From: v.b.customer(11), To: found.IBAN, Bank: found.Bank, Name: found.Name, Amount: 5_00})
	check(v.t, err)
	if paid.State != bank.Settled || v.room.BalanceForTest(v.t, "person-ayesha")-before != 5_00 {
		v.t.Fatalf("%+v", paid)
	}
	// By a number it pays and asks to be paid as well; the request is in her wallet.
	var said bytes.Buffer
	wish := `{"id":"1","do":"%s","account":"` + v.b.customer(11) + `","to":"` + string(ayesha.Phone) + `","amount":700,"until":"` + v.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}` + "\n"
	if err := v.b.Attend(ctx, "", strings.NewReader(fmt.Sprintf(wish+wish, bank.WishPay, bank.WishAsk)), &said); !errors.Is(err, bank.ErrLeft) {
		v.t.Fatal(err)
	}
	if after := v.room.BalanceForTest(v.t, "person-ayesha"); after-before != 12_00 || !strings.Contains(said.String(), `"state":"open"`) {
		v.t.Fatal(after-before, said.String())
	}
	if shown := v.page(v.AsCitizen("s-ayesha"), "/wallet/requests"); !strings.Contains(shown, "Customer 11") {
		v.t.Fatal(shown)
	}
	var no *bank.Refusal
	for what, ask := range map[string][2]string{"somebody who is not its customer": {v.a.customer(1), string(ayesha.Phone)}, "one the directory does not know": {v.b.customer(4), string(ayesha.Phone)}} {
		if _, err := v.b.LookUp(ctx, ask[0], ask[1]); !errors.As(err, &no) || no.Code != "payments.directory.no-customer" {
			v.t.Errorf("for %s: %v", what, err)
		}
	}
	// A customer's bucket empties through the bank as through a page.
	for n := 0; n < 3; n++ {
		if _, err = v.b.LookUp(ctx, v.b.customer(11), fmt.Sprintf("0399 66600%02d", n)); !errors.As(err, &no) || no.Status != http.StatusNotFound {
			v.t.Fatal(err)
		}
	}
	if _, err = v.b.LookUp(ctx, v.b.customer(11), string(ayesha.Phone)); !errors.As(err, &no) || no.Status != http.StatusTooManyRequests {
		v.t.Fatal(err)
	}
}

// steps takes a step of the bank in a claim, over the rail's listener.
func (v *elsewhere) step(h *house, claim, what string, in map[string]any) error {
	return h.Directory(context.Background(), "POST", "claims/"+claim+"/"+what, in, nil)
}

func aNumberMovesToTheHouseAndBack(v *elsewhere) {
	ctx, p, ali := context.Background(), v.place(), v.citizen("c0030")
	citizen, own := v.AsCitizen("s-c0030"), "person-c0030"
	leads := func() string { return v.holderOf(ali.Number) }
	// The CNIC is taken out at the house, and the bank may have it; then the house wants it back.
	v.unlinkNumber(citizen)
	v.enrol(v.b.Bank, bank.Enrolled{Linked: 1, Kept: 7})
	if leads() != "beta" {
		v.t.Fatal(leads())
	}
	body, status, claim := p.post(citizen, "/wallet/aliases/number", "account", own, "consent", "yes")
	if status != http.StatusSeeOther || !strings.HasPrefix(claim, "/wallet/claim/") {
		v.t.Fatal(status, claim, said(body))
	}
	id := strings.TrimPrefix(claim, "/wallet/claim/")
	if leads() != "beta" {
		v.t.Fatal("it moved before the bank has said anything")
	}
	check(v.t, v.step(v.b, id, "acknowledge", map[string]any{}))
	check(v.t, v.step(v.b, id, "confirm", map[string]any{"reason": "user-requested"}))
	if body, status, _ = p.post(citizen, claim+"/complete"); status != http.StatusSeeOther || leads() != ali.Bank {
		v.t.Fatal(status, leads(), said(body))
	}
	// And back: the bank claims, the citizen agrees on the page, the bank completes.
	var no *bank.Refusal
	in := map[string]any{"kind": "number", "value": ali.Number, "iban": v.b.customer(13), "type": "ownership"}
	if err := v.b.Directory(ctx, "POST", "participants/beta/claims", in, nil); !errors.As(err, &no) || no.Code != "payments.claim.type-wrong" {
		v.t.Fatal(err)
	}
	in["type"] = "portability"
	var made struct{ ID, Type, Donor string }
	check(v.t, v.b.Directory(ctx, "POST", "participants/beta/claims", in, &made))
	if made.Type != "portability" || made.Donor != ali.Bank {
		v.t.Fatalf("%+v", made)
	}
	if shown := v.page(citizen, "/wallet/claim/"+made.ID); !strings.Contains(shown, "Bank beta") {
		v.t.Fatal(shown)
	}
	if body, status, _ = p.post(citizen, "/wallet/claim/"+made.ID+"/confirm"); status != http.StatusSeeOther {
		v.t.Fatal(status, said(body))
	}
	check(v.t, v.step(v.b, made.ID, "complete", map[string]any{}))
	if leads() != "beta" {
		v.t.Fatal(leads())
	}
	// An account number stays with its bank.
	if err := v.a.Directory(ctx, "POST", "participants/alpha/claims", map[string]any{"kind": "iban", "iban": v.b.customer(13), "type": "ownership"}, nil); !errors.As(err, &no) || no.Status >= 500 {
		v.t.Fatal(err)
	}
}

// holderOf is the participant to which a national number leads.
func (v *elsewhere) holderOf(number string) string {
	v.t.Helper()
	status, found := v.call(v.AsCitizen("s-c0031"), "POST", "/api/payments/directory/lookups", map[string]any{"to": number})
	if status != http.StatusOK {
		v.t.Fatal(status, found)
	}
	return found["participant"].(string)
}

var aliasLink = regexp.MustCompile(`/wallet/alias/[0-9a-f]+`)

// unlinkNumber takes a citizen's national number out of the directory, on the page.
func (v *elsewhere) unlinkNumber(citizen *http.Client) {
	v.t.Helper()
	p := v.place()
	page, _ := p.get(citizen, "/wallet/aliases")
	for _, path := range aliasLink.FindAllString(page, -1) {
		if strings.Contains(strings.ToLower(v.page(citizen, path)), "mobile number ending") {
			continue
		}
		if body, status, _ := p.post(citizen, path+"/unlink"); status != http.StatusSeeOther {
			v.t.Fatal(said(body))
		}
		return
	}
	v.t.Fatal("no national number:", said(page))
}

func aNumberThatChangedHandsCoolsOff(v *elsewhere) {
	ctx := context.Background()
	// Customer 1 of alpha has customer 12's mobile number now; nobody answers.
	check(v.t, v.a.Let(v.a.customer(1), bank.Contact{Mobile: mobileOf(12)}))
	v.enrol(v.a.Bank, bank.Enrolled{Linked: 1, Refused: 1})
	var made struct{ ID string }
	check(v.t, v.a.Directory(ctx, "POST", "participants/alpha/claims", map[string]any{"kind": "mobile", "value": mobileOf(12), "iban": v.a.customer(1), "type": "ownership"}, &made))
	check(v.t, v.step(v.b, made.ID, "acknowledge", map[string]any{}))
	check(v.t, v.step(v.b, made.ID, "confirm", map[string]any{"reason": "user-requested"}))
	check(v.t, v.step(v.a, made.ID, "complete", map[string]any{}))
	p, citizen := v.place(), v.AsCitizen("s-ayesha")
	_, _, order := p.post(citizen, "/wallet/pay", "from", "person-ayesha", "to", mobileOf(12))
	if shown := v.page(citizen, order); !strings.Contains(shown, "Bank alpha") || !strings.Contains(shown, "25,000") {
		v.t.Fatal(shown)
	}
	if body, status, _ := p.post(citizen, order, "amount", "25000.01"); status == http.StatusSeeOther || !strings.Contains(said(body), "short time") {
		v.t.Fatal(status, said(body))
	}
	// What came to nothing is not counted.
	check(v.t, v.a.SetState(v.a.customer(1), bank.StateBlocked))
	if _, transfer := p.pay(citizen, "person-ayesha", mobileOf(12), "24000.00"); v.room.TransferForTest(v.t, transfer).Reason != "AC06" {
		v.t.Fatal("it was paid")
	}
	check(v.t, v.a.SetState(v.a.customer(1), bank.StateOpen))
	if _, transfer := p.pay(citizen, "person-ayesha", mobileOf(12), "1200.00"); v.room.TransferForTest(v.t, transfer).Phase != "committed" {
		v.t.Fatal("it was not paid")
	}
	if got := v.counted("select coalesce(max(calm_received), 0) from payments_alias where participant = 'alpha'"); got != 1_200_00 {
		v.t.Fatal(got)
	}
}

func aBankEndsAnEntry(v *elsewhere) {
	ctx, citizen := context.Background(), v.AsCitizen("s-c0032")
	p := v.place()
	own := "person-c0032"
	_, _, order := p.post(citizen, "/wallet/pay", "from", own, "to", mobileOf(11))
	var no *bank.Refusal
	if err := v.b.Unlink(ctx, v.b.customer(11), bank.AliasIBAN); !errors.As(err, &no) || no.Code != "payments.outside.leads" {
		v.t.Fatal(err)
	}
	check(v.t, v.b.Unlink(ctx, v.b.customer(11), bank.AliasMobile))
	check(v.t, v.b.Unlink(ctx, v.b.customer(11), bank.AliasMobile))
	if body, status, _ := p.post(citizen, "/wallet/pay", "from", own, "to", mobileOf(11)); status == http.StatusSeeOther || !strings.Contains(said(body), "no account under this") {
		v.t.Fatal(status, said(body))
	}
	// Who has seen the name may still pay it.
	if body, status, _ := p.post(citizen, order, "amount", "1.00"); status != http.StatusSeeOther {
		v.t.Fatal(said(body))
	}
	check(v.t, v.b.Unlink(ctx, v.b.customer(11), bank.AliasNumber))
	check(v.t, v.b.Unlink(ctx, v.b.customer(11), bank.AliasIBAN))
	_, _, order = p.post(citizen, "/wallet/pay", "from", own, "to", v.b.customer(11))
	if shown := v.page(citizen, order); !strings.Contains(shown, "We cannot confirm") || strings.Contains(shown, "C•••") {
		v.t.Fatal(shown)
	}
	if v.counted("select count(*) from payments_outside where iban = $1", v.b.customer(11)) != 0 {
		v.t.Error("the account is still in the directory")
	}
	// The payment of before still says whom it paid.
	if shown := v.page(v.AsCitizen("s-ayesha"), "/wallet"); !strings.Contains(shown, "C••• 1•••") {
		v.t.Error(shown)
	}
}

func nobodyElseSpeaksForABank(v *elsewhere) {
	ctx := context.Background()
	var no *bank.Refusal
	entry := v.b.Aliases()[0]
	for what, err := range map[string]error{
		"another bank's part":         v.a.Directory(ctx, "GET", "participants/beta/cids?kind=iban", nil, nil),
		"another bank's account":      v.a.Directory(ctx, "POST", "participants/alpha/entries", map[string]any{"kind": "iban", "iban": v.b.customer(2), "holder": map[string]any{"name": "Mallory", "kind": "natural"}}, nil),
		"another bank's entry":        v.a.Directory(ctx, "DELETE", "participants/alpha/entries/"+entry.ID, nil, nil),
		"another name":                v.b.Directory(ctx, "POST", "participants/beta/entries", map[string]any{"kind": "iban", "iban": entry.Own, "holder": map[string]any{"name": "Mallory", "kind": "natural"}}, nil),
		"no name":                     v.b.Directory(ctx, "POST", "participants/beta/entries", map[string]any{"kind": "iban", "iban": entry.Own}, nil),
		"somebody's national number":  v.b.Directory(ctx, "POST", "participants/beta/entries", map[string]any{"kind": "number", "value": numberOf(55), "iban": v.b.customer(12)}, nil),
		"an account it has not named": v.b.Directory(ctx, "POST", "participants/beta/entries", map[string]any{"kind": "mobile", "value": mobileOf(55), "iban": v.b.customer(6)}, nil),
	} {
		if !errors.As(err, &no) || no.Status < 400 || no.Status >= 500 {
			v.t.Errorf("%s: %v", what, err)
		}
	}
	// A certificate that the operator has not admitted.
	keys, err := bank.OpenKeys(v.t.TempDir(), "DELTPKKA", v.Clock.Now())
	check(v.t, err)
	cfg := v.b.cfg
	cfg.Dir, cfg.BIC, cfg.Certificate, cfg.Signer = v.t.TempDir(), "DELTPKKA", keys.TLS, keys.Signer
	stranger, err := bank.Open(cfg)
	check(v.t, err)
	defer func() { check(v.t, stranger.Close()) }()
	if _, err := stranger.Enrol(ctx); !errors.As(err, &no) || no.Status != http.StatusForbidden {
		v.t.Error(err)
	}
	// A new name is in all entries of the account, and in their content ids.
	mobile := v.counted("select seq from payments_cid_set where participant = 'beta' and kind = 'mobile'")
	check(v.t, v.b.Directory(ctx, "PUT", "participants/beta/entries/"+entry.ID, map[string]any{"holder": map[string]any{"name": "Customer Thirteen", "kind": "natural"}}, nil))
	if now := v.counted("select seq from payments_cid_set where participant = 'beta' and kind = 'mobile'"); entry.Own == v.b.customer(13) && now != mobile+2 {
		v.t.Error(mobile, now)
	}
}

func theBucketEmpties(v *elsewhere) {
	p, citizen := v.place(), v.AsCitizen("s-c0033")
	own := "person-c0033"
	for n := 0; n < 50; n++ { // each number at the bank is a question, too
		if body, status, _ := p.post(citizen, "/wallet/pay", "from", own, "to", v.b.customer(int64(100+n))); status != http.StatusSeeOther {
			if n < 29 { // so many a minute, as a page allows
				v.t.Fatal(n, said(body))
			}
			v.Clock.Advance(time.Minute)
		}
	}
	for range 3 {
		p.post(citizen, "/wallet/pay", "from", own, "to", "0399 6661234")
	}
	body, status, _ := p.post(citizen, "/wallet/pay", "from", own, "to", mobileOf(13))
	if status == http.StatusSeeOther || !strings.Contains(said(body), "asked for many names") {
		v.t.Fatal(status, said(body))
	}
}
