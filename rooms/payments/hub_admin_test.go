package payments_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/rooms/payments"
)

// TestTheHubsOperator tells how a hub is run by Mojaloop's admin and settlement
// interfaces, on both engines.
func TestTheHubsOperator(t *testing.T) {
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		v := openPlaza(t, court, room)
		hub, err := room.OpenHub(t.Context(), payments.HubOptions{Unsigned: true})
		check(t, err)
		server := httptest.NewServer(hub.Handler())
		t.Cleanup(server.Close)
		o := &operator{plaza: v, base: server.URL}
		for _, story := range []struct {
			name string
			tell func(o *operator)
		}{
			{"who may", whoMayRunTheHub},
			{"a participant is admitted", aParticipantIsAdmitted},
			{"funds come in once", fundsComeInOnce},
			{"funds go out in two steps", fundsGoOut},
			{"a cap stops payments", aCapStopsPayments},
			{"a window is closed and settled", aWindowIsSettled},
			{"a settlement is aborted", aSettlementIsAborted},
		} {
			t.Run(story.name, func(t *testing.T) {
				v.t = t
				story.tell(o)
			})
		}
	})
}

// operator runs the hub of a plaza.
type operator struct {
	*plaza
	base string
}

type anyMap = map[string]any

// asks sends a request and reads the answer.
func (o *operator) asks(method, path string, body any) (int, any) {
	o.t.Helper()
	return ask(o.t, o.base, method, path, body)
}

func ask(t testing.TB, base, method, path string, body any) (int, any) {
	t.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, bytes.NewReader(text))
	check(t, err)
	res, err := http.DefaultClient.Do(r)
	check(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	check(t, err)
	var out any
	if len(b) > 0 {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber()
		check(t, dec.Decode(&out))
	}
	return res.StatusCode, out
}

// must sends a request that is answered with a status.
func (o *operator) gets(status int, method, path string, body any) any {
	o.t.Helper()
	got, out := o.asks(method, path, body)
	if got != status {
		o.t.Fatalf("%s %s: %d %v, want %d", method, path, got, out, status)
	}
	return out
}

// refused is a request that is answered with an error of the standard.
func (o *operator) refused(status int, code, method, path string, body any) {
	o.t.Helper()
	out := o.gets(status, method, path, body)
	info, _ := out.(anyMap)["errorInformation"].(anyMap)
	if info["errorCode"] != code || info["errorDescription"] == "" {
		o.t.Fatalf("%s %s: %v, want code %s", method, path, out, code)
	}
}

// account finds a participant's account of a type in US dollars.
func (o *operator) account(name, kind string) (id, value string) {
	o.t.Helper()
	for _, a := range o.gets(200, "GET", "/admin/participants/"+name+"/accounts", nil).([]any) {
		a := a.(anyMap)
		if a["ledgerAccountType"] == kind && a["currency"] == "USD" {
			return a["id"].(json.Number).String(), a["value"].(json.Number).String()
		}
	}
	o.t.Fatalf("%s has no %s account", name, kind)
	return "", ""
}

func (o *operator) value(name, kind string) string {
	o.t.Helper()
	_, value := o.account(name, kind)
	return value
}

func fund(id, action, amount string) anyMap {
	return anyMap{"transferId": id, "externalReference": "RTGS 7", "action": action, "reason": "a test", "amount": anyMap{"amount": json.Number(amount), "currency": "USD"}}
}

// pays sends a transfer that the payee takes.
func (o *operator) pays(amount string) {
	o.t.Helper()
	x := o.transfer(amount, time.Minute)
	o.a.must("POST", "/transfers", o.b.name, x.body)
	o.b.hears("POST", "/transfers")
	o.b.must("PUT", "/transfers/"+x.id, o.a.name, anyMap{"transferState": "COMMITTED", "fulfilment": x.fulfilment, "completedTimestamp": o.completed()})
	o.a.hears("PUT", "/transfers/"+x.id)
}

func whoMayRunTheHub(o *operator) {
	// The plaza's own hub is on a line that anybody reaches.
	status, out := ask(o.t, o.url, "GET", "/admin/participants", nil)
	if status != 401 {
		o.t.Fatalf("a stranger was answered %d %v", status, out)
	}
	if status, _ := ask(o.t, o.url, "GET", "/admin/health", nil); status != 200 {
		o.t.Fatalf("health: %d", status)
	}
	o.refused(404, "3002", "GET", "/admin/nothing", nil)
}

