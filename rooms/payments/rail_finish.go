package payments

import (
	"context"
	"errors"
	"time"

	"sarai/courtyard/store"
	"sarai/rooms/payments/iso20022"
	"sarai/rooms/payments/iso20022/pacs002"
	"sarai/rooms/payments/ledger"
	"sarai/rooms/payments/wire"
)

// handed is reserved money on its way to whom it is for: a payment, or what goes
// back of one.
type handed struct {
	transfer string // in the ledger
	key      string // by which messages name it, see [wire.Name]
	via      *peer  // participant that has to take it; nil: the house keeps the account
	name     string // of the document
	document []byte // as it is forwarded
	about    pacs002.PaymentTransaction110
	actor    string
	quiet    bool
	after    func(tx *store.Tx) error // when the money has moved, in the ledger's transaction
}

// finish asks the participant that has to take the money, ends the reservation by
// what it says, and tells it how it ended.
func (l *Rail) finish(ctx context.Context, h *handed) (status string, reason ledger.Reason, err error) {
	wants := false // the participant wants to know the outcome
	if h.via != nil {
		reason, wants = l.ask(ctx, h)
	}
	return l.end(ctx, h, reason, wants)
}

// end commits a reservation, or aborts it for a reason.
func (l *Rail) end(ctx context.Context, h *handed, reason ledger.Reason, wants bool) (string, ledger.Reason, error) {
	step := ledger.Step{Kind: ledger.Commit, Transfer: h.transfer}
	if reason != "" {
		step.Kind, step.Reason = ledger.Abort, reason
	}
	w := Work{Currency: l.room.pack.Currency.Code, Actor: h.actor, Quiet: h.quiet, Steps: []ledger.Step{step}}
	if h.after != nil {
		w.After = func(tx *store.Tx, rows []ledger.Row) error {
			if rows[0].Ended() == ledger.Committed {
				return h.after(tx)
			}
			return nil
		}
	}
	// The ledger is asked once, by a step without a key: if its answer is lost, what
	// happened is in the tables.
	rows, err := l.room.ledger.Do(ctx, w)
	if err != nil {
		return "", "", err
	}
	status := statusRejected
	switch ended := rows[0].Ended(); {
	case ended == ledger.Committed:
		status, reason = statusSettled, ""
	case ended == ledger.Aborted && rows[0].Accepted():
	case ended != "":
		reason = rows[0].Reason // the ledger's time was over before the answer came
	default: // it had ended before, perhaps by an answer that another process took
		if status, reason, err = l.ended(ctx, h.transfer); err != nil {
			return "", "", err
		}
	}
	if wants {
		l.put(confirmation{to: h.via, document: l.reportOf(h.about, status, reason)})
	}
	return status, reason, nil
}

// ended says how a transfer ended, from the tables.
func (l *Rail) ended(ctx context.Context, transfer string) (string, ledger.Reason, error) {
	if err := l.room.sequencer.Settle(ctx, l.room.pack.Currency.Code); err != nil {
		return "", "", err
	}
	t, err := l.room.transfer(ctx, transfer)
	if err != nil {
		return "", "", err
	}
	status, reason := standing(t)
	return status, reason, nil
}

