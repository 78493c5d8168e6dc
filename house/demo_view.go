package house

import (
	"context"
	"embed"

	"sarai/courtyard/country"
	"sarai/courtyard/web"
)

//go:embed texts/*.yaml
var demoTexts embed.FS

//go:embed demo.cedar
var demoPolicy []byte

//go:embed demo.cedarschema
var demoSchema []byte

// personaCards shows the personas with or without a post.
func personaCards(ctx context.Context, personas []country.Persona, pack *country.Pack, officials bool) []web.Card {
	lang := web.Lang(ctx).Code
	var out []web.Card
	for _, p := range personas {
		if (p.Post != "") != officials {
			continue
		}
		card := web.Card{Title: p.Name.In(lang), Hint: p.Part.In(lang), Href: "/demo/as/" + p.ID}
		if post, ok := pack.Post(p.Post); ok {
			card.Title += ", " + post.Title.In(lang)
		}
		out = append(out, card)
	}
	return out
}
