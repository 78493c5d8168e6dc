package country

import "sarai/courtyard/country/strict"

// Office is a seat of government. Offices form a tree by Parent.
type Office struct {
	strict.Pos
	ID       string  `yaml:"id"`
	Name     Text    `yaml:"name"`
	Short    string  `yaml:"short"` // as it stands in file numbers: "DC-ICT"
	Parent   string  `yaml:"parent,optional"`
	Kind     string  `yaml:"kind"` // see OfficeKinds
	District string  `yaml:"district,optional"`
	Posts    []*Post `yaml:"posts"`
}

// Post is an office's seat with powers. Authority belongs to posts, never to
// the persons who hold them for a time.
type Post struct {
	strict.Pos
	ID     string   `yaml:"id"` // begins with the office's id and a point
	Title  Text     `yaml:"title"`
	Powers []string `yaml:"powers,optional"` // see Powers
	Office string   // set by Load
}

// OfficeKinds are the kinds of office a tree is made of.
var OfficeKinds = []string{"ministry", "division", "department", "authority", "province", "district", "court", "treasury", "central-bank"}

// Powers are what posts can be given; the gate's policies ask for them by name.
var Powers = []string{
	"identity.register", "identity.adjudicate",
	"office.diary", "office.note", "office.decide",
	"cert.analyse", "cert.lead",
	"observatory.read", "payments.operate",
	"payments.bulk.make", "payments.bulk.check", "payments.bulk.release",
	"payments.treasury",
}

type officesFile struct {
	strict.Pos
	Offices []*Office `yaml:"offices"`
}

// Children gives the offices directly under the office id; "" gives the roots.
func (p *Pack) Children(id string) []*Office {
	var out []*Office
	for _, o := range p.Offices {
		if o.Parent == id {
			out = append(out, o)
		}
	}
	return out
}
