package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/web"
)

// trickle sends a head and some of the body it promises, and gives the answer.
func trickle(t *testing.T, c *court, path, mediaType, part string) (status int, body string, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	begin := time.Now()
	_ = conn.SetDeadline(begin.Add(5 * time.Second))
	_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n%s", path, mediaType, part)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: no answer in %v: %v", path, time.Since(begin), err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	if !res.Close {
		t.Errorf("%s: the connection is kept although the rest of the body may still come", path)
	}
	return res.StatusCode, string(text), time.Since(begin)
}

// TestABodyHasItsTime: whoever sends a byte now and then does not hold a
// connection; whoever sent all is given all the time the handler needs.
func TestABodyHasItsTime(t *testing.T) {
	const form, upload = 150 * time.Millisecond, 600 * time.Millisecond
	c := open(t, sqlite(t), web.Options{Sending: web.Sending{Form: form, Upload: upload, Pace: 1 << 30}}, func(c *court) {
		web.Handle(c.site, web.Route[gate.House]{Pattern: "POST /inn/cook", Action: "inn.enter", Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
			if _, err := c.Form(); err != nil {
				return err
			}
			select {
			case <-c.Context().Done():
				t.Error("the time for the body has ended the handler")
			case <-time.After(3 * form):
			}
			_, _ = io.WriteString(c.W, "a meal")
			return nil
		}})
		web.Handle(c.site, web.Route[gate.House]{Pattern: "POST /inn/tell", Action: "inn.token", Protocol: true, Do: func(c *web.Ctx, _ gate.Permit[gate.House]) error {
			_, err := io.ReadAll(c.R.Body)
			return err
		}})
	})
	if status, body, took := trickle(t, c, "/inn/book", "application/x-www-form-urlencoded", "name=A"); status != http.StatusRequestTimeout || !strings.Contains(body, "This took too long to arrive") || took < form {
		t.Errorf("a slow form: %d after %v\n%.500s", status, took, body)
	}
	head := "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nabc"
	if status, _, took := trickle(t, c, "/inn/book", "multipart/form-data; boundary=b", head); status != http.StatusRequestTimeout || took < upload {
		t.Errorf("a slow upload: %d after %v, want it to have %v", status, took, upload)
	}
	if status, body, _ := trickle(t, c, "/inn/tell", "text/plain", "abc"); status != http.StatusRequestTimeout || !strings.Contains(body, `"web.fault.slow"`) {
		t.Errorf("a slow body of a protocol: %d %s", status, body)
	}
	g := c.guest(t)
	for range 2 { // the second request on the same connection has its own time
		want(t, g.post("/inn/cook", nil), http.StatusOK, "a meal")
		want(t, g.post("/inn/cook", map[string][]string{"name": {"Ayesha"}}), http.StatusOK, "a meal")
	}
}
