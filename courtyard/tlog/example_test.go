package tlog_test

import (
	"fmt"
	"os"
	"strings"

	"sarai/courtyard/tlog"
)

// A receipt is checked offline, with nothing but the log's verifier key.
func ExampleVerify() {
	receipt, err := os.ReadFile("../../conformance/tlog/testdata/receipt.tlog-proof")
	if err != nil {
		panic(err)
	}
	vkeys, err := os.ReadFile("../../conformance/tlog/testdata/vkeys")
	if err != nil {
		panic(err)
	}
	key, _, _ := strings.Cut(string(vkeys), "\n")
	p, err := tlog.Verify(receipt, key)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s by %s is entry %d of the %d in %s\n", p.Event.Type, p.Event.Actor, p.Index, p.Size, p.Origin)

	receipt[60] ^= 1
	_, err = tlog.Verify(receipt, key)
	fmt.Println("altered:", err != nil)
	// Output:
	// services.document.issued by post/icta.dc.dc is entry 154 of the 300 in sarai.example/log
	// altered: true
}