// ask hands a document on; no reason means that the participant takes the money.
// tell is false when it has refused or cannot have taken the message: then it need
// not hear the outcome.
func (l *Rail) ask(ctx context.Context, h *handed) (reason ledger.Reason, tell bool) {
	ctx, cancel := context.WithTimeout(ctx, l.answer)
	defer cancel()
	later := l.await(h.via.ID + " " + h.key)
	defer l.awaited(h.via.ID + " " + h.key)
	reply, err := l.party.Forward(ctx, h.via.wire, l.room.newID(), h.document, h.name)
	if err != nil && ctx.Err() == nil && !errors.Is(err, wire.ErrRejected) {
		// A connection that broke: a participant takes each payment once, so it can be
		// asked twice.
		reply, err = l.party.Forward(ctx, h.via.wire, l.room.newID(), h.document, h.name)
	}
	l.heard(h.via.ID, err == nil)
	switch {
	case errors.Is(err, wire.ErrRejected):
		l.room.log.WarnContext(ctx, "a participant did not take a message", "participant", h.via.ID, "error", err)
		return reasonBadAnswer, false
	case err != nil:
		l.room.log.WarnContext(ctx, "a participant did not answer", "participant", h.via.ID, "error", err)
		return reasonNoAnswer, true
	case reply == nil: // it answers by a message of its own
		select {
		case one := <-later:
			return taken(&one)
		case <-ctx.Done():
			return reasonNoAnswer, true
		}
	}
	d, ok := reply.Body.(*pacs002.Document)
	if !ok || len(d.FIToFIPmtStsRpt.TxInfAndSts) != 1 || wire.NameOf(&d.FIToFIPmtStsRpt.TxInfAndSts[0]) != h.key {
		return reasonBadAnswer, true
	}
	return taken(&d.FIToFIPmtStsRpt.TxInfAndSts[0])
}

// taken reads what a participant says of money for a customer of its own.
func taken(one *pacs002.PaymentTransaction110) (reason ledger.Reason, tell bool) {
	switch one.TxSts {
	case "ACCP", "ACSP", "ACTC", "ACSC", "ACWP":
		return "", true
	case statusRejected:
		if len(one.StsRsnInf) > 0 && one.StsRsnInf[0].Rsn != nil && one.StsRsnInf[0].Rsn.Cd != "" {
			return ledger.Reason(one.StsRsnInf[0].Rsn.Cd), false
		}
		return "MS03", false // no reason given
	}
	return reasonBadAnswer, true
}

// await makes a box for an answer that comes as a message of its own.
func (l *Rail) await(key string) chan pacs002.PaymentTransaction110 {
	box := make(chan pacs002.PaymentTransaction110, 1)
	l.mu.Lock()
	l.later[key] = box
	l.mu.Unlock()
	return box
}

func (l *Rail) awaited(key string) {
	l.mu.Lock()
	delete(l.later, key)
	l.mu.Unlock()
}