func aParticipantIsAdmitted(o *operator) {
	red := anyMap{"name": "redbank", "currency": "USD"}
	o.refused(400, "3003", "POST", "/admin/participants", red) // the hub has no accounts in dollars
	model := anyMap{"name": "DEFERREDNET", "settlementGranularity": "NET", "settlementInterchange": "MULTILATERAL", "settlementDelay": "DEFERRED", "requireLiquidityCheck": true, "ledgerAccountType": "POSITION", "autoPositionReset": true, "settlementAccountType": "SETTLEMENT"}
	for _, kind := range []string{"HUB_MULTILATERAL_SETTLEMENT", "HUB_RECONCILIATION"} {
		o.gets(201, "POST", "/admin/participants/Hub/accounts", anyMap{"type": kind, "currency": "USD"})
		o.refused(400, "3003", "POST", "/admin/participants/Hub/accounts", anyMap{"type": kind, "currency": "USD"})
	}
	o.refused(400, "6000", "POST", "/admin/participants", red) // nor is it known how they are settled
	o.gets(201, "POST", "/admin/settlementModels", model)
	o.refused(400, "3000", "POST", "/admin/settlementModels", model)
	o.gets(201, "POST", "/admin/participants", red)
	o.refused(400, "3000", "POST", "/admin/participants", red)
	o.refused(400, "3200", "GET", "/admin/participants/nobody", nil)
	if n := len(o.gets(200, "GET", "/admin/participants", nil).([]any)); n != 4 {
		o.t.Errorf("the hub and three participants are %d", n)
	}
	limit := anyMap{"currency": "USD", "limit": anyMap{"type": "NET_DEBIT_CAP", "value": 250.5}, "initialPosition": 0}
	o.gets(201, "POST", "/admin/participants/redbank/initialPositionAndLimits", limit)
	o.refused(500, "2001", "POST", "/admin/participants/redbank/initialPositionAndLimits", limit)
	got := o.gets(200, "GET", "/admin/participants/redbank/limits?currency=USD", nil).([]any)
	if len(got) != 1 || got[0].(anyMap)["limit"].(anyMap)["value"] != json.Number("250.5") {
		o.t.Errorf("the limit is %v", got)
	}
	o.gets(201, "POST", "/admin/participants/redbank/endpoints", anyMap{"type": "FSPIOP_CALLBACK_URL_QUOTES", "value": "http://red.example"})
	if n := len(o.gets(200, "GET", "/admin/participants/redbank/endpoints", nil).([]any)); n != 1 {
		o.t.Errorf("%d endpoints", n)
	}
	id, _ := o.account("redbank", "POSITION")
	o.gets(200, "PUT", "/admin/participants/redbank/accounts/"+id, anyMap{"isActive": false})
	settle, _ := o.account("redbank", "SETTLEMENT")
	o.refused(400, "3100", "PUT", "/admin/participants/redbank/accounts/"+settle, anyMap{"isActive": false})
	o.refused(400, "3100", "POST", "/admin/participants/redbank/accounts/"+settle, fund(o.NewID(), "recordFundsIn", "1"))
	o.refused(400, "3200", "PUT", "/admin/participants/GreenBank/accounts/"+id, anyMap{"isActive": false})
	oracle := anyMap{"oracleIdType": "MSISDN", "endpoint": anyMap{"value": "http://oracle.example", "endpointType": "URL"}, "currency": "USD", "isDefault": true}
	o.gets(201, "POST", "/als-admin/oracles", oracle)
	o.refused(500, "2001", "POST", "/als-admin/oracles", oracle)
}

func fundsComeInOnce(o *operator) {
	id, before := o.account("GreenBank", "SETTLEMENT")
	hub := o.value("Hub", "HUB_RECONCILIATION")
	path, f := "/admin/participants/GreenBank/accounts/"+id, fund(o.NewID(), "recordFundsIn", "0.1")
	for range 3 {
		o.gets(202, "POST", path, f)
	}
	if now := o.value("GreenBank", "SETTLEMENT"); before != "-1000" || now != "-1000.1" {
		o.t.Errorf("the settlement account went from %s to %s", before, now)
	}
	if now := o.value("Hub", "HUB_RECONCILIATION"); hub != "2000" || now != "2000.1" {
		o.t.Errorf("the reconciliation account went from %s to %s", hub, now)
	}
	o.refused(400, "3106", "POST", path, fund(f["transferId"].(string), "recordFundsIn", "0.2"))
	o.refused(400, "3100", "POST", path, fund(o.NewID(), "recordFundsIn", "0"))
	position, _ := o.account("GreenBank", "POSITION")
	o.refused(400, "3100", "POST", "/admin/participants/GreenBank/accounts/"+position, fund(o.NewID(), "recordFundsIn", "1"))
}

