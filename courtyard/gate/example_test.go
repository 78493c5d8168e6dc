package gate_test

import (
	"fmt"

	"sarai/courtyard/gate"
)

// Letter is a resource as a room has it: its loader has read the attributes
// the policies want.
type Letter struct{ ID, Office string }

// GateResource says what the policies see.
func (l Letter) GateResource() gate.Resource {
	return gate.Resource{Type: "PostLetter", ID: l.ID, Attrs: map[string]any{"office": l.Office}}
}

// A room brings a schema and policies; officials of the letter's office may
// open it, and nobody else.
func Example() {
	g := gate.New(nil, gate.Options{})
	g.Room("post", []byte(`
		@id("post.own-office") @reason("post.only-the-office")
		permit (principal is Official, action == Action::"post.letter.open", resource)
		when { principal.offices.contains(resource.office) };`),
		[]byte(`
		entity PostLetter { office: String };
		action "post.letter.open" appliesTo { principal: [Citizen, Official], resource: PostLetter };`))
	g.Require("post.letter.open", "GET /post/letter/{id}")
	if err := g.Seal(); err != nil {
		fmt.Println(err)
		return
	}
	clerk := gate.Principal{Kind: gate.Official, ID: "p-1", Posts: []gate.Post{{ID: "icta.dc.diary", Office: "icta.dc"}}}
	fmt.Println(clerk.Actor(), g.Would(clerk, "post.letter.open", Letter{"l1", "icta.dc"}))
	fmt.Println(clerk.Actor(), g.Would(clerk, "post.letter.open", Letter{"l2", "moitt"}))
	// Output:
	// post/icta.dc.diary true
	// post/icta.dc.diary false
}
