package gate

import (
	"context"
	"math"
	"time"

	cedar "github.com/cedar-policy/cedar-go"
)

// Kind says what sort of asker a principal is.
type Kind uint8

// The kinds. The zero kind is nobody in particular.
const (
	Anonymous Kind = iota // nobody is signed in
	Citizen               // a person acting for himself
	Official              // a person acting in a post
	Client                // a program of an organisation, by its own credentials
	System                // a job of the house
)

var (
	kindNames   = [...]string{"anonymous", "citizen", "official", "client", "system"}
	entityTypes = [...]cedar.EntityType{"Anonymous", "Citizen", "Official", "Client", "System"}
)

// String gives the kind's name as it stands in decision records.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "anonymous"
}

// ParseKind reads what String wrote; anything else is Anonymous.
func ParseKind(s string) Kind {
	for i, n := range kindNames {
		if n == s {
			return Kind(i) //nolint:gosec // five kinds
		}
	}
	return Anonymous
}

// Post is a seat of an office as its present holder has it.
type Post struct {
	ID     string            // "icta.dc.diary"
	Office string            // "icta.dc"
	Title  map[string]string // by language
	Powers []string          // "office.diary"
	Charge string            // how it is held: permanent, additional, look-after
	Until  time.Time         // end of the charge; zero when it is open
}

// Principal is whoever asks. The zero principal is Anonymous.
type Principal struct {
	Kind Kind
	// ID is the person's pseudonym in the house, a client's id or a job's name.
	ID   string
	Name map[string]string // by language; for screens, never for logs
	// Posts are all posts the person holds now.
	Posts []Post
	// Acting is the post the person acts in. An official who holds exactly one
	// post acts in that one when none was chosen.
	Acting        Post
	Organisations []Membership
	Session       string // the session's id, never its token
	AAL           int    // authentication assurance level, 0 to 3 (NIST SP 800-63B)
	SignedInAt    time.Time
	Expires       time.Time // end of the session; zero when there is none
}

// Actor names the principal in events and records: the post when acting in
// one, for authority belongs to posts; else the kind and pseudonym.
func (p Principal) Actor() string {
	if p.Kind == Anonymous {
		return "anonymous"
	}
	if post := p.acting(); post.ID != "" {
		return "post/" + post.ID
	}
	return p.Kind.String() + "/" + p.ID
}

// SignedIn says whether anybody is.
func (p Principal) SignedIn() bool { return p.Kind != Anonymous }

// As gives the principal acting in another of the posts held; false when the
// post is not among them.
func (p Principal) As(post string) (Principal, bool) {
	for _, h := range p.Posts {
		if h.ID == post {
			p.Kind, p.Acting = Official, h
			return p, true
		}
	}
	return p, false
}

// Has says whether the post acted in gives the power, for showing and hiding
// parts of a page. What may be done is decided by Authorize alone.
func (p Principal) Has(power string) bool {
	for _, w := range p.acting().Powers {
		if w == power {
			return true
		}
	}
	return false
}

func (p Principal) acting() Post {
	if p.Kind != Official {
		return Post{}
	}
	if p.Acting.ID == "" && len(p.Posts) == 1 {
		return p.Posts[0]
	}
	return p.Acting
}

// entity gives the principal as Cedar sees it at a moment: charges and
// memberships that have run out since it was loaded are left out.
func (p Principal) entity(now time.Time) cedar.Entity {
	acting := p.acting()
	var posts, offices, powers, orgs []cedar.Value
	for _, h := range p.Posts {
		if !h.Until.IsZero() && !now.Before(h.Until) {
			continue
		}
		posts = append(posts, cedar.String(h.ID))
		if h.ID != acting.ID {
			continue
		}
		offices = append(offices, cedar.String(h.Office))
		for _, w := range h.Powers {
			powers = append(powers, cedar.String(w))
		}
	}
	for _, m := range p.Organisations {
		if m.To.IsZero() || now.Before(m.To) {
			orgs = append(orgs, cedar.String(m.Organisation+"#"+m.Role))
		}
	}
	expires := int64(math.MaxInt64)
	if !p.Expires.IsZero() {
		expires = p.Expires.UnixMicro()
	}
	return cedar.Entity{
		UID: cedar.NewEntityUID(p.Kind.entityType(), cedar.String(p.cedarID())),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"id": cedar.String(p.cedarID()), "aal": cedar.Long(p.AAL), "expires": cedar.Long(expires),
			"posts": cedar.NewSet(posts...), "offices": cedar.NewSet(offices...),
			"powers": cedar.NewSet(powers...), "organisations": cedar.NewSet(orgs...),
		}),
	}
}

func (p Principal) cedarID() string {
	if p.Kind == Anonymous {
		return "anonymous" // whatever the session said
	}
	return p.ID
}

func (k Kind) entityType() cedar.EntityType {
	if int(k) < len(entityTypes) {
		return entityTypes[k]
	}
	return entityTypes[Anonymous]
}

type contextKey struct{}

// With gives a context that carries the principal of a request.
func With(ctx context.Context, who Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, who)
}

// From gives the principal of a request; nobody in particular if there is none.
func From(ctx context.Context) Principal {
	who, _ := ctx.Value(contextKey{}).(Principal)
	return who
}
