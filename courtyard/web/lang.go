package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"sarai/courtyard/gate"
)

// Language is one the pages are written in.
type Language struct {
	Code string // BCP 47, "ur"
	Dir  string // "ltr" or "rtl"
	Name string // in the language itself
	Font string // asset of a face that is loaded on this language's pages only; "" is the system's own
}

// The languages of the first country.
var (
	English = Language{Code: "en", Dir: "ltr", Name: "English"}
	Urdu    = Language{Code: "ur", Dir: "rtl", Name: "اردو", Font: "nastaliq.woff2"}
)

// RTL says whether the language runs from right to left.
func (l Language) RTL() bool { return l.Dir == "rtl" }

type viewKey struct{}

// view is what components see of the request they are drawn for.
type view struct {
	site *Site
	lang Language
	who  gate.Principal
	form *Form
	ctx  *Ctx // nil in live fragments
}

func viewOf(ctx context.Context) *view {
	if v, ok := ctx.Value(viewKey{}).(*view); ok {
		return v
	}
	return &view{lang: English}
}

// In gives a context in which components speak a language; for fragments,
// messages and documents that are drawn outside a page.
func (s *Site) In(ctx context.Context, lang string) context.Context {
	v := &view{site: s, lang: s.language(lang), who: gate.From(ctx)}
	return context.WithValue(ctx, viewKey{}, v)
}

// Lang is the language of the page that is being drawn.
func Lang(ctx context.Context) Language { return viewOf(ctx).lang }

// Who is the principal the page is drawn for; nobody in live fragments, which
// several viewers share.
func Who(ctx context.Context) gate.Principal { return viewOf(ctx).who }

// Of picks the text in the page's language from texts by language code, else
// the first language's, else any: for names kept in both scripts.
func Of(ctx context.Context, byLang map[string]string) string {
	v := viewOf(ctx)
	if t := byLang[v.lang.Code]; t != "" {
		return t
	}
	if v.site != nil {
		for _, l := range v.site.langs {
			if t := byLang[l.Code]; t != "" {
				return t
			}
		}
	}
	keys := make([]string, 0, len(byLang))
	for k := range byLang {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if byLang[k] != "" {
			return byLang[k]
		}
	}
	return ""
}

// language gives the language with this code, else the default.
func (s *Site) language(code string) Language {
	for _, l := range s.langs {
		if l.Code == code {
			return l
		}
	}
	return s.langs[0]
}

// negotiate finds the language of a request: the visitor's choice, else what
// the browser asks for (RFC 9110 section 12.5.4), else the default.
func (s *Site) negotiate(r *http.Request) Language {
	if c, err := r.Cookie("lang"); err == nil {
		for _, l := range s.langs {
			if l.Code == c.Value {
				return l
			}
		}
	}
	best, bestQ := s.langs[0], 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64)
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		for _, l := range s.langs {
			if l.Code == primary && q > bestQ {
				best, bestQ = l, q
			}
		}
	}
	return best
}

// Both joins the words of a record that will be read in either language; Said
// takes the reader's words out of it again.
func Both(en, ur string) string {
	if en == ur || ur == "" {
		return en
	}
	return en + both + ur
}

const both = " · "

// Said gives the reader's words of a record kept in both languages: of
// "Domicile certificate · ڈومیسائل سرٹیفکیٹ · 7K3M" an English reader gets
// "Domicile certificate · 7K3M".
func Said(ctx context.Context, words string) string {
	parts := strings.Split(words, both)
	urdu := Lang(ctx).Code == "ur"
	var out []string
	for i := 0; i < len(parts); i++ {
		if i+1 < len(parts) && !arabic(parts[i]) && arabic(parts[i+1]) {
			if urdu {
				i++ // the twin
				out = append(out, parts[i])
			} else {
				out = append(out, parts[i])
				i++
			}
			continue
		}
		out = append(out, parts[i])
	}
	return strings.Join(out, both)
}

func arabic(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Arabic, r) })
}
