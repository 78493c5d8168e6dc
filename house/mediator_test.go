package house

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sarai/rooms/payments"
)

// TestTheMediatorsLineLeadsToOneRoom: on the second listener every path is one
// of the payments building block, whatever a caller writes.
func TestTheMediatorsLineLeadsToOneRoom(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	m, err := Config{GovStack: "localhost:0"}.mediate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		done <- m.serve(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	}()
	client := &http.Client{Timeout: 5 * time.Second}
	for _, path := range []string{"/bulk-payment", "/../../wallet", "/%2e%2e/wallet", "//wallet", "/vouchers/voucherstatuscheck/1"} {
		q, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.listener.Addr().String()+path, nil)
		res, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if got := <-asked; !strings.HasPrefix(got, payments.GovStackPath+"/") {
			t.Errorf("%s led to %s", path, got)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if none, err := (Config{}).mediate(t.Context()); none != nil || err != nil {
		t.Error("a listener nobody asked for")
	}
}

// TestADotsWayOutOfTheMediatorsLine: the site's router cleans a path with dots
// by sending the caller to the clean one, which is below the prefix again.
func TestADotsWayOutOfTheMediatorsLine(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /wallet", func(http.ResponseWriter, *http.Request) { t.Error("reached the wallet") })
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.URL.Path = payments.GovStackPath + "/../../wallet"
	if mux.ServeHTTP(w, r); w.Code == http.StatusOK {
		t.Errorf("answered %d", w.Code)
	}
}
