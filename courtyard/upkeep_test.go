package courtyard_test

import (
	"net/http"
	"testing"
	"time"

	"sarai/courtyard/courttest"
	"sarai/courtyard/gate"
)

// TestTheCourtyardKeepsItselfInOrder: decisions go when their time is over,
// every hour, with nobody asking.
func TestTheCourtyardKeepsItselfInOrder(t *testing.T) {
	courttest.Each(t, nil, func(t *testing.T, court *courttest.Court) {
		decided := func(by string) int {
			all, err := court.Gate.Decisions(t.Context(), gate.Asked{Actor: by, Action: "web.session.end"})
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		for _, by := range []string{"p-ayesha", "p-bilal"} { // once after the house opened, and long after
			res, err := court.AsCitizen(by).Post(court.URL+"/sign-out", "text/plain", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if decided("citizen/"+by) != 1 {
				t.Fatal("the decision is not on record")
			}
			court.Clock.Advance(401 * 24 * time.Hour)
			for end := time.Now().Add(10 * time.Second); decided("citizen/"+by) > 0; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("a decision of 401 days ago is still on record")
				}
			}
		}
	})
}
