package payments_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/country"
	"sarai/courtyard/courttest"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments"
	"sarai/rooms/payments/bank"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/wire"
	"sarai/rooms/payments/xmldsig"
)

// TestTheRail tells the stories of the rail between two banks that know it by
// messages only, on both engines. After each story the banks' own books agree with
// the rail's ledger, and the ledger's promises hold.
func TestTheRail(t *testing.T) {
	t.Parallel()
	stories := []struct {
		name string
		tell func(v *street)
	}{
		{"a payment is credited once it is settled", aPaymentIsCreditedOnceItIsSettled},
		{"the payee's bank refuses", thePayeesBankRefuses},
		{"the payee's bank is silent", thePayeesBankIsSilent},
		{"the payee's bank accepts too late", thePayeesBankAcceptsTooLate},
		{"the payer's bank gives up while the payee's accepts", thePayerGivesUpWhileThePayeeAccepts},
		{"a confirmation gets lost", aConfirmationGetsLost},
		{"the same UETR again", theSameUETRAgain},
		{"a UETR belongs to one payment for ever", aUETRBelongsToOnePaymentForEver},
		{"a suspended bank", aSuspendedBank},
		{"the prefund is used up", thePrefundIsUsedUp},
		{"amounts and currencies", amountsAndCurrencies},
		{"in another's name", inAnothersName},
		{"certificates", certificates},
		{"messages that are not taken", messagesThatAreNotTaken},
		{"somebody else's payment", somebodyElsesPayment},
		{"an account that the house keeps", anAccountThatTheHouseKeeps},
		{"the rail is killed between reserving and answering", theRailIsKilledBetweenReservingAndAnswering},
		{"a return, in parts", aReturnInParts},
		{"returns that are refused", returnsThatAreRefused},
		{"a return of somebody else's money", aReturnOfSomebodyElsesMoney},
		{"a return whose answer gets lost", aReturnWhoseAnswerGetsLost},
		{"many return at once", manyReturnAtOnce},
		{"an account that the house keeps returns", anAccountThatTheHouseKeepsReturns},
		{"answers that come later", answersThatComeLater},
		{"a citizen pays somebody at a connected bank", aCitizenPaysSomebodyAtAConnectedBank},
		{"a storm of questions", aStormOfQuestions},
		{"a request is paid", aRequestIsPaid},
		{"a request is refused", aRequestIsRefused},
		{"requests that lead nowhere", requestsThatLeadNowhere},
		{"a citizen is asked by a connected bank", aCitizenIsAskedByAConnectedBank},
		{"a recall is accepted", aRecallIsAccepted},
		{"a recall is refused", aRecallIsRefused},
		{"recalls that lead nowhere", recallsThatLeadNowhere},
		{"a recall that nobody answers", aRecallThatNobodyAnswers},
		{"a recall of money that the house keeps", aRecallOfMoneyThatTheHouseKeeps},
		{"an answer to a recall that changes on its way", anAnswerThatChangesOnItsWay},
		{"the operator admits a bank", theOperatorAdmitsABank},
		{"many payments in all moods", manyPaymentsInAllMoods},
		{"messages are asked for again", messagesAreAskedForAgain},
		{"a window is closed while payments are on their way", aWindowIsClosedWhilePaymentsAreOnTheirWay},
	}
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		session := c.API.Authenticator
		c.API.Authenticator = func(q *http.Request) (gate.Principal, error) { // "program-<participant>" is its own program
			if id, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer "); ok {
				return c.Gate.Principal(q.Context(), id, gate.Client)
			}
			return session(q)
		}
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		demo := court.Pack.Demo(7, country.DemoVillage)
		check(t, room.Seed(context.Background(), demo, func(key string) string { return "s-" + key }))
		check(t, court.DB.Update(context.Background(), func(tx *store.Tx) error {
			for _, b := range court.Pack.Banks {
				if err := gate.Join(tx, gate.Membership{Organisation: b.ID, Person: "program-" + b.ID, Role: "participant"}); err != nil {
					return err
				}
			}
			return nil
		}))
		v := openStreet(t, court, room)
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				v.t = t
				story.tell(v)
				v.agree()
			})
		}
		v.t = t
		v.lint()
	})
}

const (
	answerWithin = time.Second
	opening      = 1_000_000_00 // of each customer, paisa
	prefund      = 5_000_000_00
)

