package payments

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/xsd"
	"sarai/rooms/payments/wire"
)

// actionParticipants is what the rail's operator does with participants.
const actionParticipants = "payments.participant.operate"

// ParticipantView is a participant as its operator sees it.
type ParticipantView struct {
	ID           string            `json:"id"`
	Kind         string            `json:"kind" enum:"bank,wallet"`
	BIC          string            `json:"bic"`
	Code         string            `json:"code" doc:"inside its customers' IBANs"`
	Name         string            `json:"name"`
	NameUrdu     string            `json:"name_ur"`
	Connected    bool              `json:"connected" doc:"keeps its customers' accounts itself and speaks by messages"`
	Endpoint     string            `json:"endpoint,omitempty"`
	Suspended    bool              `json:"suspended"`
	Position     string            `json:"position" doc:"prefund less what it has sent net of what it received"`
	Held         string            `json:"held" doc:"promised to payments whose outcome is open"`
	Cap          string            `json:"cap" doc:"net debit cap: how far below zero the position may go"`
	Currency     string            `json:"currency"`
	Tested       *time.Time        `json:"tested,omitempty" doc:"last technical test that was passed"`
	Heard        *time.Time        `json:"heard,omitempty" doc:"last answer in time"`
	Failed       *time.Time        `json:"failed,omitempty" doc:"last answer that did not come"`
	Certificates []CertificateView `json:"certificates,omitempty"`
}

// CertificateView is a certificate that a participant handed over.
type CertificateView struct {
	Purpose     string    `json:"purpose" enum:"tls,sign"`
	Fingerprint string    `json:"fingerprint" doc:"SHA-256, hexadecimal"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
}

// RailView is what participants need to know of the rail.
type RailView struct {
	BIC     string `json:"bic"`
	Service string `json:"service" doc:"BizSvc of message headers"`
	TLS     string `json:"tls" doc:"certificate the rail shows, PEM"`
	Sign    string `json:"sign" doc:"certificate the rail signs with, PEM"`
}

type admitParticipant struct {
	Body struct {
		ID       string `json:"id" example:"indus" maxLength:"20"`
		Kind     string `json:"kind" enum:"bank,wallet"`
		BIC      string `json:"bic" example:"INDUPKKA" maxLength:"8"`
		Code     string `json:"code" example:"INDU" maxLength:"4"`
		Name     string `json:"name" maxLength:"140"`
		NameUrdu string `json:"name_ur" maxLength:"140"`
		Endpoint string `json:"endpoint" example:"https://rail.indus.example/iso20022" maxLength:"200"`
		Prefund  string `json:"prefund" example:"250000000.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		Cap      string `json:"cap" example:"0.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
		TLS      string `json:"tls" doc:"certificate it shows, PEM" maxLength:"16384"`
		Sign     string `json:"sign" doc:"certificate it signs with, PEM; another one" maxLength:"16384"`
	}
}

type oneParticipant struct {
	ID string `path:"id" maxLength:"20"`
}

type setStanding struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		Suspended bool   `json:"suspended" doc:"no new payments; open ones are finished"`
		Cap       string `json:"cap" example:"0.00" pattern:"^[0-9]{1,13}(\\.[0-9]{1,2})?$"`
	}
}

type addCertificate struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		Purpose     string `json:"purpose" enum:"tls,sign"`
		Certificate string `json:"certificate" doc:"PEM" maxLength:"16384"`
	}
}

type dropCertificate struct {
	ID          string `path:"id" maxLength:"20"`
	Fingerprint string `path:"fingerprint" pattern:"^[0-9a-f]{64}$"`
}

type moveParticipant struct {
	ID   string `path:"id" maxLength:"20"`
	Body struct {
		Endpoint string `json:"endpoint" maxLength:"200"`
	}
}

// readPEM reads the one certificate of a PEM text.
func readPEM(field, text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block != nil && block.Type == "CERTIFICATE" {
		if more, _ := pem.Decode(rest); more == nil {
			if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
				return cert, nil
			}
		}
	}
	return nil, fault.New(fault.Invalid, "payments.admission.certificate").At(field, "payments.admission.certificate")
}

func writePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// limit reads an amount that may be nothing, minor units.
func (r *Room) limit(text string) (int64, error) {
	return iso20022.Minor(xsd.Decimal(text), r.pack.Currency.Code)
}

func (r *Room) participantAPI(a *api.API) {
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: "/api/payments/rail", ID: "payments-rail", Summary: "Read the rail's certificates", Description: "Participants pin these two.", Action: "payments.rail.read"},
		func(ctx context.Context, _ gate.Permit[gate.House], _ *none) (*RailView, error) {
			rail, err := r.OpenRail(ctx)
			if err != nil {
				return nil, err
			}
			shown, signs := rail.Certificates()
			return &RailView{r.railBIC(), r.pack.Rail.Service, writePEM(shown), writePEM(signs)}, nil
		})
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: "/api/payments/participants", ID: "payments-participants", Summary: "List participants with position, cap and health", Action: "payments.rail.read"},
		func(ctx context.Context, _ gate.Permit[gate.House], _ *none) (*[]ParticipantView, error) {
			out := []ParticipantView{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				all, err := positions(tx, r.pack.Currency.Code)
				for _, p := range all {
					out = append(out, r.participantView(p, nil))
				}
				return err
			})
			return &out, err
		})
	api.Handle(a, api.Operation[oneParticipant, gate.House]{Method: "GET", Path: "/api/payments/participants/{id}", ID: "payments-participant", Summary: "Read a participant", Action: "payments.rail.read"},
		func(ctx context.Context, _ gate.Permit[gate.House], in *oneParticipant) (*ParticipantView, error) {
			return r.viewParticipant(ctx, in.ID)
		})
	api.Handle(a, api.Operation[admitParticipant, gate.House]{Method: "POST", Path: "/api/payments/participants", ID: "payments-participant-admit", Summary: "Admit a connected participant",
		Description: "It is suspended until the technical test is passed and its standing is set.", Action: actionParticipants, Idempotent: true, Status: 201},
		func(ctx context.Context, p gate.Permit[gate.House], in *admitParticipant) (*ParticipantView, error) {
			b := &in.Body
			one := Admission{ID: b.ID, Kind: b.Kind, BIC: b.BIC, Code: b.Code, NameEn: b.Name, NameUr: b.NameUrdu, Endpoint: b.Endpoint}
			var err error
			if one.Prefund, err = r.limit(b.Prefund); err == nil {
				one.Cap, err = r.limit(b.Cap)
			}
			if err != nil {
				return nil, fault.New(fault.Invalid, "payments.admission.limit").At("body.prefund", "payments.admission.limit")
			}
			if one.TLS, err = readPEM("body.tls", b.TLS); err != nil {
				return nil, err
			}
			if one.Sign, err = readPEM("body.sign", b.Sign); err != nil {
				return nil, err
			}
			if err := r.Admit(ctx, p.Who().Actor(), one); err != nil {
				return nil, err
			}
			return r.viewParticipant(ctx, b.ID)
		})
	api.Handle(a, api.Operation[setStanding, gate.House]{Method: "PUT", Path: "/api/payments/participants/{id}/standing", ID: "payments-participant-standing", Summary: "Suspend or resume a participant, and set its net debit cap", Action: actionParticipants, Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *setStanding) (*ParticipantView, error) {
			limit, err := r.limit(in.Body.Cap)
			if err != nil {
				return nil, fault.New(fault.Invalid, "payments.admission.limit").At("body.cap", "payments.admission.limit")
			}
			if err := r.SetStanding(ctx, p.Who().Actor(), api.CommandKey(ctx).String(), in.ID, Standing{Suspended: in.Body.Suspended, Cap: limit}); err != nil {
				return nil, err
			}
			return r.viewParticipant(ctx, in.ID)
		})
	api.Handle(a, api.Operation[oneParticipant, gate.House]{Method: "POST", Path: "/api/payments/participants/{id}/test", ID: "payments-participant-test", Summary: "Do the technical test: admi.004 is sent to the participant's address, and admi.011 is wanted", Action: actionParticipants, Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *oneParticipant) (*ParticipantView, error) {
			if err := r.Examine(ctx, p.Who().Actor(), in.ID); err != nil {
				return nil, err
			}
			return r.viewParticipant(ctx, in.ID)
		})
	api.Handle(a, api.Operation[addCertificate, gate.House]{Method: "POST", Path: "/api/payments/participants/{id}/certificates", ID: "payments-participant-certificate", Summary: "Add a certificate beside those in force", Action: actionParticipants, Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *addCertificate) (*ParticipantView, error) {
			cert, err := readPEM("body.certificate", in.Body.Certificate)
			if err != nil {
				return nil, err
			}
			if err := r.Certify(ctx, p.Who().Actor(), in.ID, in.Body.Purpose, cert); err != nil {
				return nil, err
			}
			return r.viewParticipant(ctx, in.ID)
		})
	api.Handle(a, api.Operation[dropCertificate, gate.House]{Method: "POST", Path: "/api/payments/participants/{id}/certificates/{fingerprint}/revoke", ID: "payments-participant-certificate-revoke", Summary: "Take a certificate away", Action: actionParticipants, Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *dropCertificate) (*ParticipantView, error) {
			f, err := hex.DecodeString(in.Fingerprint)
			if err != nil {
				return nil, fault.New(fault.Invalid, "payments.admission.certificate").At("fingerprint", "payments.admission.certificate")
			}
			if err := r.Revoke(ctx, p.Who().Actor(), in.ID, f); err != nil {
				return nil, err
			}
			return r.viewParticipant(ctx, in.ID)
		})
	api.Handle(a, api.Operation[moveParticipant, gate.House]{Method: "PUT", Path: "/api/payments/participants/{id}/endpoint", ID: "payments-participant-endpoint", Summary: "Give a participant another address; it is suspended until it is tested there", Action: actionParticipants, Idempotent: true},
		func(ctx context.Context, p gate.Permit[gate.House], in *moveParticipant) (*ParticipantView, error) {
			if err := r.Move(ctx, p.Who().Actor(), in.ID, in.Body.Endpoint); err != nil {
				return nil, err
			}
			return r.viewParticipant(ctx, in.ID)
		})
}

