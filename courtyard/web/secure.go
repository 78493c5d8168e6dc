package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// contentPolicy is the page's Content-Security-Policy (CSP Level 3): nothing
// but what this site itself serves, no inline script or style.
func contentPolicy(formAction []string) string {
	forms := "'self'"
	for _, origin := range formAction {
		// an origin only: a semicolon would let a caller's value write policy
		if u, err := url.Parse(origin); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(u.Host, " ;,'\"") {
			forms += " " + u.Scheme + "://" + u.Host
		}
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
		"manifest-src 'self'; form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'"
}

func (s *Site) secureHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), geolocation=(), microphone=(), payment=(), usb=()")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// choose keeps the visitor's choice of language (?lang=) and of light or dark
// (?theme=) in a cookie and leads back to the same page without the parameter.
func (s *Site) choose(c *Ctx) bool {
	if !safe(c.R.Method) || !strings.Contains(c.R.URL.RawQuery, "lang=") && !strings.Contains(c.R.URL.RawQuery, "theme=") {
		return false
	}
	q := c.R.URL.Query()
	lang, theme := q.Get("lang"), q.Get("theme")
	chosen := false
	if l := s.language(lang); lang != "" && l.Code == lang {
		s.setCookie(c.W, "lang", lang, 365*24*3600)
		chosen = true
	}
	switch theme {
	case "light", "dark":
		s.setCookie(c.W, "theme", theme, 365*24*3600)
		chosen = true
	case "auto":
		s.setCookie(c.W, "theme", "", -1)
		chosen = true
	}
	if !chosen {
		return false
	}
	q.Del("lang")
	q.Del("theme")
	to := c.R.URL.EscapedPath()
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	c.W.Header().Set("Cache-Control", "no-store")
	http.Redirect(c.W, c.R, Local(to, "/"), http.StatusSeeOther)
	return true
}

// theme is "light", "dark" or "" for what the device asks for.
func (c *Ctx) theme() string {
	if k, err := c.R.Cookie("theme"); err == nil && (k.Value == "light" || k.Value == "dark") {
		return k.Value
	}
	return ""
}

// setFlash keeps a message for the next page in a cookie of its own: it needs
// no session and no row. The visitor can only change what the visitor sees.
func (s *Site) setFlash(c *Ctx, parts []string) {
	data, err := json.Marshal(parts)
	if err != nil || len(data) > 2048 {
		return
	}
	s.setCookie(c.W, s.flashName(), base64.RawURLEncoding.EncodeToString(data), 120)
}

func (s *Site) takeFlash(c *Ctx) []string {
	k, err := c.R.Cookie(s.flashName())
	if err != nil || k.Value == "" {
		return nil
	}
	s.setCookie(c.W, s.flashName(), "", -1)
	data, err := base64.RawURLEncoding.DecodeString(k.Value)
	if err != nil {
		return nil
	}
	var parts []string
	if json.Unmarshal(data, &parts) != nil || len(parts) < 2 || !s.texts.has(parts[1]) {
		return nil
	}
	return parts
}

func (s *Site) flashName() string {
	if s.secure {
		return "__Host-flash"
	}
	return "flash"
}
