package country

import "sarai/courtyard/country/strict"

// Persona is a person of the demo country with a fixed part in its story.
type Persona struct {
	strict.Pos
	ID       string `yaml:"id"`   // "nadia"
	Kind     string `yaml:"kind"` // "citizen", "merchant" or "official"
	Name     Text   `yaml:"name"`
	Father   Text   `yaml:"father"`
	Number   string `yaml:"number"` // national number, synthetic
	Birth    Date   `yaml:"birth"`
	Sex      string `yaml:"sex"` // "female" or "male"
	District string `yaml:"district"`
	Address  Text   `yaml:"address"`
	Phone    string `yaml:"phone"`
	Bank     string `yaml:"bank,optional"`
	Balance  int64  `yaml:"balance,optional"` // opening money in minor units
	Post     string `yaml:"post,optional"`    // the post an official holds
	Trade    string `yaml:"trade,optional"`   // what a merchant sells
	Business Text   `yaml:"business,optional"`
	Part     Text   `yaml:"part"` // one line about them on the demo's front page
}

type personasFile struct {
	strict.Pos
	Personas []Persona `yaml:"personas"`
}

// Client is an OpenID Connect relying party known from the start.
type Client struct {
	strict.Pos
	ID             string   `yaml:"id"`
	Name           Text     `yaml:"name"`
	Public         bool     `yaml:"public"` // no secret: code with PKCE only
	RedirectURIs   []string `yaml:"redirect_uris"`
	PostLogoutURIs []string `yaml:"post_logout_uris,optional"`
	Scopes         []string `yaml:"scopes"`
	Sector         string   `yaml:"sector"` // pairwise subjects are the same within a sector
	DemoOnly       bool     `yaml:"demo_only"`
	Consent        bool     `yaml:"consent"` // the person is asked before facts are given
}

type clientsFile struct {
	strict.Pos
	Clients []Client `yaml:"clients"`
}

// Client gives the relying party with this id.
func (p *Pack) Client(id string) (Client, bool) {
	for _, c := range p.Clients {
		if c.ID == id {
			return c, true
		}
	}
	return Client{}, false
}
