package payments_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/rooms/payments"
	"sarai/rooms/payments/fspiop"
)

// TestConversionsAtTheHub tells the stories of a payer with dollars, a payee with euros
// and one between them that has both, on both engines. What becomes of the dollars is
// decided by the transfer of the euros.
func TestConversionsAtTheHub(t *testing.T) {
	stories := []struct {
		name string
		tell func(v *exchange)
	}{
		{"what it would cost is asked and told", aConversionIsQuoted},
		{"dollars and euros move together", aConversionIsPaid},
		{"the payee refuses, and both come back", aConversionOfARefusedTransfer},
		{"the payee shows a wrong fulfilment, and both come back", aConversionOfAWrongFulfilment},
		{"the converter shows a wrong fulfilment", aConverterWithAWrongFulfilment},
		{"the converter refuses", aConverterRefuses},
		{"the converter is silent", aConverterIsSilent},
		{"the same conversion again", theSameConversionAgain},
		{"a transfer whose conversion is not agreed", aTransferBeforeItsConversion},
	}
	var room *payments.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = payments.New(c, payments.Wants{Payer: names{}})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		v := &exchange{plaza: openPlaza(t, court, room)}
		v.c = v.open("exchange")
		for _, name := range []string{v.b.name, v.c.name} {
			check(t, v.hub.AddCurrency(context.Background(), name, "EUR"))
		}
		check(t, v.hub.FundForTest(context.Background(), v.c.name, "EUR", 1000_0000))
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				v.t = t
				story.tell(v)
			})
		}
	})
}

// exchange is the plaza with one more participant, who converts.
type exchange struct {
	*plaza
	c *dfsp
}

// conversion is dollars of the payer for euros of the converter, and the transfer of
// the euros to the payee.
type conversion struct {
	id, fulfilment string
	body           anyMap
	transfer       asked
}

func (v *exchange) conversion(dollars, euros string, within time.Duration) conversion {
	condition, fulfilment := fspiop.Condition(sha256.Sum256([]byte(v.NewID())))
	x := conversion{id: v.NewID(), fulfilment: fulfilment, transfer: v.transfer(euros, time.Minute)}
	x.transfer.body["amount"] = anyMap{"amount": euros, "currency": "EUR"}
	x.body = anyMap{"commitRequestId": x.id, "determiningTransferId": x.transfer.id, "initiatingFsp": v.a.name, "counterPartyFsp": v.c.name,
		"sourceAmount": anyMap{"amount": dollars, "currency": "USD"}, "targetAmount": anyMap{"amount": euros, "currency": "EUR"},
		"condition": condition, "expiration": fspiop.FormatTime(v.Clock.Now().Add(within))}
	return x
}

// asks lets the payer ask for a conversion and the converter hear it.
func (v *exchange) asks(x conversion) {
	v.t.Helper()
	v.a.must("POST", "/fxTransfers", v.c.name, x.body)
	if got := v.c.hears("POST", "/fxTransfers"); got.body["commitRequestId"] != x.id || got.head.Get("Fspiop-Source") != v.a.name || got.head.Get("Fspiop-Signature") == "" {
		v.t.Fatalf("the converter heard %v", got)
	}
}

// agreed is a conversion that the converter has agreed to.
func (v *exchange) agreed(dollars, euros string) conversion {
	v.t.Helper()
	x := v.conversion(dollars, euros, time.Minute)
	v.asks(x)
	v.c.must("PUT", "/fxTransfers/"+x.id, v.a.name, anyMap{"conversionState": "RESERVED", "fulfilment": x.fulfilment, "completedTimestamp": v.completed()})
	if got := v.a.hears("PUT", "/fxTransfers/"+x.id); got.body["conversionState"] != "RESERVED" || got.body["fulfilment"] != x.fulfilment {
		v.t.Fatalf("the payer heard %v", got)
	}
	return x
}

// standing is what each owes: the payer and the converter dollars, the converter and the
// payee euros, in hundredths of cents.
type standing [4]int64

func (v *exchange) standing() standing {
	v.t.Helper()
	of := func(d *dfsp, currency string) int64 { return v.hub.PositionForTest(v.t, d.name, currency) }
	return standing{of(v.a, "USD"), of(v.c, "USD"), of(v.c, "EUR"), of(v.b, "EUR")}
}

