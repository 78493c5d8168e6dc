package identity

import (
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/web"
)

// read takes one question's answer from a form. What is wrong is in the form.
func (r *Room) read(f *web.Form, step string, a *Answers, now time.Time) (photo []byte) {
	need := func(field string) web.Need { return web.Required("identity.apply." + field + ".missing") }
	switch step {
	case "name":
		a.NameEn = f.Text("name_en", need("name_en"), web.Longest(80), latin)
		a.NameUr = f.Text("name_ur", need("name_ur"), web.Longest(80), urdu)
	case "father":
		a.FatherEn = f.Text("father_en", need("father_en"), web.Longest(80), latin)
		a.FatherUr = f.Text("father_ur", need("father_ur"), web.Longest(80), urdu)
	case "birth":
		day := f.Date("birth", need("birth"))
		switch {
		case day.IsZero():
		case day.After(now):
			f.Wrong("birth", "identity.apply.birth.future")
		case day.AddDate(130, 0, 0).Before(now):
			f.Wrong("birth", "identity.apply.birth.long-ago")
		default:
			a.Birth = day.Format(time.DateOnly)
		}
	case "sex":
		a.Sex = f.Choice("sex", "identity.apply.sex.missing", "female", "male", "other")
	case "number":
		if text := f.Code("number", need("number")); text != "" {
			n, err := r.pack.NationalNumber.ParseFor(text, a.Sex)
			if err != nil {
				w := fault.As(err)
				args := []string{}
				for k, v := range w.Args {
					args = append(args, k, v)
				}
				f.Wrong("number", w.Key, args...)
			}
			a.Number = n.Digits
		}
	case "district":
		known := make([]string, 0, len(r.pack.Districts))
		for _, d := range r.pack.Districts {
			known = append(known, d.ID)
		}
		a.District = f.Choice("district", "identity.apply.district.missing", known...)
	case "address":
		a.AddressEn = f.Text("address_en", need("address_en"), web.Longest(160))
		a.AddressUr = f.Text("address_ur", web.Longest(160))
	case "phone":
		if text := f.Code("phone", need("phone")); text != "" {
			p, kind, err := r.pack.Phone.Parse(text)
			if err != nil {
				f.Wrong("phone", fault.As(err).Key, flatArgs(fault.As(err))...)
			} else if kind != "mobile" {
				f.Wrong("phone", "identity.apply.phone.mobile")
			} else {
				a.Phone = string(p)
			}
		}
	case "photo":
		up := f.File("photo", portraitMost, "image/jpeg", "image/png")
		switch {
		case up == nil && !a.HasPhoto:
			f.Wrong("photo", "identity.apply.photo.missing")
		case up != nil:
			p, err := portrait(up.Body)
			if err != nil {
				f.Wrong("photo", fault.As(err).Key, flatArgs(fault.As(err))...)
			}
			photo = p
		}
	}
	return photo
}

func flatArgs(e *fault.Error) []string {
	var out []string
	for k, v := range e.Args {
		out = append(out, k, v)
	}
	return out
}

// latin refuses a letter that is not Latin, naming it.
func latin(_ *web.Form, _, value string) (string, []string) {
	for _, ch := range value {
		if !isLatin(ch) {
			return "identity.apply.latin", []string{"character", string(ch)}
		}
	}
	return "", nil
}

// urdu refuses a Latin letter in a name written in Urdu, naming it.
func urdu(_ *web.Form, _, value string) (string, []string) {
	for _, ch := range value {
		if !isArabic(ch) {
			return "identity.apply.urdu", []string{"character", string(ch)}
		}
	}
	return "", nil
}
