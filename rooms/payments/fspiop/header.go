package fspiop

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of headers (API Definition 3.2.1).
const (
	HeaderSource      = "FSPIOP-Source"
	HeaderDestination = "FSPIOP-Destination"
	HeaderSignature   = "FSPIOP-Signature"
	HeaderURI         = "FSPIOP-URI"
	HeaderMethod      = "FSPIOP-HTTP-Method"
	HeaderEncryption  = "FSPIOP-Encryption" // between the participants: a hub passes it on
)

// Version is a version of a resource.
type Version struct{ Major, Minor int }

// String gives the version as a header has it.
func (v Version) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

// Versions are those that are understood, the newest last.
var Versions = []Version{{1, 0}, {1, 1}, {2, 0}}

// Known is the newest version a hub speaks by itself.
var Known = Version{1, 1}

// ContentType is the media type of a message.
func ContentType(resource string, v Version) string {
	return mediaPrefix + resource + "+json;version=" + v.String()
}

// media is one media type of the API; a version that is not said is not known, of
// one without minor the minor is -1.
type media struct {
	resource string
	version  Version
	said     bool
}

const mediaPrefix = "application/vnd.interoperability."

// parseMedia reads application/vnd.interoperability.<resource>+json;version=1.1.
func parseMedia(s string) (m media, ok bool) {
	kind, parameters, more := strings.Cut(strings.TrimSpace(s), ";")
	kind = strings.TrimSpace(kind)
	rest, found := strings.CutPrefix(kind, mediaPrefix)
	if !found {
		return m, false
	}
	if m.resource, found = strings.CutSuffix(rest, "+json"); !found || m.resource == "" || strings.IndexFunc(m.resource, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) >= 0 {
		return m, false
	}
	if !more {
		return m, true
	}
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(name) {
		case "version":
			if m.version, ok = parseVersion(value); !ok || m.said {
				return m, false
			}
			m.said = true
		case "charset":
			if !strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
				return m, false
			}
		default:
			return m, false
		}
	}
	return m, true
}

func parseVersion(s string) (Version, bool) {
	major, minor, pointed := strings.Cut(s, ".")
	v := Version{Minor: -1}
	if len(major) == 0 || len(major) > 3 || !allDigits(major) || pointed && (len(minor) == 0 || len(minor) > 3 || !allDigits(minor)) {
		return v, false
	}
	v.Major, _ = strconv.Atoi(major)
	if pointed {
		v.Minor, _ = strconv.Atoi(minor)
	}
	return v, true
}

// newest finds the newest understood version that fits; a bare major version takes
// any of it, no version at all the newest.
func (m media) newest() (out Version, ok bool) {
	for _, v := range Versions {
		if !m.said || v.Major == m.version.Major && (m.version.Minor < 0 || v.Minor == m.version.Minor) {
			out, ok = v, true
		}
	}
	return out, ok
}

// supported lists the versions in an answer to a wrong one (API Definition 3.3.4.3).
func supported() []Extension {
	var out []Extension
	for _, v := range Versions {
		out = append(out, Extension{strconv.Itoa(v.Major), strconv.Itoa(v.Minor)})
	}
	return out
}

// Head is what the headers of a message say.
type Head struct {
	Source      string
	Destination string  // "" when there is none
	Content     Version // of the body
	Accept      Version // wanted in callbacks; zero when there is no Accept
}

// ReadHead checks the headers of a message about a resource, whose method is that
// of the HTTP request. A callback (PUT, PATCH) and a DELETE need no Accept, and what
// HTTP clients put there by themselves means nothing; only on authorizations hubs in use
// read it, and the public collections want that. All bear a Content-Type.
func ReadHead(h http.Header, method, resource string) (Head, *Fault) {
	out := Head{Source: h.Get(HeaderSource), Destination: h.Get(HeaderDestination)}
	// Content-Type
	content := h.Get("Content-Type")
	if content == "" {
		return out, Fail(CodeMissing, "Content-type is required")
	}
	m, ok := parseMedia(content)
	switch {
	case !ok && strings.HasPrefix(content, mediaPrefix):
		return out, Fail(CodeSyntax, "Unsupported Media Type")
	case !ok:
		return out, Fail(CodeSyntax, "Invalid content-type header")
	case m.resource != resource:
		return out, Fail(CodeSyntax, "Unsupported Media Type: the resource in content-type is not that of the path")
	}
	if out.Content, ok = m.newest(); !ok {
		f := Fail(CodeVersion, "Client supplied a protocol version which is not supported by the server")
		f.Extensions = supported()
		return out, f
	}
	// Accept
	accept := h.Values("Accept")
	request := method == http.MethodPost || method == http.MethodGet
	switch {
	case len(accept) > 0 && accept[0] != "" && (request || resource == "authorizations"):
		if f := out.readAccept(strings.Join(accept, ","), resource); f != nil {
			return out, f
		}
	case request:
		return out, Fail(CodeMissing, "Accept is required: /header must have required property 'accept'")
	}
	if h.Get("Date") == "" {
		return out, Fail(CodeMissing, "/header must have required property 'date'")
	}
	if _, err := http.ParseTime(h.Get("Date")); err != nil {
		if _, err := time.Parse(time.RFC1123, h.Get("Date")); err != nil {
			return out, Fail(CodeSyntax, "Invalid date header")
		}
	}
	switch {
	case out.Source == "":
		return out, Fail(CodeMissing, "/header must have required property 'fspiop-source'")
	case len(out.Source) > 32 || len(out.Destination) > 32:
		return out, Fail(CodeSyntax, "FSPIOP-Source and FSPIOP-Destination have at most 32 characters")
	}
	return out, nil
}

// readAccept takes the newest version that both sides understand.
func (h *Head) readAccept(accept, resource string) *Fault {
	ours, found := false, false
	for one := range strings.SplitSeq(accept, ",") {
		m, ok := parseMedia(one)
		if !ok || m.resource != resource {
			continue
		}
		ours = true
		if v, ok := m.newest(); ok && (!found || v.Major > h.Accept.Major || v.Major == h.Accept.Major && v.Minor > h.Accept.Minor) {
			h.Accept, found = v, true
		}
	}
	switch {
	case !ours:
		return Fail(CodeSyntax, "Invalid accept header")
	case !found:
		f := Fail(CodeVersion, "The Client requested an unsupported version, see extension list for supported version(s).")
		f.Extensions = supported()
		return f
	}
	return nil
}

// Callback is the version in which to answer: what was asked for, or else that of the
// message.
func (h Head) Callback() Version {
	switch {
	case h.Accept != (Version{}):
		return h.Accept
	case h.Content != (Version{}):
		return h.Content
	}
	return Known
}
