package services

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sarai/courtyard/store"
)

func TestTheTrackingPageFollowsTheFile(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		r := a.apply()
		a.post("/applications/"+r+"/submit", nil, 303)
		app := w.application(r)
		w.emit(store.Event{Type: "payments.fee.paid", Subject: "x", Actor: "x", Data: feePaid{Fee: app.Fee}})
		w.eventually("received", func() bool { return w.application(r).State == InOffice })

		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		q, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.court.URL+"/live/application?key="+app.ID, nil)
		stream := &http.Client{Jar: a.b.Jar}
		res, err := stream.Do(q)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", res, err)
		}
		defer func() { _ = res.Body.Close() }()
		w.emit(store.Event{Type: "office.file.moved", Subject: "x", Actor: "post/icta.dc.diary", Data: fileMoved{Application: app.ID, To: "icta.dc.assistant"}})
		seen := bufio.NewScanner(res.Body)
		seen.Buffer(nil, 1<<20)
		for seen.Scan() {
			if line := seen.Text(); strings.Contains(line, `id="track"`) || strings.Contains(line, "Your file is here now") {
				return
			}
		}
		t.Fatalf("the screen did not move: %v", seen.Err())
	})
}

func TestNobodyWatchesAnotherPersonsApplication(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		r := w.citizen("ayesha").apply()
		w.citizen("bilal").get("/live/application?key="+w.application(r).ID, 403)
		w.stranger().get("/live/application?key="+w.application(r).ID, 401)
	})
}

// TestTwoWindowsDoNotOverwriteEachOther changes a draft from two copies of it.
func TestTwoWindowsDoNotOverwriteEachOther(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		r := a.apply()
		first, second := w.application(r), w.application(r)
		c, err := w.room.open(context.Background(), first)
		if err != nil {
			t.Fatal(err)
		}
		c.Answers["purpose"] = "job"
		if err := w.room.save(context.Background(), first, c); err != nil {
			t.Fatal(err)
		}
		c.Answers["purpose"] = "scholarship"
		if err := w.room.save(context.Background(), second, c); err == nil || !strings.Contains(err.Error(), "services.application.changed") {
			t.Fatalf("the second window wrote over the first: %v", err)
		}
		// What was sent cannot be changed, not even by its owner.
		a.post("/applications/"+r+"/submit", nil, 303)
		a.post("/applications/"+r+"/q/purpose", url.Values{"purpose": {"other"}}, 403)
		a.post("/applications/"+r+"/withdraw", nil, 403)
	})
}

// TestTheInterfaceDoesWhatThePagesDo applies with JSON.
func TestTheInterfaceDoesWhatThePagesDo(t *testing.T) {
	window(t, func(t *testing.T, w *win) {
		a := w.citizen("ayesha")
		list := decode[ServiceList](t, a.get("/api/services", 200))
		if len(list.Services) != 5 {
			t.Fatalf("%d services", len(list.Services))
		}
		if d := decode[ServiceDetail](t, a.get("/api/services/domicile", 200)); len(d.Definition) != 64 || d.Route[3] != "icta.dc.dc" {
			t.Fatalf("%+v", d)
		}
		post := func(method, path, body string, status int) ApplicationStatus {
			t.Helper()
			out, _ := a.do(method, path, "application/json", strings.NewReader(body), status)
			if status != 200 {
				return ApplicationStatus{}
			}
			return decode[ApplicationStatus](t, out)
		}
		s := post("POST", "/api/applications", `{"service":"domicile","consent":true}`, 200)
		if s.Next != "residence" {
			t.Fatalf("%+v", s)
		}
		post("PUT", "/api/applications/"+s.Reference+"/answers", `{"answers":{"resident_since":"2001-02-31"}}`, 422)
		s = post("PUT", "/api/applications/"+s.Reference+"/answers", `{"answers":{"resident_since":"2001-04-17","home":"own","other":"no","purpose":"job","phone":"03991234567"}}`, 200)
		if s.Next != "submit" {
			t.Fatalf("%+v", s)
		}
		s = post("POST", "/api/applications/"+s.Reference+"/submit", ``, 200)
		if s.State != Submitted || s.Amount != 20000 || s.Fee == "" {
			t.Fatalf("%+v", s)
		}
		if again := post("POST", "/api/applications/"+s.Reference+"/submit", ``, 200); again.Fee != s.Fee || len(w.fakes.fees) != 1 {
			t.Fatal("sent twice, asked twice")
		}
	})
}