// moves holds what has changed since before against what should have.
func (v *exchange) moves(before standing, want standing) {
	v.t.Helper()
	after := v.standing()
	for i := range after {
		after[i] -= before[i]
	}
	if after != want {
		v.t.Fatalf("the positions moved by %v, want %v", after, want)
	}
}

func (v *exchange) hearsError(d *dfsp, path, code string) {
	v.t.Helper()
	if no := d.hears("PUT", path+"/error"); errorOf(no) != code {
		v.t.Fatalf("%s heard %v, want %s", d.name, no, code)
	}
}

func (v *exchange) converterHears(x conversion, state string) {
	v.t.Helper()
	if told := v.c.hears("PATCH", "/fxTransfers/"+x.id); told.body["conversionState"] != state || told.head.Get("Fspiop-Source") != "Hub" {
		v.t.Fatalf("the converter heard %v, want %s", told, state)
	}
}

func aConversionIsQuoted(v *exchange) {
	id := v.NewID()
	terms := anyMap{"conversionId": v.NewID(), "determiningTransferId": v.NewID(), "initiatingFsp": v.a.name, "counterPartyFsp": v.c.name, "amountType": "SEND",
		"sourceAmount": anyMap{"amount": "10", "currency": "USD"}, "targetAmount": anyMap{"currency": "EUR"}, "expiration": fspiop.FormatTime(v.Clock.Now().Add(time.Minute))}
	v.a.must("POST", "/fxQuotes", v.c.name, anyMap{"conversionRequestId": id, "conversionTerms": terms})
	got := v.c.hears("POST", "/fxQuotes")
	if got.body["conversionRequestId"] != id || got.head.Get("Fspiop-Signature") == "" {
		v.t.Fatalf("the converter heard %v", got)
	}
	terms["targetAmount"] = anyMap{"amount": "9", "currency": "EUR"}
	condition, _ := fspiop.Condition(sha256.Sum256([]byte(id)))
	v.c.must("PUT", "/fxQuotes/"+id, v.a.name, anyMap{"condition": condition, "conversionTerms": terms})
	if told := v.a.hears("PUT", "/fxQuotes/"+id); told.body["condition"] != condition || told.head.Get("Fspiop-Source") != v.c.name {
		v.t.Fatalf("the payer heard %v", told)
	}
}

func aConversionIsPaid(v *exchange) {
	before := v.standing()
	x := v.agreed("10", "9")
	v.moves(before, standing{10_0000, 0, 0, 0})
	v.a.must("POST", "/transfers", v.b.name, x.transfer.body)
	v.b.hears("POST", "/transfers")
	v.moves(before, standing{10_0000, 0, 9_0000, 0}) // the euros are the converter's
	v.b.must("PUT", "/transfers/"+x.transfer.id, v.a.name, anyMap{"transferState": "COMMITTED", "fulfilment": x.transfer.fulfilment, "completedTimestamp": v.completed()})
	v.a.hears("PUT", "/transfers/"+x.transfer.id)
	v.converterHears(x, "COMMITTED")
	v.moves(before, standing{10_0000, -10_0000, 9_0000, -9_0000})
	v.c.must("GET", "/fxTransfers/"+x.id, "", nil)
	if told := v.c.hears("PUT", "/fxTransfers/"+x.id); told.body["conversionState"] != "COMMITTED" {
		v.t.Fatalf("asked again, the converter heard %v", told)
	}
}

func aConversionOfARefusedTransfer(v *exchange) {
	before := v.standing()
	x := v.agreed("5", "4.5")
	v.a.must("POST", "/transfers", v.b.name, x.transfer.body)
	v.b.hears("POST", "/transfers")
	v.b.must("PUT", "/transfers/"+x.transfer.id+"/error", v.a.name, anyMap{"errorInformation": anyMap{"errorCode": "5200", "errorDescription": "Payee limit error"}})
	v.hearsError(v.a, "/transfers/"+x.transfer.id, "5200")
	v.converterHears(x, "ABORTED")
	v.moves(before, standing{})
}