func fundsGoOut(o *operator) {
	id, _ := o.account("GreenBank", "SETTLEMENT")
	path := "/admin/participants/GreenBank/accounts/" + id
	end := func(f anyMap, action string) (string, anyMap) {
		return path + "/transfers/" + f["transferId"].(string), anyMap{"action": action, "reason": "a test"}
	}
	hub := o.value("Hub", "HUB_RECONCILIATION")
	f := fund(o.NewID(), "recordFundsOutPrepareReserve", "0.1")
	o.gets(202, "POST", path, f)
	o.gets(202, "POST", path, f)
	if now := o.value("GreenBank", "SETTLEMENT"); now != "-1000" {
		o.t.Errorf("reserved: the settlement account is at %s", now)
	}
	if now := o.value("Hub", "HUB_RECONCILIATION"); now != hub {
		o.t.Errorf("reserved: the reconciliation account went from %s to %s", hub, now)
	}
	at, abort := end(f, "recordFundsOutAbort")
	o.gets(202, "PUT", at, abort)
	o.gets(202, "PUT", at, abort)
	if now := o.value("GreenBank", "SETTLEMENT"); now != "-1000.1" {
		o.t.Errorf("aborted: the settlement account is at %s", now)
	}
	_, commit := end(f, "recordFundsOutCommit")
	o.refused(400, "3100", "PUT", at, commit)

	f = fund(o.NewID(), "recordFundsOutPrepareReserve", "0.1")
	o.gets(202, "POST", path, f)
	at, commit = end(f, "recordFundsOutCommit")
	o.gets(202, "PUT", at, commit)
	if now := o.value("Hub", "HUB_RECONCILIATION"); now != "2000" {
		o.t.Errorf("committed: the reconciliation account is at %s", now)
	}
	o.refused(400, "4001", "POST", path, fund(o.NewID(), "recordFundsOutPrepareReserve", "1000.0001"))
	o.a.must("GET", "/transfers/"+f["transferId"].(string), "", nil)
	if told := o.a.hears("PUT", "/transfers/"+f["transferId"].(string)); told.body["transferState"] != "COMMITTED" {
		o.t.Errorf("the participant heard %v", told)
	}
}

func aCapStopsPayments(o *operator) {
	limit := func(value float64) {
		o.gets(200, "PUT", "/admin/participants/GreenBank/limits", anyMap{"currency": "USD", "limit": anyMap{"type": "NET_DEBIT_CAP", "value": value}})
	}
	limit(50)
	x := o.transfer("50.0001", time.Minute)
	o.a.must("POST", "/transfers", o.b.name, x.body)
	if no := o.a.hears("PUT", "/transfers/"+x.id+"/error"); errorOf(no) != "4200" {
		o.t.Fatalf("the payer heard %v", no)
	}
	limit(5000)
}

// closed closes the open window and gives its number.
func (o *operator) closed() string {
	o.t.Helper()
	open := o.gets(200, "GET", "/settlement/v2/settlementWindows?state=OPEN", nil).([]any)
	id := open[0].(anyMap)["settlementWindowId"].(json.Number).String()
	next := o.gets(200, "POST", "/settlement/v2/settlementWindows/"+id, anyMap{"state": "CLOSED", "reason": "end of day"}).(anyMap)
	if next["state"] != "OPEN" || next["settlementWindowId"].(json.Number).String() == id {
		o.t.Fatalf("after the close the window is %v", next)
	}
	o.refused(400, "3100", "POST", "/settlement/v2/settlementWindows/"+id, anyMap{"state": "CLOSED", "reason": "again"})
	return id
}

// settling makes a settlement of a window.
func (o *operator) settling(window string) (id string, parts []any) {
	o.t.Helper()
	want := anyMap{"settlementModel": "DEFERREDNET", "reason": "end of day", "settlementWindows": []any{anyMap{"id": json.Number(window)}}}
	s := o.gets(200, "POST", "/settlement/v2/settlements", want).(anyMap)
	if s["state"] != "PENDING_SETTLEMENT" {
		o.t.Fatalf("the settlement is %v", s)
	}
	o.refused(400, "3100", "POST", "/settlement/v2/settlements", want)
	return s["id"].(json.Number).String(), s["participants"].([]any)
}

