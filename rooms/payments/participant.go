package payments

import (
	"time"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
)

// Participant is a bank or wallet provider that takes part in the rail.
type Participant struct {
	ID        string
	Kind      string // bank, wallet
	BIC       string
	Code      string // inside its customers' IBANs
	NameEn    string
	NameUr    string
	Suspended bool
	Opened    time.Time
	Connected bool      // keeps its customers' accounts itself and speaks by messages
	Endpoint  string    // where it takes them
	Tested    time.Time // last technical test that was passed
	Heard     time.Time // its last answer in time, to the second or so
	Failed    time.Time // the last time it did not answer
}

// Name is the participant's name in a language.
func (p Participant) Name(lang string) string {
	if lang == "ur" {
		return p.NameUr
	}
	return p.NameEn
}

const participantColumns = "id, kind, bic, code, name_en, name_ur, suspended, opened, connected, endpoint"

// participantAll is what scanParticipant reads.
const participantAll = participantColumns + ", tested, heard, failed"

func scanParticipant(scan store.Scan) (p Participant, err error) {
	var opened, tested, heard, failed int64
	err = scan(&p.ID, &p.Kind, &p.BIC, &p.Code, &p.NameEn, &p.NameUr, &p.Suspended, &opened, &p.Connected, &p.Endpoint, &tested, &heard, &failed)
	p.Opened, p.Tested, p.Heard, p.Failed = store.Time(opened), timeOf(tested), timeOf(heard), timeOf(failed)
	return p, err
}

func participantByID(tx *store.Tx, id string) (Participant, error) {
	p, err := store.Get(tx, scanParticipant, "select "+participantAll+" from payments_participant where id = $1", id)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "payments.participant.unknown").Because(err)
	}
	return p, err
}

func participants(tx *store.Tx) ([]Participant, error) {
	return store.List(tx, scanParticipant, "select "+participantAll+" from payments_participant order by kind, name_en")
}

// Position is a participant's standing in the rail's book, minor units.
type Position struct {
	Participant
	Balance   int64 // prefund less what it has sent net of what it received
	Held      int64 // promised to open reservations
	Opening   int64 // what it was funded with, by the issuing account
	Customers int64 // accounts it keeps
	Sent      int64 // payments to other participants in the open settlement window
	Received  int64
	Floor     int64 // minus the net debit cap
}

// positions are the participants' standings.
func positions(tx *store.Tx, currency string) ([]Position, error) {
	return store.List(tx, func(scan store.Scan) (p Position, err error) {
		var opened, tested, heard, failed int64
		err = scan(&p.ID, &p.Kind, &p.BIC, &p.Code, &p.NameEn, &p.NameUr, &p.Suspended, &opened, &p.Connected, &p.Endpoint, &tested, &heard, &failed, &p.Balance, &p.Held, &p.Floor, &p.Opening, &p.Customers, &p.Sent, &p.Received)
		p.Opened, p.Tested, p.Heard, p.Failed = store.Time(opened), timeOf(tested), timeOf(heard), timeOf(failed)
		return p, err
	}, `select p.id, p.kind, p.bic, p.code, p.name_en, p.name_ur, p.suspended, p.opened, p.connected, p.endpoint, p.tested, p.heard, p.failed, b.balance, b.held, a.floor,
		(select cast(coalesce(sum(t.amount), 0) as bigint) from payments_transfer t where t.credit = a.id and t.debit = $2 and t.kind = 'post')
			- (select cast(coalesce(sum(t.amount), 0) as bigint) from payments_transfer t where t.debit = a.id and t.credit = $2 and t.kind = 'post'),
		(select count(*) from payments_account c where c.book = p.id and c.role = 'customer'),
		coalesce(s.sent_count, 0), coalesce(s.received_count, 0)
		from payments_participant p join payments_account a on a.holder = p.id and a.role = 'settlement' and a.currency = $1 join payments_balance b on b.id = a.id
		left join payments_position s on s.currency = $1 and s.participant = p.id and s.place = (select max(number) from payments_window where currency = $1)
		order by p.kind, p.name_en`, currency, issuingAccount(currency))
}
