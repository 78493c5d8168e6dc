package payments

import (
	"context"
	"fmt"
	"strings"

	"sarai/courtyard/country"
	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// A payment from an account that the house keeps to one at a connected participant
// goes out as a pacs.008, for the payer's participant, in two phases: the
// participant that gets it is asked before the money moves.

// outward reads an IBAN that belongs to a connected participant: the account of all
// its customers stands for the payee. Nil for any other text. The house does not
// know who has the account; the payer is shown the participant. One that is suspended
// cannot be paid, which says nothing about the account and costs no lookup.
func (r *Room) outward(ctx context.Context, text string) (*Intent, error) {
	iban, err := r.pack.IBAN.Parse(text)
	if err != nil {
		return nil, nil //nolint:nilerr // it is something else, which others read
	}
	var in *Intent
	err = r.db.View(ctx, func(tx *store.Tx) error {
		p, err := store.Get(tx, scanParticipant, "select "+participantAll+" from payments_participant where code = $1 and connected = $2", codeOf(iban), true)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil
		case err != nil:
			return err
		case p.Suspended:
			return fault.New(fault.Conflict, "payments.outward.silent").At("to", "payments.outward.silent")
		}
		a, err := getAccount(tx, clientsAccount(p.ID, r.pack.Currency.Code))
		if err != nil {
			return err
		}
		a.IBAN = string(iban)
		in = &Intent{Payee: a, IBAN: string(iban)}
		return nil
	})
	return in, err
}

// codeOf is the bank's code in an IBAN.
func codeOf(iban country.IBAN) string {
	s := string(iban)
	return s[4:min(8, len(s))]
}

// payOut is Pay to an account at a connected participant.
func (r *Room) payOut(ctx context.Context, actor string, p Instant) (*Transfer, error) {
	var to Participant
	var payer *Account
	var from Participant
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		a, err := getAccount(tx, p.Credit)
		if err != nil {
			return err
		}
		if to, err = participantByID(tx, a.Book); err != nil {
			return err
		}
		if payer, err = getAccount(tx, p.Debit); err != nil {
			return err
		}
		from, err = participantByID(tx, payer.Book)
		return err
	})
	if err != nil {
		return nil, err
	}
	via, rail, err := r.reach(ctx, to.ID)
	if err != nil || via == nil {
		return nil, fault.New(fault.Conflict, "payments.outward.silent").Because(err)
	}
	id := newUETR(r.newID())
	note := p.Note
	if note.Reference == "" {
		note.Reference = r.newReference()
	}
	d, err := rail.order(p, id, note, from, to, payer)
	if err != nil {
		return nil, err
	}
	document, err := d.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("write pacs.008: %w", err)
	}
	rows, err := r.payAsk(ctx, Work{Currency: p.Currency, Actor: actor, Notes: map[string]Note{id: note},
		Before: func(tx *store.Tx) error {
			if err := r.mayPay(tx, p.Debit, p.Credit, p.Amount); err != nil {
				return err
			}
			if p.Before != nil {
				if err := p.Before(tx); err != nil {
					return err
				}
			}
			if p.Request == "" {
				return nil
			}
			return answering(tx, p.Request, id, from.ID, to.ID, p.Amount, p.IBAN)
		},
		After: func(tx *store.Tx, rows []ledger.Row) error { return Ask{UETR: p.Request}.tries(tx, rows[0].Transfer) },
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: id, Party: p.Party, Key: p.Key, Debit: p.Debit, Credit: p.Credit, Amount: p.Amount, Currency: p.Currency,
			Expires: r.clock.Now().Add(ReservationTime), Memo: []byte(note.Purpose + "\x1f" + p.IBAN)}}})
	if err != nil {
		return nil, err
	}
	if rows[0].Accepted() && !rows[0].Replayed {
		// Nobody gives up because a connection broke: the money would stay reserved.
		g, tx := &d.FIToFICstmrCdtTrf.GrpHdr, &d.FIToFICstmrCdtTrf.CdtTrfTxInf[0]
		_, _, err = rail.finish(context.WithoutCancel(ctx), &handed{transfer: id, key: id, via: via, name: pacs008.ID, document: document, about: aboutPayment(g, tx), actor: actor,
			after: func(tx *store.Tx) error {
				if err := r.paid(tx, id, p.Debit, p.Credit, p.Amount); err != nil {
					return err
				}
				if err := (Ask{UETR: p.Request}).settles(tx); err != nil || p.After == nil {
					return err
				}
				return p.After(tx, id)
			}})
		if err != nil {
			return nil, err
		}
	}
	return r.transfer(ctx, rows[0].Transfer)
}

// newUETR makes a UUID version 4 of another one: messages take no other.
func newUETR(uuid string) string {
	id := strings.Replace(returnID("payment", uuid), "-8", "-4", 1)
	return id[:14] + "4" + id[15:]
}

// order is the pacs.008 of a payment from an account that the house keeps.
func (l *Rail) order(p Instant, uetr string, note Note, from, to Participant, payer *Account) (*pacs008.Document, error) {
	amount, err := iso20022.Amount(p.Amount, p.Currency)
	if err != nil {
		return nil, err
	}
	agent := func(bic string) pacs008.BranchAndFinancialInstitutionIdentification6 {
		return pacs008.BranchAndFinancialInstitutionIdentification6{FinInstnId: pacs008.FinancialInstitutionIdentification18{BICFI: bic}}
	}
	us, rail := agent(from.BIC), agent(l.party.BIC)
	now := wire.DateTime(l.room.clock.Now())
	d := &pacs008.Document{}
	g := &d.FIToFICstmrCdtTrf.GrpHdr
	g.MsgId, g.CreDtTm, g.NbOfTxs = wire.MessageID(uetr), now, "1"
	g.SttlmInf.SttlmMtd = pacs008.SettlementMethod1CodeCLRG
	g.InstgAgt, g.InstdAgt = &us, &rail
	tx := pacs008.CreditTransferTransaction39{
		PmtId:          pacs008.PaymentIdentification7{EndToEndId: note.Reference, TxId: wire.MessageID(uetr), UETR: uetr},
		IntrBkSttlmAmt: pacs008.ActiveCurrencyAndAmount{Ccy: p.Currency, Value: amount},
		AccptncDtTm:    now, ChrgBr: pacs008.ChargeBearerType1CodeSLEV,
		Dbtr: pacs008.PartyIdentification135{Nm: payer.NameEn}, DbtrAcct: &pacs008.CashAccount38{Id: pacs008.AccountIdentification4Choice{IBAN: payer.IBAN}}, DbtrAgt: us,
		CdtrAgt: agent(to.BIC), CdtrAcct: &pacs008.CashAccount38{Id: pacs008.AccountIdentification4Choice{IBAN: p.IBAN}},
	}
	if p.Request != "" {
		tx.PmtId.InstrId = wire.MessageID(p.Request)
		tx.PmtTpInf = &pacs008.PaymentTypeInformation28{LclInstrm: &pacs008.LocalInstrument2Choice{Prtry: LocalRequest}}
	}
	if note.Purpose != "" {
		tx.RmtInf = &pacs008.RemittanceInformation16{Ustrd: []string{note.Purpose}}
	}
	d.FIToFICstmrCdtTrf.CdtTrfTxInf = []pacs008.CreditTransferTransaction39{tx}
	return d, nil
}
