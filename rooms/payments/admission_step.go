package payments

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022/admi004"
	"sarai/rooms/payments/iso20022/admi011"
	"sarai/rooms/payments/wire"
	"sarai/rooms/payments/xmldsig"
)

// What the operator does with a connected participant after its admission.

// testTime is how long a participant has to answer in the technical test.
const testTime = 5 * time.Second

// echo is the event by which the two ends ask each other whether they are there.
const echo = "PING"

// Examine is the technical test: the rail sends the participant admi.004 at its
// address and wants admi.011, so that address, certificates and signatures of both
// sides are known to fit. A participant that has not passed cannot be resumed.
func (r *Room) Examine(ctx context.Context, actor, id string) error {
	rail, err := r.OpenRail(ctx)
	if err != nil {
		return err
	}
	r.peers.forget()
	p, err := r.Participant(ctx, id)
	if err != nil {
		return err
	}
	_, to, err := r.peers.bank(p.BIC)
	if err != nil || to == nil {
		return fault.New(fault.Conflict, "payments.admission.hosted").Because(err)
	}
	if err := rail.echo(ctx, to); err != nil {
		rail.heard(id, false)
		return fault.New(fault.Conflict, "payments.admission.silent").Because(err)
	}
	rail.heard(id, true)
	return r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("update payments_participant set tested = $2 where id = $1", id, store.Micros(tx.Now()))
		tx.Emit(store.Event{Type: ParticipantExamined, Version: 1, Subject: "payments/participant/" + id, Actor: actor, Data: ParticipantData{Participant: id}})
		return err
	})
}

// Participant reads a bank or wallet; NotFound when there is none.
func (r *Room) Participant(ctx context.Context, id string) (p Participant, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		p, err = participantByID(tx, id)
		return err
	})
	return p, err
}

func (l *Rail) echo(ctx context.Context, to *peer) error {
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	d := &admi004.Document{}
	d.SysEvtNtfctn.EvtInf.EvtCd = echo
	d.SysEvtNtfctn.EvtInf.EvtTm = wire.DateTime(l.room.clock.Now())
	answer, err := l.party.Send(ctx, to.wire, l.room.newID(), d)
	if err != nil {
		return err
	}
	if answer == nil {
		return errors.New("the participant took admi.004 and gave no answer")
	}
	ack, ok := answer.Body.(*admi011.Document)
	if !ok || ack.SysEvtAck.AckDtls == nil || ack.SysEvtAck.AckDtls.EvtCd != echo {
		return fmt.Errorf("the participant answered admi.004 by %s", answer.Name)
	}
	return nil
}

// Certify gives a participant another certificate beside those it has; old ones
// are taken away by Revoke, so that it can change without a pause.
func (r *Room) Certify(ctx context.Context, actor, id, purpose string, cert *x509.Certificate) error {
	if purpose != purposeTLS && purpose != purposeSign {
		return fault.New(fault.Invalid, "payments.admission.purpose").At("purpose", "payments.admission.purpose")
	}
	if purpose == purposeSign {
		if _, err := xmldsig.Trust(cert); err != nil {
			return fault.New(fault.Invalid, "payments.admission.certificate").At("certificate", "payments.admission.certificate").Because(err)
		}
	}
	defer r.peers.forget()
	return r.db.Update(ctx, func(tx *store.Tx) error {
		p, err := participantByID(tx, id)
		if err != nil {
			return err
		}
		if !p.Connected {
			return fault.New(fault.Conflict, "payments.admission.hosted")
		}
		f := wire.Fingerprint(cert)
		owner, err := store.Get(tx, store.Value[string], "select participant from payments_certificate where fingerprint = $1 and purpose = $2 and revoked = 0", f[:], purpose)
		if err == nil && owner == id {
			return nil // it is there
		}
		if err := putCertificate(tx, id, purpose, cert); err != nil {
			return err
		}
		tx.Emit(store.Event{Type: ParticipantCertified, Version: 1, Subject: "payments/participant/" + id, Actor: actor, Data: ParticipantData{Participant: id}})
		return nil
	})
}

// Revoke takes a certificate away, by its fingerprint: from the next message on
// nobody is believed by it. The last one of a purpose stays; suspend the
// participant instead.
func (r *Room) Revoke(ctx context.Context, actor, id string, fingerprint []byte) error {
	defer r.peers.forget()
	return r.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := store.Get(tx, store.Value[string], "select id from payments_participant where id = $1 for update", id); err != nil {
			return fault.New(fault.NotFound, "payments.participant.unknown").Because(err)
		}
		n, err := tx.Exec(`update payments_certificate set revoked = $3 where fingerprint = $1 and participant = $2 and revoked = 0
			and exists (select 1 from payments_certificate o where o.participant = payments_certificate.participant and o.purpose = payments_certificate.purpose and o.revoked = 0 and o.fingerprint <> $1)`,
			fingerprint, id, store.Micros(tx.Now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "payments.admission.last")
		}
		tx.Emit(store.Event{Type: ParticipantCertified, Version: 1, Subject: "payments/participant/" + id, Actor: actor, Data: ParticipantData{Participant: id}})
		return nil
	})
}

// Move gives a participant another address. It is suspended until it has passed
// the technical test there.
func (r *Room) Move(ctx context.Context, actor, id, endpoint string) error {
	if !isEndpoint(endpoint) {
		return fault.New(fault.Invalid, "payments.admission.endpoint").At("endpoint", "payments.admission.endpoint")
	}
	defer r.peers.forget()
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("update payments_participant set endpoint = $2, tested = 0 where id = $1 and connected = true", id, endpoint)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "payments.participant.unknown")
		}
		return err
	})
	if err != nil {
		return err
	}
	floor, err := r.capOf(ctx, id)
	if err != nil {
		return err
	}
	return r.SetStanding(ctx, actor, "move/"+r.newID(), id, Standing{Suspended: true, Cap: floor})
}

// capOf is a participant's net debit cap, minor units.
func (r *Room) capOf(ctx context.Context, id string) (int64, error) {
	a, err := r.account(ctx, func(tx *store.Tx) (*Account, error) {
		return getAccount(tx, settlementAccount(id, r.pack.Currency.Code))
	})
	if err != nil {
		return 0, err
	}
	return -a.Floor, nil
}
