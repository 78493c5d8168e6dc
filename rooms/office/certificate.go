package office

import (
	"context"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/web"
	"sarai/rooms/office/letter"
	"sarai/rooms/office/pades"
)

// CertificateText is what stands on a certificate, by language.
type CertificateText struct {
	Number    string
	Title     map[string]string
	Office    map[string]string // empty: the office of the post
	Statement map[string]string
	Rows      []CertificateRow
	Law       map[string]string
	Remark    map[string]string
	Photo     []byte // PNG or JPEG; may be empty
	Post      string // the post that decided
	Charge    string // permanent, additional, look-after; empty: as the post is held now
	Issued    time.Time
	VerifyURL string
	Source    []byte // JSON, embedded
}

// CertificateRow is one line of a certificate.
type CertificateRow struct{ Label, Value map[string]string }

// stampPolicy is the policy of our time-stamps: the time of the house's clock,
// best effort.
var stampPolicy = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 13762, 3}

// Certificate prints a certificate and signs it: PAdES baseline B-T by the
// house's document key and its time-stamps.
func (r *Room) Certificate(ctx context.Context, t CertificateText) ([]byte, error) {
	if t.Number == "" || t.Title["en"] == "" || t.VerifyURL == "" {
		return nil, fault.New(fault.Invalid, "office.certificate.incomplete")
	}
	post, ok := r.pack.Post(t.Post)
	if !ok {
		return nil, fault.New(fault.Invalid, "office.file.post", "post", t.Post)
	}
	if len(t.Office) == 0 {
		if o, ok := r.pack.Office(post.Office); ok {
			t.Office = o.Name
		}
	}
	if t.Charge == "" {
		t.Charge = "permanent"
		if held, err := r.gate.Holders(ctx, t.Post); err == nil && len(held) > 0 {
			t.Charge = held[0].Kind
		}
	}
	if t.Issued.IsZero() {
		t.Issued = r.clock.Now()
	}
	c := letter.Certificate{
		Country: r.pack.Names, Office: t.Office, Title: t.Title, Number: t.Number, Statement: t.Statement, Law: t.Law, Remark: t.Remark,
		Photo: t.Photo, Post: post.Title, Charge: r.both("office.charge." + t.Charge), Issued: t.Issued.UTC(), VerifyURL: t.VerifyURL, Source: t.Source,
		IssuedOn: r.date(t.Issued),
		Labels: letter.Labels{
			Number: r.both("office.certificate.number"), Issued: r.both("office.certificate.issued"), Sealed: r.both("office.certificate.sealed"),
			Scan: r.both("office.certificate.scan"),
		},
	}
	if r.demo {
		c.Demo = r.both("office.certificate.demo")
	}
	for _, row := range t.Rows {
		c.Rows = append(c.Rows, letter.Row{Label: row.Label, Value: row.Value})
	}
	plain, err := c.Render()
	if err != nil {
		return nil, fmt.Errorf("print certificate: %w", err)
	}
	key, err := r.keys.Signer(ctx, purposeDocument)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	clockKey, err := r.keys.Signer(ctx, purposeStamp)
	if err != nil {
		return nil, fmt.Errorf("time-stamp certificate: %w", err)
	}
	stamps := pades.Authority{
		Key: clockKey, Certificates: clockKey.Certificates, Policy: stampPolicy, Now: r.clock.Now,
		Serial: func() *big.Int {
			b := make([]byte, 16)
			_, _ = rand.Read(b) // never fails
			b[0] &= 0x7f
			return new(big.Int).SetBytes(b)
		},
	}
	signed, err := pades.Sign(ctx, plain, pades.Signer{Key: key, Certificates: key.Certificates}, stamps.Stamp)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return signed, nil
}

// both gives a text in the two languages of a letter.
func (r *Room) both(key string, args ...string) map[string]string {
	out := map[string]string{}
	for _, lang := range []string{"en", "ur"} {
		out[lang] = r.site.Say(lang, key, args...)
	}
	return out
}

func (r *Room) date(t time.Time) map[string]string {
	out := map[string]string{}
	for _, lang := range []string{"en", "ur"} {
		out[lang] = web.Date(r.site.In(context.Background(), lang), t)
	}
	return out
}
