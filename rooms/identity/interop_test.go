package identity_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"sarai/courtyard"
	"sarai/courtyard/courttest"
	"sarai/courtyard/store"
	"sarai/courtyard/store/storetest"
	"sarai/rooms/identity"
)

// TestUnchangedOutsideClients runs the npm clients of conformance/identity
// against a real server of this room. It needs node and their node_modules
// (conformance/identity/run installs them) and is left out without.
func TestUnchangedOutsideClients(t *testing.T) {
	const folder = "../../conformance/identity"
	if _, err := exec.LookPath("node"); err != nil || testing.Short() {
		t.Skip("node is not installed, or the run is short")
	}
	if _, err := os.Stat(folder + "/node_modules/openid-client"); err != nil {
		t.Skip("the outside clients are not installed: conformance/identity/run does it")
	}
	db, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h := &hall{t: t}
	h.Court = courttest.New(t, db, func(c *courtyard.Courtyard) (err error) {
		h.room, err = identity.New(c, identity.Wants{})
		return err
	})
	subjects, err := h.room.Seed(t.Context(), people)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), folder+"/run")
	cmd.Env = append(os.Environ(), "SARAI_URL="+h.URL, "SARAI_CITIZEN="+cookies(h, h.AsCitizen(subjects[0])),
		"SARAI_OFFICIAL="+cookies(h, h.AsOfficial(subjects[2], "nadra.isb.registration")))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	steps := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); steps++ {
		var line struct {
			Client, Version, Step, Error string
			OK                           bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s", lines.Text())
		}
		if !line.OK {
			t.Errorf("%s %s: %s: %s", line.Client, line.Version, line.Step, line.Error)
		} else {
			t.Logf("%s %s: %s", line.Client, line.Version, line.Step)
		}
	}
	if err != nil || steps < 30 {
		t.Errorf("%d steps, %v: %.2000s", steps, err, complaints.String())
	}
}

func cookies(h *hall, b *http.Client) (out string) {
	u, err := url.Parse(h.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		out += c.Name + "=" + c.Value + "; "
	}
	return out
}
