package centraladmin

import (
	"encoding/json"
	"strings"
	"testing"

	"sarai/rooms/payments/fspiop"
)

// Money comes as a JSON number or as a string and keeps its digits.
func TestDecimal(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`5000`, "5000"}, {`"5000"`, "5000"}, {`0.25`, "0.25"}, {`10.50`, "10.5"}, {`7.0000`, "7"}, {`0`, "0"},
		// No binary fraction has these digits.
		{`123456789012345678.1234`, "123456789012345678.1234"}, {`0.1`, "0.1"},
		{`-5`, ""}, {`1e3`, ""}, {`1.23456`, ""}, {`007`, ""}, {`""`, ""}, {`null`, ""}, {`"NaN"`, ""}, {`1234567890123456789`, ""},
	} {
		var d Decimal
		err := json.Unmarshal([]byte(c.in), &d)
		if (err == nil) != (c.want != "") || string(d) != c.want {
			t.Errorf("%s: %q, %v", c.in, d, err)
		}
	}
	b, err := json.Marshal(AccountValue{Value: DecimalOf(-50_0000, 4), Reserved: ""})
	if err != nil || !strings.Contains(string(b), `"value":-50,"reservedValue":0,`) {
		t.Errorf("written as %s, %v", b, err)
	}
}

// What cannot be taken is refused with the element's name and the standard's code.
func TestRead(t *testing.T) {
	fund := func(change string) string {
		from, to, _ := strings.Cut(change, " -> ")
		return strings.Replace(`{"transferId":"0f3a1d0e-6d6c-4f4e-9a35-6ad0d4e1a001","externalReference":"RTGS 7","action":"recordFundsIn","reason":"deposit","amount":{"amount":"10.5","currency":"USD"}}`, from, to, 1)
	}
	model := `{"name":"NETUSD","settlementGranularity":"NET","settlementInterchange":"MULTILATERAL","settlementDelay":"DEFERRED","requireLiquidityCheck":true,"ledgerAccountType":"POSITION","autoPositionReset":true,"currency":"USD","settlementAccountType":"SETTLEMENT"}`
	for _, c := range []struct {
		name, body string
		into       Request
		code       fspiop.Code
		says       string
	}{
		{"a participant", `{"name":"greenbank","currency":"USD"}`, &ParticipantPost{}, "", ""},
		{"no name", `{"currency":"USD"}`, &ParticipantPost{}, fspiop.CodeMissing, "name"},
		{"a name with a space", `{"name":"green bank","currency":"USD"}`, &ParticipantPost{}, fspiop.CodeValidation, "name"},
		{"no such currency", `{"name":"greenbank","currency":"ZZZ"}`, &ParticipantPost{}, fspiop.CodeSyntax, "currency"},
		{"a misspelt element", `{"name":"greenbank","curency":"USD"}`, &ParticipantPost{}, fspiop.CodeValidation, "not known"},
		{"no JSON", `name=greenbank`, &ParticipantPost{}, fspiop.CodeSyntax, "JSON"},
		{"something behind it", `{"name":"greenbank","currency":"USD"} {}`, &ParticipantPost{}, fspiop.CodeSyntax, "behind"},
		{"a number for a text", `{"name":7,"currency":"USD"}`, &ParticipantPost{}, fspiop.CodeValidation, "name"},
		{"too much", `{"name":"` + strings.Repeat("a", Most) + `"}`, &ParticipantPost{}, fspiop.CodeTooLarge, ""},
		{"funds", fund(""), &FundPost{}, "", ""},
		{"an amount as a number", fund(`"10.5" -> 10.5`), &FundPost{}, "", ""},
		{"an amount below zero", fund(`"10.5" -> -10.5`), &FundPost{}, fspiop.CodeValidation, "number"},
		{"an exponent", fund(`"10.5" -> 1e9`), &FundPost{}, fspiop.CodeValidation, "number"},
		{"no amount", fund(`"amount":"10.5", -> `), &FundPost{}, fspiop.CodeMissing, "amount.amount"},
		{"another action", fund(`recordFundsIn -> recordFundsOutCommit`), &FundPost{}, fspiop.CodeValidation, "action"},
		{"no transferId", fund(`0f3a1d0e-6d6c-4f4e-9a35-6ad0d4e1a001 -> `), &FundPost{}, fspiop.CodeMissing, "transferId"},
		{"an initial position", `{"currency":"USD","limit":{"type":"NET_DEBIT_CAP","value":10},"initialPosition":5}`, &InitialPost{}, fspiop.CodeValidation, "initialPosition"},
		{"a limit", `{"currency":"USD","limit":{"type":"NET_DEBIT_CAP","value":10.25,"alarmPercentage":80}}`, &LimitPut{}, "", ""},
		{"an alarm above all", `{"currency":"USD","limit":{"type":"NET_DEBIT_CAP","value":10,"alarmPercentage":180}}`, &LimitPut{}, fspiop.CodeValidation, "alarm"},
		{"a model", model, &ModelPost{}, "", ""},
		{"gross after a window", strings.Replace(model, `"NET"`, `"GROSS"`, 1), &ModelPost{}, fspiop.CodeValidation, "settlementDelay"},
		{"a window", `{"state":"CLOSED","reason":"end of day"}`, &WindowPost{}, "", ""},
		{"a window in another state", `{"state":"CLOSE","reason":"end of day"}`, &WindowPost{}, fspiop.CodeValidation, "state"},
		{"a settlement of nothing", `{"settlementModel":"NETUSD","reason":"x","settlementWindows":[]}`, &SettlementPost{}, fspiop.CodeMissing, "settlementWindows"},
		{"a mail address", `{"type":"NET_DEBIT_CAP_ADJUSTMENT_EMAIL","value":"ops@bank.example"}`, &Endpoint{}, "", ""},
		{"an address elsewhere", `{"type":"FSPIOP_CALLBACK_URL_QUOTES","value":"ftp://bank.example/{{ID}}"}`, &Endpoint{}, fspiop.CodeValidation, "http"},
		{"an address with a password", `{"type":"FSPIOP_CALLBACK_URL_QUOTES","value":"https://me:mine@bank.example"}`, &Endpoint{}, fspiop.CodeValidation, "password"},
		{"an oracle elsewhere", `{"oracleIdType":"MSISDN","endpoint":{"value":"file://oracle/x","endpointType":"URL"}}`, &OraclePost{}, fspiop.CodeValidation, "http"},
		{"a text that no table keeps", `{"state":"CLOSED","reason":"a\u0000b"}`, &WindowPost{}, fspiop.CodeValidation, "reason"},
		{"no address", `{"type":"FSPIOP_CALLBACK_URL_QUOTES","value":"bank"}`, &Endpoint{}, fspiop.CodeValidation, "value"},
	} {
		f := Read(strings.NewReader(c.body), c.into)
		switch {
		case c.code == "" && f != nil:
			t.Errorf("%s: refused: %v", c.name, f)
		case c.code != "" && (f == nil || f.Code != c.code || !strings.Contains(f.Detail, c.says)):
			t.Errorf("%s: %v, want %s about %q", c.name, f, c.code, c.says)
		}
	}
}

