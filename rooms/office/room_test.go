package office_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/office"
)

// The four of the domicile branch and the applicant.
const (
	clerk     = "icta.dc.diary"
	assistant = "icta.dc.assistant"
	ac        = "icta.dc.ac"
	dc        = "icta.dc.dc"
	applicant = "person-ayesha"
)

var route = []string{clerk, assistant, ac, dc}

// house is a court with the office in it and the four at their posts.
type house struct {
	*courttest.Court
	room *office.Room
	t    *testing.T
}

func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	var room *office.Room
	courttest.Each(t, func(c *courtyard.Courtyard) (err error) {
		room, err = office.New(c, office.Wants{})
		return err
	}, func(t *testing.T, court *courttest.Court) {
		h := &house{court, room, t}
		for post, person := range map[string]string{clerk: "rashid", assistant: "saima", ac: "kamran", dc: "farah"} {
			court.Appoint(person, post)
		}
		test(t, h)
	})
}

func (h *house) receive(key string) (file, diary string) {
	h.t.Helper()
	err := h.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		file, diary, err = h.room.Receive(tx, office.Intake{
			Key: key, Office: "icta.dc", Service: "domicile", Application: "app-" + key, Applicant: applicant,
			Subject: map[string]string{"en": "Domicile certificate", "ur": "ڈومیسائل سرٹیفکیٹ"},
			Papers:  []office.Paper{{Title: map[string]string{"en": "Application", "ur": "درخواست"}, MediaType: "text/plain", Body: []byte("I live in G-9.")}},
			Route:   route,
		})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return file, diary
}

var persons = map[string]string{clerk: "rashid", assistant: "saima", ac: "kamran", dc: "farah"}

// may asks the gate for a permit on a file as it is now.
func (h *house) may(post, action, file string) (gate.Permit[office.File], error) {
	h.t.Helper()
	f, err := h.room.File(context.Background(), file)
	if err != nil {
		h.t.Fatal(err)
	}
	return gate.Authorize(context.Background(), h.Gate, h.Principal(persons[post], gate.Official, post), action, f)
}

func (h *house) permit(post, action, file string) gate.Permit[office.File] {
	h.t.Helper()
	p, err := h.may(post, action, file)
	if err != nil {
		h.t.Fatalf("%s may not %s: %v %v", post, action, err, gate.Reasons(err))
	}
	return p
}

func (h *house) note(post, file, text string) office.Para {
	h.t.Helper()
	h.ok(h.room.SaveDraft(context.Background(), h.permit(post, "office.note.write", file), 0, text))
	para, err := h.room.Sign(context.Background(), h.permit(post, "office.note.sign", file))
	h.ok(err)
	return para
}

func (h *house) forward(post, file, to string) {
	h.t.Helper()
	_, err := h.room.Forward(context.Background(), h.permit(post, "office.file.forward", file), to)
	h.ok(err)
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// events are those of a file.
func (h *house) events(kind, file string) []store.Event {
	h.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		list, err := h.Journal.Read(context.Background(), 0, 1000, kind)
		h.ok(err)
		list = slices.DeleteFunc(list, func(e store.Event) bool { return e.Subject != "office/file/"+file })
		if len(list) > 0 || time.Now().After(deadline) {
			return list
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestTheOffice tells the office's stories one after the other in one house per
// engine.
func TestTheOffice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, story := range []struct {
			name string
			tell func(*testing.T, *house)
		}{
			{"a file on its way", aFileOnItsWay},
			{"who may not", whoMayNot},
			{"nobody decides about himself", nobodyDecidesAboutHimself},
			{"four eyes", fourEyes},
			{"a signed note stays", aSignedNoteStays},
			{"numbers have no gaps", numbersHaveNoGaps},
			{"papers are sealed", papersAreSealed},
			{"papers run nothing", papersRunNothing},
			{"long lists are read page by page", longListsAreReadPageByPage},
			{"the desk in a browser", theDeskInABrowser},
			{"the board follows", theBoardFollows},
			{"the desk by its interface", theDeskByItsInterface},
			{"an old board is loaded anew", anOldBoardIsLoadedAnew}, // last: it fills the journal
		} {
			t.Run(story.name, func(t *testing.T) {
				h.t = t
				story.tell(t, h)
			})
		}
	})
}

