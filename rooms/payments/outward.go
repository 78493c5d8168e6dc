package payments

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs008"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// A payment from an account that the house keeps to one at a connected participant
// goes out as a pacs.008, for the payer's participant, in two phases: the
// participant that gets it is asked before the money moves. Whom the payer was told
// they pay stays with the payment (payments_outward).

// tell keeps what a payer is told of whom at a connected participant an order or a
// transfer pays.
func tell(tx *store.Tx, payment string, to *Account) error {
	account := ""
	if to.outside() {
		account = to.ID
	}
	name := *to
	if to.Kind == KindParticipant {
		name = Account{Kind: to.Kind, IBAN: to.IBAN} // the participant's own name is no payee's
	}
	_, err := tx.Exec("insert into payments_outward (payment, account, holder, kind, iban, name_en, name_ur) values ($1, $2, $3, $4, $5, $6, $7) on conflict (payment) do nothing",
		payment, account, name.Holder, name.Kind, name.IBAN, name.NameEn, name.NameUr)
	return err
}

// told is what tell kept, nil when nothing was: the account of all customers of the
// participant with the payee's number, name and holder in their places.
func told(tx *store.Tx, payment string, clients *Account) (*Account, error) {
	a, err := store.Get(tx, func(scan store.Scan) (*Account, error) {
		a := *clients
		return &a, scan(&a.ID, &a.Holder, &a.Kind, &a.IBAN, &a.NameEn, &a.NameUr)
	}, "select account, holder, kind, iban, name_en, name_ur from payments_outward where payment = $1", payment)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err == nil && a.Kind == KindParticipant {
		iban := a.IBAN
		*a = *clients
		a.IBAN = iban
	}
	return a, err
}

// tellLines puts the payees that payers were told into the lines of a history, where
// else the participant stands.
func tellLines(tx *store.Tx, lines []Line) error {
	at := map[string][]int{}
	var ids []string
	for i, l := range lines {
		if l.Kind == KindParticipant && l.Amount < 0 && l.Transfer != "" {
			at[l.Transfer] = append(at[l.Transfer], i)
			ids = append(ids, l.Transfer)
		}
	}
	for part := range slices.Chunk(ids, 200) {
		in, args := places(part)
		_, err := store.List(tx, func(scan store.Scan) (to Account, err error) {
			var transfer string
			if err = scan(&transfer, &to.Kind, &to.NameEn, &to.NameUr); err != nil || to.Kind == KindParticipant {
				return to, err
			}
			for _, i := range at[transfer] {
				l := &lines[i]
				l.BankEn, l.BankUr, l.NameEn, l.NameUr, l.Kind = l.NameEn, l.NameUr, to.NameEn, to.NameUr, to.Kind
			}
			return to, nil
		}, "select payment, kind, name_en, name_ur from payments_outward where payment in ("+in+")", args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// errSilent: the payee's participant cannot be paid now.
func errSilent(why error) error {
	return fault.New(fault.Conflict, "payments.outward.silent").At("to", "payments.outward.silent").Because(why)
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
		return nil, errSilent(err)
	}
	if p.To == nil {
		p.To = &Account{Kind: KindParticipant, IBAN: p.IBAN}
	}
	id := cmp.Or(p.UETR, newUETR(r.newID()))
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
		After: func(tx *store.Tx, rows []ledger.Row) error {
			if rows[0].Accepted() && !rows[0].Replayed {
				if err := tell(tx, id, p.To); err != nil {
					return err
				}
				if p.Held != nil {
					if err := p.Held(tx, id); err != nil {
						return err
					}
				}
			}
			return Ask{UETR: p.Request}.tries(tx, rows[0].Transfer)
		},
		Steps: []ledger.Step{{Kind: ledger.Reserve, Transfer: id, Party: p.Party, Key: p.Key, Debit: p.Debit, Credit: p.Credit, Amount: p.Amount, Currency: p.Currency,
			Expires: r.clock.Now().Add(ReservationTime), Memo: []byte(note.Purpose + "\x1f" + p.IBAN)}}})
	if err != nil {
		return nil, err
	}
	if rows[0].Accepted() && !rows[0].Replayed {
		// Nobody gives up because a connection broke: the money would stay reserved.
		g, tx := &d.FIToFICstmrCdtTrf.GrpHdr, &d.FIToFICstmrCdtTrf.CdtTrfTxInf[0]
		status, _, err := rail.finish(context.WithoutCancel(ctx), &handed{transfer: id, key: id, via: via, name: pacs008.ID, document: document, about: aboutPayment(g, tx), actor: actor,
			after: func(tx *store.Tx) error {
				if err := r.paid(tx, id, p.Debit, p.Credit, p.Amount); err != nil {
					return err
				}
				if err := (Ask{UETR: p.Request}).settles(tx); err != nil || p.After == nil {
					return err
				}
				return p.After(tx, id)
			}})
		if err == nil && status == statusRejected && p.Undone != nil {
			err = r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return p.Undone(tx, id) })
		}
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
	if p.To.Kind != KindParticipant {
		tx.Cdtr.Nm = p.To.NameEn
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
