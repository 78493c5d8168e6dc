package wallet

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"sarai/rooms/identity/oid4vci"
)

// Line is one claim as a wallet shows it to its holder.
type Line struct {
	Name  string // the claim's
	Label string // in the reader's language, if the issuer says it
	Value any    // as it came
}

// technical claims are for machines.
var technical = []string{"iss", "vct", "vct#integrity", "cnf", "status", "iat", "nbf", "exp", "sub"}

// Title is the credential's name in a language, as the issuer describes it
// (OpenID4VCI 1.0, appendix B.2); its configuration's id when it does not.
func (c Credential) Title(lang string) string {
	if c.About != nil {
		if name := inLang(c.About.Display, lang); name != "" {
			return name
		}
	}
	return c.Configuration
}

// Lines are the claims in the issuer's order, those it does not describe at the
// end by name. Technical claims are left out.
func (c Credential) Lines(lang string) []Line {
	if c.Verified == nil {
		return nil
	}
	var lines []Line
	known := slices.Clone(technical)
	if c.About != nil {
		for _, claim := range c.About.Claims {
			if len(claim.Path) != 1 {
				continue // a part of a claim that is shown as a whole
			}
			name, _ := claim.Path[0].(string)
			value, ok := c.Verified.Claims[name]
			if !ok || slices.Contains(known, name) {
				continue
			}
			known = append(known, name)
			label := inLang(claim.Display, lang)
			if label == "" {
				label = name
			}
			lines = append(lines, Line{name, label, value})
		}
	}
	described := len(lines)
	for name, value := range c.Verified.Claims {
		if !slices.Contains(known, name) {
			lines = append(lines, Line{name, name, value})
		}
	}
	sort.Slice(lines[described:], func(i, j int) bool { return lines[described+i].Name < lines[described+j].Name })
	return lines
}

// Text is the value in words. Of an object with a "formatted" member (OpenID
// Connect Core, section 5.1.1) it is that one, in the reader's language if the
// object has it; anything else is JSON.
func (l Line) Text(lang string) string {
	switch v := l.Value.(type) {
	case string:
		return v
	case map[string]any:
		for _, member := range []string{"formatted_" + lang, "formatted"} {
			if s, ok := v[member].(string); ok && s != "" {
				return s
			}
		}
	}
	b, err := json.Marshal(l.Value)
	if err != nil {
		return fmt.Sprint(l.Value)
	}
	return string(b)
}

// inLang picks a display name: of the language, else one without a language,
// else the first.
func inLang(list []oid4vci.Display, lang string) string {
	best := ""
	for i := len(list) - 1; i >= 0; i-- {
		tag, _, _ := strings.Cut(list[i].Locale, "-")
		if strings.EqualFold(tag, lang) {
			return list[i].Name
		}
		if best == "" || tag == "" || i == 0 {
			best = list[i].Name
		}
	}
	return best
}