// aFileOnItsWay is the life of a domicile file over its four posts.
func aFileOnItsWay(t *testing.T, h *house) {
	ctx := context.Background()
	file, diary := h.receive("one")
	again, same := h.receive("one")
	if again != file || same != diary {
		t.Errorf("received twice: %s %s and %s %s", file, diary, again, same)
	}
	if !strings.HasPrefix(diary, "DC-ICT/D/") || !strings.HasSuffix(diary, "/00001") {
		t.Errorf("diary number %q", diary)
	}
	h.forward(clerk, file, "")
	first := h.note(assistant, file, "Residence since 2001 shown. Put up for approval.")
	if first.N != 1 || first.Charge != "permanent" {
		t.Errorf("first para: %+v", first)
	}
	h.forward(assistant, file, "")
	second := h.note(ac, file, "Agreed.")
	if second.N != 2 || !bytes.Equal(second.Previous, first.Digest) {
		t.Errorf("second para does not follow the first")
	}
	h.forward(ac, file, "")
	track, err := h.room.Tracking(ctx, "app-one")
	h.ok(err)
	if len(track.Steps) != 4 || track.Steps[3].State != "now" || track.Steps[3].Title["ur"] != "ڈپٹی کمشنر" {
		t.Errorf("tracking: %+v", track.Steps)
	}
	order, err := h.room.Decide(ctx, h.permit(dc, "office.file.decide", file), office.Approved, "")
	h.ok(err)
	if order.N != 3 || order.Kind != office.Order {
		t.Errorf("order: %+v", order)
	}
	f, err := h.room.File(ctx, file)
	h.ok(err)
	if f.State != office.Approved || f.Paras != 3 || f.Moves != 4 {
		t.Errorf("file: %+v", f)
	}
	if found, err := h.room.Verify(ctx, file); err != nil || len(found) != 0 {
		t.Errorf("verify: %v %v", found, err)
	}
	decided := h.events(office.EventDecided, file)
	var d office.Decided
	if len(decided) != 1 || decided[0].Decode(&d) != nil || d.Application != "app-one" || d.Outcome != office.Approved || d.Post != dc || decided[0].Actor != "post/"+dc {
		t.Errorf("decided: %+v %+v", decided, d)
	}
	if n := len(h.events(office.EventMoved, file)); n != 3 {
		t.Errorf("%d movements told", n)
	}
	// what is decided stays decided
	if _, err := h.may(dc, "office.file.decide", file); !fault.Is(err, fault.Forbidden) {
		t.Errorf("decided twice: %v", err)
	}
}