// street is the rail with the banks at it.
type street struct {
	*courttest.Court
	t      testing.TB
	root   testing.TB // lives as long as the street
	room   *payments.Room
	rail   *payments.Rail
	url    string
	habits []habit
	heard  recorder
	a, b   *house
	c      *house // sends letters that no bank has written; its book is not compared
}

// house is a bank as a test sees it.
type house struct {
	*bank.Bank
	id, bic, code string
	keys          *bank.Keys
	cfg           bank.Config
	door          door
}

// door leads to a bank that may be opened anew.
type door struct{ to atomic.Pointer[http.Handler] }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*d.to.Load()).ServeHTTP(w, r) }

func (d *door) lead(to http.Handler) { d.to.Store(&to) }

func (h *house) customer(n int64) string { return bank.IBAN("PK", h.code, n) }

// recorder keeps the messages that went over the wire, some of each kind, for
// xmllint.
type recorder struct {
	mu   sync.Mutex
	most int // of one kind; 0: none
	seen map[string]int
	list [][]byte
}

func (r *recorder) keep(message []byte) {
	_, rest, _ := bytes.Cut(message, []byte("MsgDefIdr>"))
	name, _, _ := bytes.Cut(rest, []byte("<"))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	if r.seen[string(name)]++; r.seen[string(name)] <= r.most {
		r.list = append(r.list, message)
	}
}

func (r *recorder) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.most == 0 {
			next.ServeHTTP(w, q)
			return
		}
		body, _ := io.ReadAll(q.Body)
		q.Body = io.NopCloser(bytes.NewReader(body))
		out := &double{ResponseWriter: w}
		next.ServeHTTP(out, q)
		r.keep(body)
		r.keep(out.copy.Bytes())
	})
}

type double struct {
	http.ResponseWriter
	copy bytes.Buffer
}

func (d *double) Write(b []byte) (int, error) {
	d.copy.Write(b)
	return d.ResponseWriter.Write(b)
}

// habit changes how the banks of a street are set up.
type habit func(*bank.Config)

func openStreet(t testing.TB, court *courttest.Court, room *payments.Room, habits ...habit) *street {
	t.Helper()
	v := &street{Court: court, t: t, root: t, room: room, habits: habits}
	rail, err := room.OpenRail(context.Background())
	check(t, err)
	rail.AnswerWithin(answerWithin)
	v.rail = rail
	mux := http.NewServeMux()
	mux.Handle("/iso20022", v.heard.around(rail.Handler()))
	mux.Handle(payments.DirectoryPath, rail.Directory(court.API))
	address := serve(t, &http.Server{Handler: mux, TLSConfig: rail.TLS(), ReadHeaderTimeout: 10 * time.Second})
	v.url = "https://" + address + "/iso20022"
	background(t, rail.Run)
	background(t, room.Run)
	v.a, v.b = v.open("alpha", "ALPHPKKA", "ALPH", 20), v.open("beta", "BETAPKKA", "BETA", 20)
	v.c = v.open("gamma", "GAMMPKKA", "GAMM", 20)
	v.heard.most = 60
	return v
}

func background(t testing.TB, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		check(t, <-done)
	})
}