// States go on one by one; an abort ends what is not committed.
func TestSettlementStates(t *testing.T) {
	steps := []string{Pending, Recorded, Reserved, Committed, Settled}
	for i, before := range steps {
		for j, state := range steps {
			if got, want := After(state, before), j == i || j == i+1; got != want {
				t.Errorf("%s after %s: %v", state, before, got)
			}
		}
		if got, want := After(Aborted, before), i <= 2; got != want {
			t.Errorf("aborted after %s: %v", before, got)
		}
	}
	for _, c := range []struct {
		states []string
		want   string
	}{
		{[]string{Pending, Recorded}, Pending}, {[]string{Recorded, Recorded}, Recorded}, {[]string{Reserved, Committed}, Reserved},
		{[]string{Committed, Settled}, Settling}, {[]string{Settled, Settled}, Settled}, {[]string{Aborted, Aborted}, Aborted},
	} {
		if got := Overall(c.states); got != c.want {
			t.Errorf("%v together are %s, want %s", c.states, got, c.want)
		}
	}
}

// Whatever arrives is taken or refused; what is taken can be written again.
func FuzzRead(f *testing.F) {
	f.Add(`{"name":"greenbank","currency":"USD"}`)
	f.Add(`{"amount":{"amount":1e999,"currency":"USD"}}`)
	f.Add(`{"participants":[{"id":1,"accounts":[{"id":2,"state":"SETTLED","reason":"x"}]}]}`)
	f.Add(`{"limit":{"type":"NET_DEBIT_CAP","value":"0.0001"},"currency":"USD"}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, into := range []Request{&ParticipantPost{}, &AccountPost{}, &Active{}, &LimitPut{}, &InitialPost{}, &Endpoint{}, &FundPost{}, &FundPut{}, &ModelPost{}, &OraclePost{}, &WindowPost{}, &SettlementPost{}, &SettlementPut{}, &AccountsPut{}, &StatePut{}} {
			if fault := Read(strings.NewReader(body), into); fault != nil {
				if fault.Description() == "" || len(fault.JSON()) == 0 {
					t.Fatalf("%T: a refusal without words", into)
				}
				continue
			}
			if _, err := json.Marshal(into); err != nil {
				t.Fatalf("%T was taken and cannot be written: %v", into, err)
			}
		}
	})
}