// whoMayNot: each refusal of the policies and of the rules.
func whoMayNot(t *testing.T, h *house) {
	ctx := context.Background()
	file, _ := h.receive("two")
	refused := func(post, action, reason string) {
		t.Helper()
		_, err := h.may(post, action, file)
		if !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s %s: %v", post, action, err)
		} else if reason != "" && !strings.Contains(strings.Join(gate.Reasons(err), " "), reason) {
			t.Errorf("%s %s: reasons %v, want %s", post, action, gate.Reasons(err), reason)
		}
	}
	refused(assistant, "office.note.write", "")     // has not got the file
	refused(clerk, "office.note.write", "")         // has it, without the power
	refused(clerk, "office.file.decide", "")        // decides nothing
	refused(dc, "office.file.decide", "")           // has not got it
	refused(assistant, "office.file.pull-back", "") // did not send it
	h.forward(clerk, file, "")
	refused(clerk, "office.file.forward", "") // gave it away

	// pull back until it is opened
	p := h.permit(clerk, "office.file.pull-back", file)
	_, err := h.room.PullBack(ctx, p)
	h.ok(err)
	h.forward(clerk, file, "")
	late := h.permit(clerk, "office.file.pull-back", file)
	_, err = h.room.Open(ctx, h.permit(assistant, "office.file.read", file))
	h.ok(err)
	refused(clerk, "office.file.pull-back", "")
	if _, err := h.room.PullBack(ctx, late); !fault.Is(err, fault.Conflict) {
		t.Errorf("pulled back after it was opened: %v", err)
	}
	// a draft does not travel unsigned
	h.ok(h.room.SaveDraft(ctx, h.permit(assistant, "office.note.write", file), 1, "Thinking."))
	if _, err := h.room.Forward(ctx, h.permit(assistant, "office.file.forward", file), ""); !fault.Is(err, fault.Conflict) {
		t.Errorf("sent with an unsigned draft: %v", err)
	}
	if _, err := h.room.Sign(ctx, h.permit(assistant, "office.note.sign", file)); err != nil {
		t.Fatal(err)
	}
	// two who send at once: one is told that it has moved on
	twice := h.permit(assistant, "office.file.forward", file)
	_, err = h.room.Forward(ctx, twice, "")
	h.ok(err)
	if _, err := h.room.Forward(ctx, twice, dc); !fault.Is(err, fault.Conflict) {
		t.Errorf("sent twice: %v", err)
	}
	// paragraph 18: a third officer does not note, unless he decides
	h.note(ac, file, "Agreed.")
	h.forward(ac, file, "icta.commissioner")
	h.Appoint("zafar", "icta.commissioner")
	persons["icta.commissioner"] = "zafar"
	h.note("icta.commissioner", file, "Seen.") // decides, so may note
	h.forward("icta.commissioner", file, "icta.excise.inspector")
	h.Appoint("nasir", "icta.excise.inspector")
	persons["icta.excise.inspector"] = "nasir"
	refused("icta.excise.inspector", "office.note.write", "office.reason.two-noters")
	h.forward("icta.excise.inspector", file, dc)

	// a refusal has a reason
	if _, err := h.room.Decide(ctx, h.permit(dc, "office.file.decide", file), office.Refused, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("refused without a reason: %v", err)
	}
	_, err = h.room.Decide(ctx, h.permit(dc, "office.file.decide", file), office.Refused, "The rent agreement is missing (rule 23).")
	h.ok(err)

	// the reason is in the order, for the applicant; no event carries it
	var reason string
	h.ok(h.DB.View(ctx, func(tx *store.Tx) error {
		reason, err = h.room.Reason(tx, "app-two")
		return err
	}))
	if reason != "The rent agreement is missing (rule 23)." {
		t.Errorf("the reason is %q", reason)
	}
	decided := h.events(office.EventDecided, file)
	var d office.Decided
	if len(decided) != 1 || decided[0].Decode(&d) != nil || d.Grounds != office.GroundsStated || len(d.Digest) != 64 {
		t.Errorf("decided: %s", decided[0].Payload)
	}
	h.onlyCodes()
}

// onlyCodes reads every event the room has written: no text in them is more than
// an id, a code, a number or a hash.
func (h *house) onlyCodes() {
	h.t.Helper()
	all, err := h.Journal.Read(context.Background(), 0, 5000, "office.*")
	h.ok(err)
	code := regexp.MustCompile(`^[0-9A-Za-z._:/+-]{0,128}$`)
	for _, e := range all {
		var data map[string]any
		h.ok(json.Unmarshal(e.Payload, &data))
		for name, v := range data {
			if s, ok := v.(string); ok && !code.MatchString(s) {
				h.t.Errorf("%s says %s: %q", e.Type, name, s)
			}
		}
	}
}

// fourEyes: the Assistant Commissioner examines a case, is sent it again in
// another post, notes there as well and may still not decide it.
func fourEyes(t *testing.T, h *house) {
	file, _ := h.receive("four-eyes")
	const commissioner = "icta.commissioner"
	before := persons[commissioner]
	defer func() { persons[commissioner] = before }()
	persons[commissioner] = persons[ac]
	h.ok(h.DB.Update(context.Background(), func(tx *store.Tx) error {
		return gate.Appoint(tx, gate.Charge{Post: commissioner, Person: persons[ac], Kind: gate.Additional})
	}))
	h.forward(clerk, file, "")
	h.forward(assistant, file, "")
	h.note(ac, file, "Examined.")
	h.forward(ac, file, commissioner)
	h.note(commissioner, file, "Seen by myself.")
	_, err := h.may(commissioner, "office.file.decide", file)
	if !fault.Is(err, fault.Forbidden) || !slices.Contains(gate.Reasons(err), "office.reason.four-eyes") {
		t.Errorf("examined and decided by one person: %v %v", err, gate.Reasons(err))
	}
	h.forward(commissioner, file, dc)
	h.note(dc, file, "Looked at.")
	h.permit(dc, "office.file.decide", file) // a note in one's own post is no hindrance
}