func serve(t testing.TB, s *http.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = s.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// open opens a bank and lets the operator admit it.
func (v *street) open(id, bic, code string, customers int64) *house {
	v.t.Helper()
	ctx := context.Background()
	h := &house{id: id, bic: bic, code: code}
	dir := v.t.TempDir()
	var err error
	h.keys, err = bank.OpenKeys(dir, bic, v.Clock.Now())
	check(v.t, err)
	tlsDER, signDER := v.rail.Certificates()
	railTLS, err := x509.ParseCertificate(tlsDER)
	check(v.t, err)
	railSign, err := x509.ParseCertificate(signDER)
	check(v.t, err)
	h.cfg = bank.Config{Dir: dir, BIC: bic, Currency: "PKR", Service: v.Pack.Rail.Service, Certificate: h.keys.TLS, Signer: h.keys.Signer,
		RailBIC: v.Pack.Rail.BIC, RailURL: v.url, RailTLS: railTLS, RailSign: railSign, Participant: id, Now: v.Clock.Now, Patience: 10 * time.Second, Pause: 150 * time.Millisecond}
	for _, change := range v.habits {
		change(&h.cfg)
	}
	h.Bank, err = bank.Open(h.cfg)
	check(v.t, err)
	v.t.Cleanup(func() { _ = h.Close() })
	for n := range customers {
		check(v.t, h.OpenAccount(h.customer(n), fmt.Sprintf("Customer %d", n), opening))
	}
	h.door.lead(v.heard.around(h.Handler()))
	address := serve(v.t, &http.Server{Handler: &h.door, TLSConfig: h.TLS(), ReadHeaderTimeout: 10 * time.Second})
	background(v.root, h.Run)
	leaf, err := x509.ParseCertificate(h.keys.TLS.Certificate[0])
	check(v.t, err)
	a := payments.Admission{ID: id, Kind: "bank", BIC: bic, Code: code, NameEn: "Bank " + id, NameUr: "بینک " + id, Endpoint: "https://" + address + "/", Prefund: prefund, TLS: leaf, Sign: h.keys.Sign}
	check(v.t, v.room.Admit(ctx, "post/sbp.rail", a))
	check(v.t, v.room.Admit(ctx, "post/sbp.rail", a)) // again: nothing happens
	if err := v.room.SetStanding(ctx, "post/sbp.rail", "early/"+id, id, payments.Standing{}); err == nil {
		v.t.Fatal("a bank that was not tested went live")
	}
	check(v.t, v.room.Examine(ctx, "post/sbp.rail", id))
	check(v.t, v.room.SetStanding(ctx, "post/sbp.rail", "live/"+id, id, payments.Standing{}))
	return h
}

// pay pays from a customer of one bank to one of the other.
func (v *street) pay(from, to *house, amount int64) bank.Payment {
	v.t.Helper()
	p, err := from.Pay(context.Background(), bank.Order{From: from.customer(1), To: to.customer(2), Bank: to.bic, Name: "Customer 2", Amount: amount, Note: "rent"})
	check(v.t, err)
	return p
}

// ended waits until an order or a payment has ended in both banks.
func (v *street) ended(h *house, uetr string) bank.Payment {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := h.Wait(ctx, uetr)
	if err != nil {
		v.t.Fatalf("%s: %s is %s: %v", h.bic, uetr, p.State, err)
	}
	return p
}

func (v *street) want(p bank.Payment, state, reason string) {
	v.t.Helper()
	if p.State != state || p.Reason != reason {
		v.t.Fatalf("the payment is %s %s, not %s %s", p.State, p.Reason, state, reason)
	}
}

// agree waits until nothing is open and holds the books against each other.
func (v *street) agree() {
	v.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for v.a.Total().Open+v.b.Total().Open > 0 {
		if time.Now().After(deadline) {
			v.t.Fatalf("open payments: %+v %+v", v.a.Total(), v.b.Total())
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, h := range []*house{v.a, v.b} {
		total, at := h.Total(), v.room.PositionForTest(v.t, h.id)
		if at.Balance-at.Opening != total.Position() || at.Opening != prefund || at.Held != 0 {
			v.t.Fatalf("%s: the rail has %d (held %d), the bank's book %d", h.id, at.Balance-at.Opening, at.Held, total.Position())
		}
		if total.Held != 0 || total.Customer != total.Opened+total.Position() {
			v.t.Fatalf("%s: %+v", h.id, total)
		}
	}
	v.room.HoldsForTest(v.t)
}

// lint gives what went over the wire to xmllint.
func (v *street) lint() {
	v.t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		v.t.Log("no xmllint: the messages were checked by our own validator only")
		return
	}
	data := os.Getenv("SARAI_TEST_DATA")
	if _, err := os.Stat(filepath.Join(data, "iso20022")); data == "" || err != nil {
		v.t.Log("no schemas: set SARAI_TEST_DATA")
		return
	}
	byName := map[string][]string{}
	dir := v.t.TempDir()
	for i, raw := range v.heard.list {
		m, err := xmldsig.Peek(raw, 0)
		if err != nil || !m.Signed {
			continue // stories of what is refused; an empty answer
		}
		if _, err := iso20022.Parse(m.Document); err != nil {
			continue // what is refused here; package iso20022 compares the verdicts
		}
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		check(v.t, os.WriteFile(name, m.Document, 0o600))
		byName[m.DocumentName()] = append(byName[m.DocumentName()], name)
		name = filepath.Join(dir, fmt.Sprintf("%d-header.xml", i))
		check(v.t, os.WriteFile(name, m.BareHeader(), 0o600))
		byName["head.001.001.02"] = append(byName["head.001.001.02"], name)
	}
	for name, files := range byName {
		out, err := exec.Command("xmllint", append([]string{"--noout", "--nonet", "--schema", filepath.Join(data, "iso20022", name+".xsd")}, files...)...).CombinedOutput()
		if err != nil {
			v.t.Errorf("%s: %v\n%.2000s", name, err, out)
		}
		v.t.Logf("xmllint: %d of %s", len(files), name)
	}
	for _, name := range []string{"pacs.008.001.08", "pacs.002.001.10", "pacs.028.001.03", "pacs.004.001.09", "camt.056.001.08", "camt.029.001.09", "pain.013.001.07", "pain.014.001.07"} {
		if len(byName[name]) == 0 {
			v.t.Errorf("no %s went over the wire", name)
		}
	}
}

func aPaymentIsCreditedOnceItIsSettled(v *street) {
	before, _ := v.b.Account(v.b.customer(2))
	p := v.pay(v.a, v.b, 125_50)
	v.want(p, bank.Settled, "")
	v.want(v.ended(v.b, p.UETR), bank.Settled, "")
	after, _ := v.b.Account(v.b.customer(2))
	if after.Balance-before.Balance != 125_50 {
		v.t.Fatal(before, after)
	}
	t := v.room.TransferForTest(v.t, p.UETR)
	if t.Purpose != "" || t.Amount != 125_50 || t.DebitBook != "alpha" || t.CreditBook != "beta" {
		v.t.Fatalf("%+v", t)
	}
	check(v.t, v.a.Echo(context.Background()))
}

func thePayeesBankRefuses(v *street) {
	for _, c := range []struct {
		to     string
		state  string
		reason string
	}{{v.b.customer(999), "", "AC03"}, {v.b.customer(3), bank.StateBlocked, "AC06"}, {v.b.customer(4), bank.StateClosed, "AC07"}} {
		if c.state != "" {
			check(v.t, v.b.SetState(c.to, c.state))
		}
		p, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: c.to, Bank: v.b.bic, Name: "X", Amount: 1_00})
		check(v.t, err)
		v.want(p, bank.Back, c.reason)
	}
	if _, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: v.b.customer(2), Bank: v.b.bic, Name: "X", Amount: opening * 2}); err == nil {
		v.t.Fatal("more than there is was sent")
	}
	p, err := v.a.Pay(context.Background(), bank.Order{From: v.a.customer(1), To: v.b.customer(2), Bank: "NOSUPKKA", Name: "X", Amount: 1_00})
	check(v.t, err)
	v.want(p, bank.Back, "RC04")
}

