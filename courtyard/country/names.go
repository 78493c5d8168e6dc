package country

import "sarai/courtyard/country/strict"

// Lists are the names the synthetic country is made of.
type Lists struct {
	strict.Pos
	Male     []Text  `yaml:"male"`
	Female   []Text  `yaml:"female"`
	Families []Text  `yaml:"families"`
	Streets  []Text  `yaml:"streets"` // "{n}" stands for the house number
	Trades   []Trade `yaml:"trades"`
	Shops    []Text  `yaml:"shops"` // "{family}" and "{trade}" are filled in
}

// Trade is what a merchant sells. MCC is its ISO 18245 merchant category.
type Trade struct {
	strict.Pos
	ID   string `yaml:"id"`
	Name Text   `yaml:"name"`
	MCC  string `yaml:"mcc"`
}

type listsFile Lists

func (c checks) lists(f listsFile) {
	for what, n := range map[string]int{
		"male": len(f.Male), "female": len(f.Female), "families": len(f.Families),
		"streets": len(f.Streets), "trades": len(f.Trades), "shops": len(f.Shops),
	} {
		if n == 0 {
			c.Add(f.Pos, "%s: the list is empty", what)
		}
	}
	seen := map[string]strict.Pos{}
	for _, t := range f.Trades {
		c.unique(seen, t.Pos, "trade", t.ID)
		if len(t.MCC) != 4 {
			c.Add(t.Pos, "trade %q: an MCC has four digits (ISO 18245)", t.ID)
		}
	}
	for _, p := range c.Personas {
		if p.Trade != "" {
			if _, ok := seen[p.Trade]; !ok {
				c.Add(p.Pos, "persona %q: there is no trade %q", p.ID, p.Trade)
			}
		}
	}
}