// nobodyDecidesAboutHimself: the applicant is the Deputy Commissioner.
func nobodyDecidesAboutHimself(t *testing.T, h *house) {
	var file string
	err := h.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		file, _, err = h.room.Receive(tx, office.Intake{Key: "own", Office: "icta.dc", Applicant: "farah", Subject: map[string]string{"en": "Own case"}, Route: []string{dc}})
		return err
	})
	h.ok(err)
	for action, reason := range map[string]string{
		"office.file.decide": "gate.own-case", "office.note.sign": "office.reason.own-case", "office.file.forward": "office.reason.own-case",
	} {
		_, err := h.may(dc, action, file)
		if !fault.Is(err, fault.Forbidden) || !strings.Contains(strings.Join(gate.Reasons(err), " "), reason) {
			t.Errorf("%s on one's own case: %v %v", action, err, gate.Reasons(err))
		}
	}
}

// aSignedNoteStays: by the program nobody changes it, and behind the
// program's back nobody changes it unseen.
func aSignedNoteStays(t *testing.T, h *house) {
	ctx := context.Background()
	file, _ := h.receive("three")
	h.forward(clerk, file, "")
	h.note(assistant, file, "Resident for 25 years.")
	h.note(assistant, file, "Rent paid. کرایہ ادا شدہ۔")

	err := h.room.SaveDraft(ctx, h.permit(assistant, "office.note.write", file), 1, "Resident for 5 years.")
	if f := fault.As(err); f == nil || f.Kind != fault.Conflict || f.Key != "office.note.signed" {
		t.Errorf("altering a signed para: %v", err)
	}
	if n := len(h.events(office.EventAlterationRefused, file)); n != 1 {
		t.Errorf("%d entries about the attempt", n)
	}
	find := func(what string) {
		t.Helper()
		found, err := h.room.Verify(ctx, file)
		h.ok(err)
		if what == "" && len(found) != 0 || what != "" && (len(found) == 0 || found[0].What != what) {
			t.Errorf("found %v, want %q", found, what)
		}
	}
	find("")
	behind := func(sql string, args ...any) {
		t.Helper()
		h.ok(h.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.Exec(sql, args...); return err }))
	}
	behind(`update office_para set body = 'Resident for 5 years.' where file = $1 and n = 1`, file)
	find("office.verify.text")
	behind(`update office_para set body = 'Resident for 25 years.' where file = $1 and n = 1`, file)
	find("")
	behind(`update office_para set charge = 'look-after' where file = $1 and n = 2`, file)
	find("office.verify.text")
	behind(`update office_para set charge = 'permanent' where file = $1 and n = 2`, file)
	behind(`update office_para set signature = $2 where file = $1 and n = 2`, file, []byte("forged"))
	find("office.verify.signature")
	behind(`delete from office_para where file = $1 and n = 2`, file)
	find("office.verify.count")
	behind(`update office_file set paras = 1 where id = $1`, file)
	find("") // a file cut at its end is only seen by the log: the event of para 2 is there
	if n := len(h.events(office.EventNoteSigned, file)); n != 2 {
		t.Errorf("%d notes told", n)
	}
	behind(`update office_movement set to_post = $2 where file = $1 and n = 1`, file, dc)
	find("office.verify.way")
}

