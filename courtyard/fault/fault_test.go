package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sarai/courtyard/fault"
)

func TestAFaultKeepsItsKindThroughWrapping(t *testing.T) {
	inner := fault.New(fault.Gone, "payments.qr.expired", "minutes", "15").Because(errors.New("row 7"))
	err := fmt.Errorf("pay fee: %w", inner)
	if !fault.Is(err, fault.Gone) || fault.KindOf(err) != fault.Gone || fault.KindOf(err).Status() != 410 {
		t.Fatalf("kind lost: %v", err)
	}
	if f := fault.As(err); f.Args["minutes"] != "15" || f.Key != "payments.qr.expired" {
		t.Fatalf("key or values lost: %+v", f)
	}
	if !strings.Contains(err.Error(), "row 7") {
		t.Fatalf("the operator does not see the cause: %v", err)
	}
}

func TestArgumentsNeverReachTheOperatorsSentence(t *testing.T) {
	err := fault.New(fault.Invalid, "identity.number.bad", "number", "6110112345671").At("cnic", "identity.number.length", "was", "6110112345671")
	if strings.Contains(err.Error(), "61101") {
		t.Fatalf("a value from the request is in the error text: %v", err)
	}
}

func TestAnUnclassifiedErrorIsOurs(t *testing.T) {
	if f := fault.As(errors.New("disk")); f.Kind != fault.Internal || f.Kind.Status() != 500 {
		t.Fatalf("got %v", f)
	}
	if fault.As(nil) != nil {
		t.Fatal("no error is no fault")
	}
	if fault.New(fault.Invalid, "x").OrNil() != nil {
		t.Fatal("a collection without messages is no fault")
	}
}