// positionOf is one participant with its position and its certificates.
func (r *Room) positionOf(ctx context.Context, id string) (p Position, certs []certificate, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		if _, err := participantByID(tx, id); err != nil {
			return err
		}
		all, err := positions(tx, r.pack.Currency.Code)
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.ID == id {
				p = one
			}
		}
		every, err := certificates(tx)
		for _, c := range every {
			if c.participant == id {
				certs = append(certs, c)
			}
		}
		return err
	})
	return p, certs, err
}

func (r *Room) viewParticipant(ctx context.Context, id string) (*ParticipantView, error) {
	p, certs, err := r.positionOf(ctx, id)
	if err != nil {
		return nil, err
	}
	v := r.participantView(p, certs)
	return &v, nil
}

func (r *Room) participantView(p Position, certs []certificate) ParticipantView {
	known := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	sign := ""
	if p.Balance < 0 {
		sign = "-"
	}
	v := ParticipantView{ID: p.ID, Kind: p.Kind, BIC: p.BIC, Code: p.Code, Name: p.NameEn, NameUrdu: p.NameUr, Connected: p.Connected, Endpoint: p.Endpoint, Suspended: p.Suspended,
		Position: sign + r.plain(max(p.Balance, -p.Balance)), Held: r.plain(p.Held), Cap: r.plain(-p.Floor), Currency: r.pack.Currency.Code, Tested: known(p.Tested), Heard: known(p.Heard), Failed: known(p.Failed)}
	for _, c := range certs {
		f := wire.Fingerprint(c.cert)
		v.Certificates = append(v.Certificates, CertificateView{c.purpose, hex.EncodeToString(f[:]), c.cert.NotBefore, c.cert.NotAfter})
	}
	return v
}