// numbersHaveNoGaps: a failed intake gives its number back.
func numbersHaveNoGaps(t *testing.T, h *house) {
	_, diary := h.receive("a")
	base, err := strconv.Atoi(diary[len(diary)-5:])
	h.ok(err)
	err = h.DB.Update(context.Background(), func(tx *store.Tx) error {
		if _, _, err := h.room.Receive(tx, office.Intake{Key: "b", Office: "icta.dc", Subject: map[string]string{"en": "x"}, Route: route}); err != nil {
			return err
		}
		return fault.New(fault.Invalid, "test.changed-my-mind")
	})
	if !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	done := make(chan string, 8)
	for i := range 8 {
		go func() {
			var diary string
			_ = h.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
				_, diary, err = h.room.Receive(tx, office.Intake{Key: "p" + string(rune('0'+i)), Office: "icta.dc", Subject: map[string]string{"en": "x"}, Route: route})
				return err
			})
			done <- diary
		}()
	}
	seen := map[string]bool{}
	for range 8 {
		d := <-done
		seen[d[len(d)-5:]] = true
	}
	for i := range 8 {
		want := fmt.Sprintf("%05d", base+1+i)
		if !seen[want] {
			t.Errorf("no diary number %s in %v", want, seen)
		}
	}
}

// papersAreSealed: the bytes lie sealed in the database and come back whole.
func papersAreSealed(t *testing.T, h *house) {
	ctx := context.Background()
	file, _ := h.receive("four")
	var body []byte
	var sealed int64
	for range 300 {
		h.ok(h.DB.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`select body, sealed_at from office_paper where file = $1`, file).Scan(&body, &sealed)
		}))
		if sealed != 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if sealed == 0 || bytes.Contains(body, []byte("G-9")) {
		t.Errorf("the paper lies open: %q", body)
	}
	media, plain, err := h.room.ReadPaper(ctx, h.permit(clerk, "office.file.read", file), 1)
	if err != nil || media != "text/plain" || string(plain) != "I live in G-9." {
		t.Errorf("paper: %s %q %v", media, plain, err)
	}
}

// papersRunNothing: what citizens uploaded is read at the desk, and nothing in
// it runs there.
func papersRunNothing(t *testing.T, h *house) {
	papers := []office.Paper{
		{Title: map[string]string{"en": "Summary"}, MediaType: "text/plain; charset=utf-8", Body: []byte("I live in G-9.")},
		{Title: map[string]string{"en": "Rent agreement"}, MediaType: "application/pdf", Body: []byte("%PDF-1.7 /OpenAction /JavaScript")},
		{Title: map[string]string{"en": "Photograph"}, MediaType: "image/jpeg", Body: []byte("\xff\xd8\xff")},
		{Title: map[string]string{"en": "Page"}, MediaType: "text/html", Body: []byte("<script>alert(1)</script>")},
	}
	var file string
	h.ok(h.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		file, _, err = h.room.Receive(tx, office.Intake{Key: "uploads", Office: "icta.dc", Subject: map[string]string{"en": "Domicile certificate"}, Papers: papers, Route: route})
		return err
	}))
	at := h.URL + "/office/file/" + file
	rashid := h.AsOfficial(persons[clerk], clerk)
	if page := read(t, rashid, at, 200); strings.Count(page, "opens as a download") != 2 {
		t.Error("the desk does not say which papers open as a download")
	}
	for i, want := range []struct{ how, media, ending string }{
		{"inline", "text/plain; charset=utf-8", ".txt"}, {"attachment", "application/pdf", ".pdf"}, {"inline", "image/jpeg", ".jpg"}, {"attachment", "application/octet-stream", "-4"},
	} {
		res, err := rashid.Get(at + "/paper/" + strconv.Itoa(i+1))
		h.ok(err)
		body, err := io.ReadAll(res.Body)
		h.ok(err)
		h.ok(res.Body.Close())
		head := res.Header
		if how := head.Get("Content-Disposition"); !strings.HasPrefix(how, want.how+";") || !strings.HasSuffix(how, want.ending) || head.Get("Content-Type") != want.media {
			t.Errorf("paper %d comes as %s, %s", i+1, how, head.Get("Content-Type"))
		}
		if head.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(head.Get("Content-Security-Policy"), "sandbox; default-src 'none'") {
			t.Errorf("paper %d: %v", i+1, head)
		}
		if !bytes.Equal(body, papers[i].Body) {
			t.Errorf("paper %d is not what was handed in", i+1)
		}
	}
}

