package payments

import (
	"context"
	"encoding/hex"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// Entry is an alias as its holder and its participant see it.
type Entry struct {
	ID          string    `json:"id" doc:"the same whenever this number is in the directory; it comes from the number's keyed hash"`
	Kind        string    `json:"kind" enum:"mobile,number,iban"`
	State       string    `json:"state" enum:"active,claimed"`
	IBAN        string    `json:"iban"`
	Participant string    `json:"participant"`
	AccountKind string    `json:"account_kind"`
	HolderKind  string    `json:"holder_kind" enum:"natural,legal"`
	HolderName  string    `json:"holder_name,omitempty" doc:"for the participant: as it stands in the content id"`
	Since       time.Time `json:"since" doc:"it is the holder's"`
	Placed      time.Time `json:"placed" doc:"it leads to this account"`
	CoolOff     *CoolOff  `json:"cool_off,omitempty"`
	CID         string    `json:"cid" doc:"content id, 32 bytes in hexadecimal"`
	RequestID   string    `json:"request_id,omitempty" doc:"for the participant: the key of the content id, 16 bytes in hexadecimal"`
}

func (r *Room) viewEntry(a *Alias, to *Account) Entry {
	e := Entry{ID: a.ID, Kind: a.Kind, State: a.State, IBAN: to.IBAN, Participant: a.Participant, AccountKind: to.Kind, HolderKind: a.HolderKind, Since: a.Since, Placed: a.Placed, CID: hex.EncodeToString(a.CID)}
	if a.calm(r.clock.Now()) {
		e.CoolOff = &CoolOff{a.CalmUntil, r.plain(max(CalmMost-a.CalmReceived, 0))}
	}
	return e
}

// memberEntry is an entry with what its participant needs to make the content
// id again.
func (r *Room) memberEntry(ctx context.Context, a *Alias) (*Entry, error) {
	to, err := r.account(ctx, func(tx *store.Tx) (*Account, error) { return listedAccount(tx, a.Account, "") })
	if err != nil {
		return nil, err
	}
	request, err := r.contentKey(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	e := r.viewEntry(a, to)
	e.HolderName, e.RequestID = to.NameEn, hex.EncodeToString(request)
	return &e, nil
}

type entryID struct {
	ID string `path:"id" maxLength:"64"`
}

type placeEntry struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		IBAN string `json:"iban" maxLength:"34" doc:"your account to which it shall lead"`
	}
}

type memberEntryID struct {
	Seat
	ID string `path:"id" maxLength:"64"`
}

type memberPlace struct {
	Seat
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		IBAN   string  `json:"iban,omitempty" maxLength:"34" doc:"account of the same customer; left out for an account number"`
		Holder *Holder `json:"holder,omitempty" doc:"for an account number: the holder's name as it is now"`
	}
}

// NewEntry is what a participant says to link an alias or to claim one.
type NewEntry struct {
	Kind  string `json:"kind" enum:"mobile,number,iban" doc:"iban: an account that you keep yourself as a connected participant; other numbers can lead to it afterwards. It cannot be claimed"`
	Value string `json:"value,omitempty" maxLength:"32" doc:"left out for an account number. Else the number; the directory keeps its keyed hash only. Of a mobile number you have made sure that your customer has it"`
	IBAN  string `json:"iban" maxLength:"34" doc:"your customer's account"`
}

type createEntry struct {
	Seat
	Body struct {
		NewEntry
		Holder *Holder `json:"holder,omitempty" doc:"for an account number: whose it is"`
	}
}