func aConversionOfAWrongFulfilment(v *exchange) {
	before := v.standing()
	x, other := v.agreed("5", "4.5"), v.transfer("1", time.Minute)
	v.a.must("POST", "/transfers", v.b.name, x.transfer.body)
	v.b.hears("POST", "/transfers")
	v.b.must("PUT", "/transfers/"+x.transfer.id, v.a.name, anyMap{"transferState": "COMMITTED", "fulfilment": other.fulfilment, "completedTimestamp": v.completed()})
	v.hearsError(v.a, "/transfers/"+x.transfer.id, "3100")
	v.hearsError(v.b, "/transfers/"+x.transfer.id, "3100")
	v.converterHears(x, "ABORTED")
	v.moves(before, standing{})
}

func aConverterWithAWrongFulfilment(v *exchange) {
	before := v.standing()
	x, other := v.conversion("3", "2", time.Minute), v.conversion("3", "2", time.Minute)
	v.asks(x)
	v.c.must("PUT", "/fxTransfers/"+x.id, v.a.name, anyMap{"conversionState": "RESERVED", "fulfilment": other.fulfilment, "completedTimestamp": v.completed()})
	v.hearsError(v.a, "/fxTransfers/"+x.id, "3100")
	v.converterHears(x, "ABORTED")
	v.moves(before, standing{})
}

func aConverterRefuses(v *exchange) {
	before := v.standing()
	x := v.conversion("3", "2", time.Minute)
	v.asks(x)
	v.c.must("PUT", "/fxTransfers/"+x.id+"/error", v.a.name, anyMap{"errorInformation": anyMap{"errorCode": "5100", "errorDescription": "Payee rejected the conversion"}})
	v.hearsError(v.a, "/fxTransfers/"+x.id, "5100")
	v.moves(before, standing{})
	// Without the conversion the payer has no euros to pay with.
	v.a.must("POST", "/transfers", v.b.name, x.transfer.body)
	v.hearsError(v.a, "/transfers/"+x.transfer.id, "3100")
	v.moves(before, standing{})
}

func aConverterIsSilent(v *exchange) {
	before := v.standing()
	x := v.conversion("3", "2", 2*time.Second)
	v.asks(x)
	v.moves(before, standing{3_0000, 0, 0, 0})
	v.Clock.Advance(2 * time.Second)
	v.hearsError(v.a, "/fxTransfers/"+x.id, "3303")
	v.hearsError(v.c, "/fxTransfers/"+x.id, "3303")
	v.moves(before, standing{})
	v.c.must("PUT", "/fxTransfers/"+x.id, v.a.name, anyMap{"conversionState": "RESERVED", "fulfilment": x.fulfilment, "completedTimestamp": v.completed()})
	v.hearsError(v.c, "/fxTransfers/"+x.id, "3303")
	v.moves(before, standing{})
}

func theSameConversionAgain(v *exchange) {
	before := v.standing()
	x := v.agreed("7", "6")
	v.a.must("POST", "/fxTransfers", v.c.name, x.body)
	if told := v.a.hears("PUT", "/fxTransfers/"+x.id); told.body["fulfilment"] != x.fulfilment {
		v.t.Fatalf("the payer heard %v", told)
	}
	x.body["sourceAmount"] = anyMap{"amount": "700", "currency": "USD"}
	v.a.must("POST", "/fxTransfers", v.c.name, x.body)
	v.hearsError(v.a, "/fxTransfers/"+x.id, "3106")
	v.moves(before, standing{7_0000, 0, 0, 0})
}

func aTransferBeforeItsConversion(v *exchange) {
	before := v.standing()
	x := v.conversion("2", "1", time.Minute)
	v.asks(x)
	v.a.must("POST", "/transfers", v.b.name, x.transfer.body)
	v.hearsError(v.a, "/transfers/"+x.transfer.id, "3100")
	v.moves(before, standing{2_0000, 0, 0, 0})
	if status, answer := v.b.send("GET", "/fxTransfers/"+x.id, "", nil); status != 202 {
		v.t.Fatal(fmt.Sprint(status, answer))
	}
	v.hearsError(v.b, "/fxTransfers/"+x.id, "3208") // a conversion of others is none
}