// theDeskInABrowser walks a file over the desks by its forms alone.
func theDeskInABrowser(t *testing.T, h *house) {
	file, _ := h.receive("five")
	at := h.URL + "/office/file/" + file
	as := func(post string) *http.Client { return h.AsOfficial(persons[post], post) }
	rashid, saima, farah := as(clerk), as(assistant), as(dc)

	page := read(t, rashid, h.URL+"/office?lang=ur", 303)
	_ = page
	if page = read(t, rashid, h.URL+"/office", 200); !strings.Contains(page, "میری میز") || !strings.Contains(page, "ڈومیسائل سرٹیفکیٹ") {
		t.Error("the desk in Urdu lacks the file")
	}
	read(t, rashid, h.URL+"/office?lang=en", 303)
	if page = read(t, saima, at, 200); strings.Contains(page, `id="note"`) {
		t.Error("who has not got the file is offered to note on it")
	}
	send(t, saima, at+"/note", url.Values{"body": {"x"}, "n": {"1"}}, 403)
	if page = read(t, rashid, at, 200); !strings.Contains(page, "Send to Assistant, domicile branch") {
		t.Error("the next action is missing")
	}
	send(t, rashid, at+"/forward", url.Values{"to": {assistant}}, 303)
	send(t, saima, at+"/note", url.Values{"body": {""}, "n": {"1"}, "do": {"sign"}}, 422)
	send(t, saima, at+"/note", url.Values{"body": {"Found <b>right</b>.\nدرست ہے۔"}, "n": {"1"}, "do": {"sign"}}, 303)
	if page = read(t, saima, at, 200); !strings.Contains(page, "Found &lt;b&gt;right&lt;/b&gt;.") || !strings.Contains(page, "Permanent charge") {
		t.Error("the signed para is not shown as written, with its charge")
	}
	body := send(t, saima, at+"/note", url.Values{"body": {"Changed my mind."}, "n": {"1"}}, 422)
	if !strings.Contains(body, "cannot be changed") {
		t.Error("no clear message about the signed para")
	}
	send(t, saima, at+"/forward", url.Values{"to": {dc}}, 303)
	read(t, farah, at+"/decide", 200)
	send(t, farah, at+"/decide", url.Values{"reason": {"x"}}, 422)
	send(t, farah, at+"/decide", url.Values{"outcome": {"refused"}}, 422)
	send(t, farah, at+"/decide", url.Values{"outcome": {"approved"}}, 303)
	if page = read(t, farah, at, 200); !strings.Contains(page, "Para 2, order") || !strings.Contains(page, `data-state="approved"`) {
		t.Error("the order is not on the file")
	}
	if page = read(t, rashid, at+"/paper/1", 200); page != "I live in G-9." {
		t.Errorf("paper: %q", page)
	}
	// a stranger and a passer-by
	read(t, h.AsCitizen("someone"), at, 403)
	read(t, h.Browser(), at, 303, 401)
	read(t, rashid, h.URL+"/office/file/none", 404)
	// the counter
	page = read(t, rashid, h.URL+"/office/receipts", 200)
	if !strings.Contains(page, "DC-ICT/D/") {
		t.Error("the diary lacks the entry")
	}
	send(t, rashid, h.URL+"/office/receipts", url.Values{"subject": {"Street light"}, "key": {"k1"}}, 303)
	send(t, rashid, h.URL+"/office/receipts", url.Values{"subject": {""}, "key": {"k2"}}, 422)
	send(t, saima, h.URL+"/office/receipts", url.Values{"subject": {"Street light"}, "key": {"k3"}}, 403)
	for _, lang := range []string{"en", "ur"} {
		b := h.Browser()
		read(t, b, h.URL+"/board?lang="+lang, 303)
		read(t, b, h.URL+"/board", 200)
		if page = read(t, b, h.URL+"/board/icta.dc", 200); !strings.Contains(page, `id="moves"`) || strings.Contains(page, "farah") || strings.Contains(page, "[office") {
			t.Error("the board is wrong")
		}
		read(t, b, h.URL+"/board/all", 200)
		for _, what := range []string{"open", "late", "decided", "moved", "recent"} {
			if page = read(t, b, h.URL+"/board/icta/"+what, 200); strings.Contains(page, "Domicile certificate") || strings.Contains(page, "ڈومیسائل سرٹیفکیٹ") {
				t.Error("a public board shows what a file is about")
			}
		}
		read(t, b, h.URL+"/board/icta/secrets", 404)
	}
	read(t, h.Browser(), h.URL+"/board/nowhere", 404)
}