// ownEntriesAPI is what people do with their own aliases. A new one needs a
// one-time code, and so the page.
func (r *Room) ownEntriesAPI(a *api.API) {
	load := func(ctx context.Context, id string) (Alias, error) {
		found, err := r.alias(ctx, id)
		if err != nil {
			return Alias{}, err
		}
		return *found, nil
	}
	api.Handle(a, api.Operation[none, gate.House]{Method: "GET", Path: directoryPath + "/entries", ID: "directory-entries", Summary: "List the numbers that lead to your accounts", Action: "payments.alias.see"},
		func(ctx context.Context, p gate.Permit[gate.House], _ *none) (*[]Entry, error) {
			out := []Entry{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				list, err := aliasesOf(tx, p.Who().ID)
				if err != nil {
					return err
				}
				for _, l := range list {
					to, err := getAccount(tx, l.Account)
					if err != nil {
						return err
					}
					out = append(out, r.viewEntry(l, to))
				}
				return nil
			})
			return &out, err
		})
	api.Handle(a, api.Operation[placeEntry, Alias]{Method: "PUT", Path: directoryPath + "/entries/{id}", ID: "directory-entry-place", Summary: "Let a number lead to another of your accounts", Action: "payments.alias.change", Idempotent: true,
		Load: func(ctx context.Context, in *placeEntry) (Alias, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Alias], in *placeEntry) (*Entry, error) {
			to, err := r.ownAccount(ctx, in.Body.IBAN, p.Resource().Holder)
			if err != nil {
				return nil, err
			}
			moved, err := r.move(ctx, p.Who().Actor(), in.ID, to.ID, true)
			if err != nil {
				return nil, err
			}
			e := r.viewEntry(moved, to)
			return &e, nil
		})
	api.Handle(a, api.Operation[entryID, Alias]{Method: "DELETE", Path: directoryPath + "/entries/{id}", ID: "directory-entry-remove", Summary: "Take a number out of the directory", Action: "payments.alias.change", Idempotent: true,
		Load: func(ctx context.Context, in *entryID) (Alias, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Alias], in *entryID) (*struct{}, error) {
			return &struct{}{}, r.unlink(ctx, p.Who().Actor(), in.ID)
		})
}

// customer is an account of a participant's customer: one that the house keeps, or one
// that a connected participant has told the directory of.
func (r *Room) customer(ctx context.Context, participant, text string) (*Account, error) {
	iban, err := r.pack.IBAN.Parse(text)
	if err != nil {
		return nil, err
	}
	a, err := r.account(ctx, func(tx *store.Tx) (*Account, error) { return listedByIBAN(tx, string(iban)) })
	if fault.Is(err, fault.NotFound) || err == nil && a.Book != participant {
		return nil, fault.New(fault.Invalid, "payments.directory.no-customer").At("iban", "payments.directory.no-customer")
	}
	return a, err
}

// newKey reads what a participant wants to link for a customer. A national
// number must be the customer's own: as the identity record has it, or as the
// participant has said of an account outside the house.
func (r *Room) newKey(ctx context.Context, n NewEntry, to *Account) (aliasKey, error) {
	switch n.Kind {
	case aliasIBAN:
		return aliasKey{}, fault.New(fault.Conflict, "payments.outside.no-claim").At("kind", "payments.outside.no-claim")
	case AliasMobile:
		p, what, err := r.pack.Phone.Parse(n.Value)
		if err != nil || what != "mobile" {
			return aliasKey{}, fault.New(fault.Invalid, "payments.alias.no-mobile").At("value", "payments.alias.no-mobile").Because(err)
		}
		return r.keyOf(ctx, AliasMobile, string(p))
	}
	number, err := r.pack.NationalNumber.Parse(n.Value)
	if err != nil {
		return aliasKey{}, err
	}
	var own bool
	if to.outside() {
		holder, err := r.numberHolder(ctx, number.Digits)
		if err != nil {
			return aliasKey{}, err
		}
		own = holder == to.Holder
	} else if own, err = r.holdsNumber(ctx, to.Holder, number.Digits); err != nil {
		return aliasKey{}, err
	}
	if !own {
		return aliasKey{}, fault.New(fault.Conflict, "payments.alias.not-own-number").At("value", "payments.alias.not-own-number")
	}
	return r.keyOf(ctx, AliasNumber, number.Digits)
}

// memberAlias is an entry that leads to a participant's account; all others are
// unknown to it.
func (r *Room) memberAlias(ctx context.Context, participant, id string) (*Alias, error) {
	a, err := r.alias(ctx, id)
	if err == nil && a.Participant != participant {
		return nil, fault.New(fault.NotFound, "payments.alias.unknown")
	}
	return a, err
}

// probed makes a refusal that tells whether a number is in the directory, and
// whose it is, cost what a lookup costs that finds nothing: else a participant
// could scan by trying to link.
func (r *Room) probed(ctx context.Context, participant string, refusal error) error {
	switch fault.As(refusal).Key {
	case "payments.alias.other-person", "payments.alias.other-participant", "payments.claim.no-alias", "payments.claim.type-wrong":
	default:
		return refusal
	}
	err := r.db.Update(ctx, func(tx *store.Tx) error {
		p, err := r.memberPolicy(tx, participant)
		if err != nil {
			return err
		}
		p.Hit = p.Miss
		return take(tx, p, "participant/"+participant)
	})
	if err != nil {
		return err
	}
	return refusal
}