func thePayeesBankIsSilent(v *street) {
	v.b.Behave(bank.Mood{Silent: true})
	defer v.b.Behave(bank.Mood{})
	p := v.pay(v.a, v.b, 3_00)
	v.want(p, bank.Back, "AB05")
	if _, known := v.b.Payment(p.UETR); known {
		v.t.Fatal("it was taken after all")
	}
}

func thePayeesBankAcceptsTooLate(v *street) {
	v.b.Behave(bank.Mood{Delay: answerWithin + 300*time.Millisecond})
	defer v.b.Behave(bank.Mood{})
	p := v.pay(v.a, v.b, 4_00)
	v.want(p, bank.Back, "AB05")
	v.want(v.ended(v.b, p.UETR), bank.Back, "AB05") // it is told, and credits nothing
}

func thePayerGivesUpWhileThePayeeAccepts(v *street) {
	v.b.Behave(bank.Mood{Delay: 400 * time.Millisecond})
	defer v.b.Behave(bank.Mood{})
	hasty := v.hasty(v.a, 100*time.Millisecond)
	p, err := hasty.Pay(context.Background(), bank.Order{From: v.a.customer(5), To: v.b.customer(2), Bank: v.b.bic, Name: "X", Amount: 5_00})
	check(v.t, err)
	v.want(p, bank.Pending, "") // it assumes nothing
	hasty.stop()
	v.reopen(v.a) // and reads in its journal what it has to ask for
	v.want(v.ended(v.a, p.UETR), bank.Settled, "")
	v.want(v.ended(v.b, p.UETR), bank.Settled, "")
}