// answered takes a pacs.002 that a participant sends by itself: its answer to what
// was handed to it and that it only acknowledged (HTTP 202) at the time.
func (l *Rail) answered(ctx context.Context, who *peer, d *pacs002.Document) (iso20022.Message, error) {
	list := d.FIToFIPmtStsRpt.TxInfAndSts
	if len(list) == 0 || len(list) > mostAsked {
		return nil, &wire.Reason{Code: wire.CodeSchema, Text: "pacs.002 answers about 1 to 100 payments, each by its OrgnlUETR"}
	}
	for i := range list {
		one := &list[i]
		key := wire.NameOf(one)
		l.mu.Lock()
		box := l.later[who.ID+" "+key]
		l.mu.Unlock()
		if box != nil {
			select {
			case box <- *one:
			default: // it has said it before
			}
			continue
		}
		if err := l.answeredElsewhere(ctx, who, key, one); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// answeredElsewhere ends what another process of ours has asked about. Who waits
// there finds it ended; the order of the ledger's rows decides, as ever.
func (l *Rail) answeredElsewhere(ctx context.Context, who *peer, key string, one *pacs002.PaymentTransaction110) error {
	known, err := l.known(ctx, who, []string{key})
	if err != nil {
		return err
	}
	t := known[key]
	if t == nil || t.CreditBook != who.ID || t.Phase != ledger.Reserved || t.Debit != clientsAccount(t.DebitBook, t.Currency) {
		return nil // not of such a kind, or it has ended: pacs.028 says how
	}
	reason, wants := taken(one)
	h := &handed{transfer: t.ID, key: key, via: who, about: *one, actor: "client/" + who.ID, quiet: true}
	h.about.StsRsnInf = nil
	h.after = func(tx *store.Tx) error {
		if t.ID != key {
			return returnMoved(tx, t.ID, h.actor)
		}
		_, err := tx.Exec("update payments_ask set state = $2 where transfer = $1", t.ID, AskPaid)
		return err
	}
	_, _, err = l.end(context.WithoutCancel(ctx), h, reason, wants)
	return err
}

// confirmation tells a participant what became of money that it accepted: only
// then it credits its customer.
type confirmation struct {
	to       *peer
	document iso20022.Message
	tries    int
}

const (
	confirmers   = 4    // messages on their way to one participant: one that is slow holds up nobody else
	confirmMost  = 4096 // that wait for one participant
	confirmTries = 5
	// confirmPause is how long a first confirmation waits for others. A signed message
	// costs both sides as much for one payment as for a hundred.
	confirmPause = 10 * time.Millisecond
)

// put hands a confirmation to those who send. What is lost here, because the rail
// stops or too much waits, the participant asks for (pacs.028).
func (l *Rail) put(c confirmation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run == nil {
		return
	}
	box := l.boxes[c.to.ID]
	if box == nil {
		box = make(chan confirmation, confirmMost)
		l.boxes[c.to.ID] = box
		ctx := l.run
		l.work.Go(func() { l.sendConfirmations(ctx, box) })
	}
	select {
	case box <- c:
	default:
	}
}

// sendConfirmations sends what waits; a participant that does not answer is
// tried some more times and then asks by itself. Reports that have gathered
// meanwhile go in one pacs.002: the more there is to say, the less it costs.
func (l *Rail) sendConfirmations(ctx context.Context, box chan confirmation) {
	sending := make(chan struct{}, confirmers)
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-box:
			select {
			case <-ctx.Done():
				return
			case <-time.After(confirmPause):
			}
			for _, list := range gather(c, box) {
				select {
				case <-ctx.Done():
					return
				case sending <- struct{}{}:
				}
				l.work.Go(func() {
					l.sendTogether(ctx, list)
					<-sending
				})
			}
		}
	}
}

// sendTogether sends confirmations in one message.
func (l *Rail) sendTogether(ctx context.Context, list []confirmation) {
	first := list[0]
	document := first.document
	if len(list) > 1 {
		one := *first.document.(*pacs002.Document)
		one.FIToFIPmtStsRpt.TxInfAndSts = nil
		for _, c := range list {
			one.FIToFIPmtStsRpt.TxInfAndSts = append(one.FIToFIPmtStsRpt.TxInfAndSts, c.document.(*pacs002.Document).FIToFIPmtStsRpt.TxInfAndSts...)
		}
		document = &one
	}
	send, cancel := context.WithTimeout(ctx, l.answer)
	defer cancel()
	_, err := l.party.Send(send, first.to.wire, l.room.newID(), document)
	if ctx.Err() != nil {
		return
	}
	l.heard(first.to.ID, err == nil)
	if err == nil || errors.Is(err, wire.ErrRejected) {
		return
	}
	for _, c := range list {
		if c.tries++; c.tries < confirmTries {
			time.AfterFunc(time.Duration(c.tries*c.tries)*200*time.Millisecond, func() { l.put(c) })
		}
	}
}

// gather takes the confirmations that wait with a first one: reports fit into one
// message, everything else is one of its own.
func gather(c confirmation, box chan confirmation) (lists [][]confirmation) {
	var reports []confirmation
	for n := 1; ; n++ {
		if _, ok := c.document.(*pacs002.Document); ok {
			reports = append(reports, c)
		} else {
			lists = append(lists, []confirmation{c})
		}
		if n < mostAsked {
			select {
			case c = <-box:
				continue
			default:
			}
		}
		if len(reports) > 0 {
			lists = append(lists, reports)
		}
		return lists
	}
}
