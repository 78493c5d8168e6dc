package xmldsig

import (
	"bytes"
	"crypto"
	"fmt"
)

// reference is one Reference of a SignedInfo.
type reference struct {
	uri       []byte // nil when there is no URI attribute
	enveloped bool   // the enveloped-signature transform comes first
	inclusive []byte // PrefixList of the exclusive canonicalisation
	hash      crypto.Hash
	digest    [64]byte
}

// signedInfo is what a SignedInfo says. It is read from the canonical bytes over
// which the signature is checked, from nothing else.
type signedInfo struct {
	method     Algorithm
	inclusive  []byte // PrefixList for SignedInfo itself
	references [3]reference
	count      int
	scratch    [1024]byte // for what is decoded
}

// parse reads the canonical form of a SignedInfo (XML Signature 1.1, 4.4).
func (si *signedInfo) parse(canonical []byte) error {
	si.method, si.inclusive, si.references, si.count = "", nil, [3]reference{}, 0
	c := cursor{b: canonical}
	c.enter("SignedInfo")

	if c.open("CanonicalizationMethod") {
		if uri := c.algorithm(); c.err == nil && string(uri) != algExclusive {
			return fail(ErrAlgorithm, "canonicalization method %.100q; only %s is accepted", uri, algExclusive)
		}
		si.inclusive = c.prefixList()
		c.end("CanonicalizationMethod")
	}
	if c.open("SignatureMethod") {
		uri := c.algorithm()
		if c.err == nil {
			var ok bool
			if si.method, ok = algorithmOf(uri); !ok {
				return fail(ErrAlgorithm, "signature method %.100q is not accepted", uri)
			}
		}
		c.end("SignatureMethod")
	}
	for c.at("Reference") {
		if si.count == len(si.references) {
			return structure("SignedInfo has more than %d references", len(si.references))
		}
		if err := c.reference(&si.references[si.count], si.scratch[:0]); err != nil {
			return err
		}
		si.count++
	}
	c.end("SignedInfo")
	if c.err == nil && len(c.b) > 0 {
		c.fail("%.40q follows its end", c.b)
	}
	return c.err
}

// algorithm reads the attributes of an element whose only one is Algorithm.
func (c *cursor) algorithm() (uri []byte) {
	for {
		name, value, ok := c.attribute()
		switch {
		case !ok:
			if uri == nil {
				c.fail("an element names no Algorithm")
			}
			return uri
		case string(name) == "Algorithm":
			uri = value
		default:
			c.fail("attribute %.60s", name)
			return nil
		}
	}
}

// prefixList reads an InclusiveNamespaces element, if it comes next (Exclusive
// XML Canonicalization 1.0, section 4).
func (c *cursor) prefixList() []byte {
	c.space()
	if c.err != nil || bytes.HasPrefix(c.b, []byte("</")) {
		return nil
	}
	const local = "InclusiveNamespaces"
	to := bytes.IndexAny(c.b, " >")
	if to < 0 || to < 1+len(local) || string(c.b[to-len(local):to]) != local {
		c.fail("%.40q where only InclusiveNamespaces may stand", c.b)
		return nil
	}
	prefix := c.b[1 : to-len(local)]
	declaration := "xmlns"
	if n := len(prefix); n > 0 {
		declaration += ":" + string(prefix[:n-1])
	}
	c.b = c.b[to:]
	var list []byte
	var bound, given bool
	for {
		name, value, ok := c.attribute()
		if !ok {
			break
		}
		switch string(name) {
		case declaration:
			bound = string(value) == algExclusive
		case "PrefixList":
			list, given = value, true
		default:
			c.fail("attribute %.60s", name)
			return nil
		}
	}
	end := "</" + string(prefix) + local + ">"
	if c.err == nil && (!bound || !given || !bytes.HasPrefix(c.b, []byte(end))) {
		c.fail("an InclusiveNamespaces element that is not of the form of Exclusive XML Canonicalization")
	}
	if c.err != nil {
		return nil
	}
	c.b = c.b[len(end):]
	return list
}

// reference reads one Reference (4.4.3). Of transforms, only the two that select
// and write what is there are known: none that computes.
func (c *cursor) reference(r *reference, scratch []byte) error {
	c.open("Reference")
	for {
		name, value, ok := c.attribute()
		if !ok {
			break
		}
		switch string(name) {
		case "URI":
			r.uri = value
		case "Id":
		default:
			c.fail("attribute %.60s on a Reference", name)
		}
	}
	c.open("Transforms")
	c.bare()
	exclusive := false
	for c.at("Transform") {
		c.open("Transform")
		uri := c.algorithm()
		if c.err != nil {
			break
		}
		switch {
		case string(uri) == algEnveloped && !r.enveloped && !exclusive:
			r.enveloped = true
		case string(uri) == algExclusive && !exclusive:
			exclusive = true
			r.inclusive = c.prefixList()
		default:
			return fail(ErrAlgorithm, "transform %.100q is not accepted here; enveloped-signature and then %s are", uri, algExclusive)
		}
		c.end("Transform")
	}
	if c.err == nil && !exclusive {
		return fail(ErrAlgorithm, "a reference without exclusive canonicalization")
	}
	c.end("Transforms")
	c.open("DigestMethod")
	method := c.algorithm()
	c.end("DigestMethod")
	c.open("DigestValue")
	c.bare()
	text := c.text("DigestValue")
	c.end("Reference")
	if c.err != nil {
		return c.err
	}
	var ok bool
	if r.hash, ok = digestHash(method); !ok {
		return fail(ErrAlgorithm, "digest method %.100q is not accepted", method)
	}
	value, ok := decode64(scratch, text)
	if !ok {
		return fail(ErrDigest, "the digest of %s is not base64", r)
	}
	if len(value) != r.hash.Size() {
		return fail(ErrDigest, "the digest of %s has %d bytes, %s has %d", r, len(value), r.hash, r.hash.Size())
	}
	copy(r.digest[:], value)
	return nil
}

// String names a reference in errors.
func (r *reference) String() string {
	if r.uri == nil {
		return "the reference without URI"
	}
	return fmt.Sprintf("the reference URI=%.60q", r.uri)
}

// holds compares the digest of canonical bytes with the one that was signed.
func (r *reference) holds(canonical []byte, what string) error {
	var buf [64]byte
	if d := sum(buf[:0], r.hash, canonical); !bytes.Equal(d, r.digest[:len(d)]) {
		return fail(ErrDigest, "%s was changed: its digest is not the signed one", what)
	}
	return nil
}

// prefixes takes a PrefixList apart.
func prefixes(list []byte) []string {
	var out []string
	for _, p := range bytes.Fields(list) {
		out = append(out, string(p))
	}
	return prefixList(out)
}
