package web_test

import (
	"context"
	"io"

	"github.com/a-h/templ"

	"sarai/courtyard/web"
)

// innForm is a form as rooms draw it.
func innForm(context.Context) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		children := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			for _, c := range []templ.Component{
				web.Field{Name: "name", Label: web.T(ctx, "inn.title"), Heading: true},
				web.Field{Name: "beds", Label: "Beds", Kind: "numeric", Width: 4},
				web.DateField{Name: "from", Legend: "From"},
				web.FileField{Name: "photo", Label: "Photo", Most: 1 << 20},
				web.Button{Text: "Book"},
			} {
				if err := c.Render(ctx, w); err != nil {
					return err
				}
			}
			return nil
		})
		return web.FormTo("/inn/book", true).Render(templ.WithChildren(ctx, children), w)
	})
}
