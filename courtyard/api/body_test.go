package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/store"
)

// TestABodyHasItsTime: whoever sends a byte now and then does not hold a
// connection.
func TestABodyHasItsTime(t *testing.T) {
	once(t, func(t *testing.T, db *store.DB) {
		const sending = 100 * time.Millisecond
		b := openBankFor(t, db, sending)
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = fmt.Fprint(conn, "POST /api/bank/accounts/a1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ayesha\r\nIdempotency-Key: 0123456789abcdef\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestTimeout || res.Header.Get("Content-Type") != new(api.Problem).ContentType("") {
			t.Errorf("a slow body: %s, %s", res.Status, res.Header.Get("Content-Type"))
		}
		// and one that came in time is not hurried afterwards
		b.slow = make(chan struct{})
		time.AfterFunc(3*sending, func() { close(b.slow) })
		if a := b.call(t, "POST", "/api/bank/accounts/a1/payments", `{"amount":5,"payee":"bilal"}`, "Authorization", "Bearer ayesha", "Idempotency-Key", "fedcba9876543210"); a.status != http.StatusCreated {
			t.Errorf("a slow handler: %d %s", a.status, a.body)
		}
	})
}