// steps takes all accounts on.
func (o *operator) steps(id string, parts []any, state string) anyMap {
	o.t.Helper()
	var list []any
	for _, p := range parts {
		p := p.(anyMap)
		for _, a := range p["accounts"].([]any) {
			list = append(list, anyMap{"id": p["id"], "accounts": []any{anyMap{"id": a.(anyMap)["id"], "state": state, "reason": "a test"}}})
		}
	}
	return o.gets(200, "PUT", "/settlement/v2/settlements/"+id, anyMap{"participants": list}).(anyMap)
}

func (o *operator) at(green, blue, hub string) {
	o.t.Helper()
	got := fmt.Sprint(o.value("GreenBank", "POSITION"), " ", o.value("bluewallet", "POSITION"), " ", o.value("Hub", "HUB_MULTILATERAL_SETTLEMENT"))
	if want := fmt.Sprint(green, " ", blue, " ", hub); got != want {
		o.t.Errorf("positions and the multilateral account are at %s, want %s", got, want)
	}
	for _, name := range []string{"GreenBank", "bluewallet"} {
		if s := o.value(name, "SETTLEMENT"); s != "-1000" {
			o.t.Errorf("%s has %s on its settlement account", name, s)
		}
	}
}

func aWindowIsSettled(o *operator) {
	o.pays("30.5")
	o.at("30.5", "-30.5", "0")
	window := o.closed()
	open := o.gets(200, "GET", "/settlement/v2/settlementWindows?state=OPEN", nil).([]any)[0].(anyMap)["settlementWindowId"].(json.Number).String()
	o.refused(400, "3100", "POST", "/settlement/v2/settlementWindows/"+open, anyMap{"state": "CLOSED", "reason": "nothing was paid in it"})
	// What is owed for a closed window stays in the position until it is settled.
	o.at("30.5", "-30.5", "0")
	id, parts := o.settling(window)
	if len(parts) != 2 {
		o.t.Fatalf("in the settlement are %v", parts)
	}
	for _, step := range []struct{ state, green, blue, hub string }{
		{"PS_TRANSFERS_RECORDED", "30.5", "-30.5", "0"},
		{"PS_TRANSFERS_RESERVED", "30.5", "0", "-30.5"}, // the creditor has its money
		{"PS_TRANSFERS_COMMITTED", "0", "0", "0"},       // the debtor has paid
		{"SETTLED", "0", "0", "0"},
	} {
		for range 2 { // asked twice it is done once
			if s := o.steps(id, parts, step.state); s["state"] != step.state {
				o.t.Fatalf("the settlement is %v", s)
			}
		}
		o.at(step.green, step.blue, step.hub)
	}
	if w := o.gets(200, "GET", "/settlement/v2/settlementWindows/"+window, nil).(anyMap); w["state"] != "SETTLED" {
		o.t.Errorf("the window is %v", w)
	}
	// There is no way back, and each account says so.
	s := o.steps(id, parts, "PS_TRANSFERS_RECORDED")
	a := s["participants"].([]any)[0].(anyMap)["accounts"].([]any)[0].(anyMap)
	if s["state"] != "SETTLED" || a["errorInformation"].(anyMap)["errorCode"] != "3000" {
		o.t.Errorf("a step back was answered with %v", s)
	}
	o.refused(400, "3100", "PUT", "/settlement/v2/settlements/"+id, anyMap{"state": "ABORTED", "reason": "too late"})
}

func aSettlementIsAborted(o *operator) {
	o.pays("7")
	window := o.closed()
	id, parts := o.settling(window)
	o.steps(id, parts, "PS_TRANSFERS_RECORDED")
	o.steps(id, parts, "PS_TRANSFERS_RESERVED")
	o.at("7", "0", "-7")
	for range 2 {
		if s := o.gets(200, "PUT", "/settlement/v2/settlements/"+id, anyMap{"state": "ABORTED", "reason": "the bank is closed"}).(anyMap); s["state"] != "ABORTED" {
			o.t.Fatalf("the settlement is %v", s)
		}
	}
	o.at("7", "-7", "0")
	// The window can be settled anew.
	id, parts = o.settling(window)
	for _, state := range []string{"PS_TRANSFERS_RECORDED", "PS_TRANSFERS_RESERVED", "PS_TRANSFERS_COMMITTED", "SETTLED"} {
		o.steps(id, parts, state)
	}
	o.at("0", "0", "0")
	if n := len(o.gets(200, "GET", "/settlement/v2/settlements?settlementWindowId="+window, nil).([]any)); n != 1 {
		o.t.Errorf("the window is in %d settlements", n)
	}
}