func (r *Room) memberEntriesAPI(a *api.API) {
	forMember(r, a, api.Operation[createEntry, Seat]{Method: "POST", Path: "/entries", ID: "directory-member-entry-create", Summary: "Link a number to a customer's account", Idempotent: true, Status: 201,
		Description: "A connected participant first links an account number, kind iban, with its holder's name. The same again changes nothing. payments.alias.other-participant: the number is the customer's at another participant, open a portability claim. payments.alias.other-person: it is somebody else's, open an ownership claim."}, policyEntriesWrite,
		func(ctx context.Context, p gate.Permit[Seat], in *createEntry) (*Entry, error) {
			if in.Body.Kind == aliasIBAN {
				if in.Body.Holder == nil {
					return nil, fault.New(fault.Invalid, "payments.outside.no-holder").At("body.holder", "payments.outside.no-holder")
				}
				l, err := r.list(ctx, p.Who().Actor(), in.Participant, in.Body.IBAN, *in.Body.Holder)
				if err != nil {
					return nil, err
				}
				return r.memberEntry(ctx, l)
			}
			to, err := r.customer(ctx, in.Participant, in.Body.IBAN)
			if err != nil {
				return nil, err
			}
			k, err := r.newKey(ctx, in.Body.NewEntry, to)
			if err != nil {
				return nil, err
			}
			l, err := r.link(ctx, p.Who().Actor(), to.Holder, k, to.ID, false)
			if err != nil && fault.As(err).Key == keyOtherPerson { // who has it may be the same person, known by another name
				err = r.otherPerson(ctx, k, to.Holder, err)
			}
			if err != nil {
				return nil, r.probed(ctx, in.Participant, err)
			}
			return r.memberEntry(ctx, l)
		})
	forMember(r, a, api.Operation[memberEntryID, Seat]{Method: "GET", Path: "/entries/{id}", ID: "directory-member-entry", Summary: "Read an entry of a participant"}, policyCIDEntries,
		func(ctx context.Context, _ gate.Permit[Seat], in *memberEntryID) (*Entry, error) {
			l, err := r.memberAlias(ctx, in.Participant, in.ID)
			if err != nil {
				return nil, err
			}
			return r.memberEntry(ctx, l)
		})
	forMember(r, a, api.Operation[memberPlace, Seat]{Method: "PUT", Path: "/entries/{id}", ID: "directory-member-entry-update", Summary: "Let a number lead to another account of the same customer, or change the holder's name of an account number", Idempotent: true}, policyEntriesMove,
		func(ctx context.Context, p gate.Permit[Seat], in *memberPlace) (*Entry, error) {
			entry, err := r.memberAlias(ctx, in.Participant, in.ID)
			if err != nil {
				return nil, err
			}
			if entry.Kind == aliasIBAN {
				if in.Body.Holder == nil {
					return nil, fault.New(fault.Invalid, "payments.outside.no-holder").At("body.holder", "payments.outside.no-holder")
				}
				l, err := r.rename(ctx, p.Who().Actor(), entry, in.Body.Holder.Name, in.Body.Holder.NameUrdu)
				if err != nil {
					return nil, err
				}
				return r.memberEntry(ctx, l)
			}
			to, err := r.customer(ctx, in.Participant, in.Body.IBAN)
			if err != nil {
				return nil, err
			}
			l, err := r.move(ctx, p.Who().Actor(), in.ID, to.ID, false)
			if err != nil {
				return nil, err
			}
			return r.memberEntry(ctx, l)
		})
	forMember(r, a, api.Operation[memberEntryID, Seat]{Method: "DELETE", Path: "/entries/{id}", ID: "directory-member-entry-delete", Summary: "Take a number out of the directory", Idempotent: true}, policyEntriesWrite,
		func(ctx context.Context, p gate.Permit[Seat], in *memberEntryID) (*struct{}, error) {
			if _, err := r.memberAlias(ctx, in.Participant, in.ID); err != nil {
				return nil, err
			}
			return &struct{}{}, r.unlink(ctx, p.Who().Actor(), in.ID)
		})
}