// hurried is a bank with less patience that works on the same journal.
type hurried struct {
	*bank.Bank
	stop func()
}

func (v *street) hasty(h *house, patience time.Duration) hurried {
	v.t.Helper()
	check(v.t, h.Close())
	cfg := h.cfg
	cfg.Patience = patience
	b, err := bank.Open(cfg)
	check(v.t, err)
	return hurried{b, func() { check(v.t, b.Close()) }}
}

// reopen opens a bank anew from what its journal says.
func (v *street) reopen(h *house) {
	v.t.Helper()
	b, err := bank.Open(h.cfg)
	check(v.t, err)
	h.Bank = b
	h.door.lead(v.heard.around(h.Handler()))
	background(v.root, b.Run)
}

func aConfirmationGetsLost(v *street) {
	v.b.Behave(bank.Mood{Deaf: true})
	defer v.b.Behave(bank.Mood{})
	p := v.pay(v.a, v.b, 6_00)
	v.want(p, bank.Settled, "")
	v.want(v.ended(v.b, p.UETR), bank.Settled, "") // by pacs.028
	if v.b.Stats().Asked == 0 {
		v.t.Fatal("it was not asked for")
	}
}

// send sends a document in a bank's name and gives the answer.
func (v *street) send(h *house, document string) (*wire.Message, error) {
	v.t.Helper()
	party, peer := v.party(h)
	defer party.Close()
	name := "pacs.008.001.08"
	if _, rest, ok := strings.Cut(document, "urn:iso:std:iso:20022:tech:xsd:"); ok {
		name, _, _ = strings.Cut(rest, `"`)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return party.Forward(ctx, peer, newUUID(), []byte(document), name)
}

// party is a bank's end of the wire without the bank.
func (v *street) party(h *house) (*wire.Party, *wire.Peer) {
	v.t.Helper()
	sign, err := xmldsig.NewCertificates(h.cfg.RailSign)
	check(v.t, err)
	return &wire.Party{BIC: h.bic, Certificate: h.keys.TLS, Signer: h.keys.Signer, Peers: h, Now: v.Clock.Now, Service: "test"},
		&wire.Peer{BIC: h.cfg.RailBIC, URL: v.url, TLS: [][32]byte{wire.Fingerprint(h.cfg.RailTLS)}, Sign: sign}
}

// status is what a pacs.002 says of its one payment.
func (v *street) status(m *wire.Message, err error) (status, reason string) {
	v.t.Helper()
	check(v.t, err)
	one := m.Body.(*pacs002.Document).FIToFIPmtStsRpt.TxInfAndSts[0]
	if len(one.StsRsnInf) > 0 {
		reason = one.StsRsnInf[0].Rsn.Cd
	}
	return one.TxSts, reason
}

func newUUID() string {
	return bank.NewUETR()
}

// letter is a pacs.008 as text, to be spoilt.
func (v *street) letter(from, to *house, uetr, amount string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf><GrpHdr><MsgId>%s</MsgId><CreDtTm>2026-11-21T12:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf><InstgAgt><FinInstnId><BICFI>%[2]s</BICFI></FinInstnId></InstgAgt></GrpHdr><CdtTrfTxInf><PmtId><EndToEndId>E-1</EndToEndId><UETR>%[3]s</UETR></PmtId><IntrBkSttlmAmt Ccy="PKR">%s</IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr><Dbtr><Nm>A</Nm></Dbtr><DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BICFI>%[2]s</BICFI></FinInstnId></DbtrAgt><CdtrAgt><FinInstnId><BICFI>%[6]s</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>B</Nm></Cdtr><CdtrAcct><Id><IBAN>%[7]s</IBAN></Id></CdtrAcct></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>`,
		wire.MessageID(uetr), from.bic, uetr, amount, from.customer(1), to.bic, to.customer(2))
}

func question(uetr string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.028.001.03"><FIToFIPmtStsReq><GrpHdr><MsgId>Q1</MsgId><CreDtTm>2026-11-21T12:00:00Z</CreDtTm></GrpHdr><TxInf><OrgnlUETR>%s</OrgnlUETR></TxInf></FIToFIPmtStsReq></Document>`, uetr)
}