// theBoardFollows: a movement is on the screen in under a second.
func theBoardFollows(t *testing.T, h *house) {
	file, _ := h.receive("six")
	h.events(office.EventOpened, file)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/live/office?key=moi", nil)
	h.ok(err)
	res, err := http.DefaultClient.Do(req)
	h.ok(err)
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != 200 {
		t.Fatalf("live: %s", res.Status)
	}
	came := make(chan time.Time, 1)
	go func() {
		buf, seen := make([]byte, 4096), ""
		for {
			n, err := res.Body.Read(buf)
			seen += string(buf[:n])
			if strings.Contains(seen, "m-"+file+"-2") && strings.Contains(seen, "n-moved") {
				came <- time.Now()
				return
			}
			if err != nil {
				return
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	h.forward(clerk, file, "")
	select {
	case at := <-came:
		if d := at.Sub(start); d > time.Second {
			t.Errorf("the movement came after %v", d)
		} else {
			t.Logf("on the screen after %v", d)
		}
	case <-ctx.Done():
		t.Error("the movement never came")
	}
}

// theDeskByItsInterface: the same desk for programs.
func theDeskByItsInterface(t *testing.T, h *house) {
	file, _ := h.receive("seven")
	at := h.URL + "/api/office/files/" + file
	call := func(b *http.Client, method, address, body string, want int) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		h.ok(err)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if method == http.MethodPost {
			req.Header.Set("Idempotency-Key", rand.Text())
		}
		res, err := b.Do(req)
		return answer(t, res, err, address, want)
	}
	rashid, saima, farah := h.AsOfficial("rashid", clerk), h.AsOfficial("saima", assistant), h.AsOfficial("farah", dc)
	if list := call(rashid, "GET", h.URL+"/api/office/files?application=app-seven", "", 200); !strings.Contains(list, file) || !strings.Contains(list, `"next":"icta.dc.assistant"`) {
		t.Errorf("the clerk's desk: %s", list)
	}
	call(rashid, "POST", at+"/decide", `{"outcome":"approved"}`, 403)
	call(rashid, "POST", at+"/forward", `{}`, 200)
	call(saima, "PUT", at+"/draft", `{"text":"In order.","n":1}`, 200)
	call(saima, "POST", at+"/sign", "", 200)
	if said := call(saima, "PUT", at+"/draft", `{"text":"Not in order.","n":1}`, 409); !strings.Contains(said, "cannot be changed") {
		t.Errorf("altering a signed para: %s", said)
	}
	call(saima, "POST", at+"/forward", `{"to":"`+dc+`"}`, 200)
	call(farah, "POST", at+"/decide", `{"outcome":"refused"}`, 422)
	call(farah, "POST", at+"/decide", `{"outcome":"approved"}`, 200)
	if whole := call(farah, "GET", at, "", 200); !strings.Contains(whole, `"sound":true`) || !strings.Contains(whole, `"state":"approved"`) {
		t.Errorf("the file: %s", whole)
	}
	if way := call(h.AsCitizen(applicant), "GET", h.URL+"/api/office/tracking/app-seven", "", 200); !strings.Contains(way, "Deputy Commissioner") || strings.Contains(way, "farah") {
		t.Errorf("tracking: %s", way)
	}
	call(h.AsCitizen("somebody-else"), "GET", h.URL+"/api/office/tracking/app-seven", "", 403)
}

func read(t *testing.T, b *http.Client, address string, want ...int) string {
	t.Helper()
	res, err := b.Get(address)
	return answer(t, res, err, address, want...)
}

func send(t *testing.T, b *http.Client, address string, form url.Values, want int) string {
	t.Helper()
	res, err := b.PostForm(address, form)
	return answer(t, res, err, address, want)
}

func answer(t *testing.T, res *http.Response, err error, address string, want ...int) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if res.StatusCode == w {
			return string(body)
		}
	}
	t.Errorf("%s %s: %s, want %v\n%.2000s", res.Request.Method, address, res.Status, want, body)
	return string(body)
}
