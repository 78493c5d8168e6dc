package payments

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/store"
	"sarai/rooms/payments/fspiop"
)

// partyOf is the party that a path names: type, identifier and perhaps
// sub-identifier.
func partyOf(m *hubMessage) (kind, id, sub string, f *fspiop.Fault) {
	kind, id = m.args[0], m.args[1]
	if len(m.args) > 2 {
		sub = m.args[2]
	}
	switch {
	case !fspiop.IsIDType(kind):
		return "", "", "", fspiop.Fail(fspiop.CodeValidation, "/path/Type must be equal to one of the allowed values")
	case len(id) > 128 || len(sub) > 128:
		return "", "", "", fspiop.Fail(fspiop.CodeSyntax, "/path/ID must NOT have more than 128 characters")
	}
	return kind, id, sub, nil
}

// partyMAC is what the oracle keeps of a party: the identifier itself is a phone
// number or worse.
func (h *Hub) partyMAC(ctx context.Context, kind, id, sub string) ([]byte, error) {
	return h.room.keys.MAC(ctx, purposeAlias, []byte("hub"), []byte(kind), []byte(id), []byte(sub))
}

// register notes which participant has a party, and tells the sender.
func (h *Hub) register(ctx context.Context, m *hubMessage) error {
	kind, id, sub, f := partyOf(m)
	if f != nil {
		return f
	}
	fsp := m.value.Str("fspId")
	if !strings.EqualFold(fsp, m.from.Name) {
		return h.tellError(m, fspiop.Fail(fspiop.CodeValidation, "a participant registers its own parties only: fspId must be FSPIOP-Source"))
	}
	if err := h.putParty(ctx, kind, id, sub, m.value.Str("currency"), m.from.Name); err != nil {
		return err
	}
	return h.tell(m, m.path, hubJSON(map[string]any{"fspId": m.from.Name}))
}

func (h *Hub) putParty(ctx context.Context, kind, id, sub, currency, fsp string) error {
	mac, err := h.partyMAC(ctx, kind, id, sub)
	if err != nil {
		return err
	}
	return h.room.db.Update(ctx, func(tx *store.Tx) error {
		// A party is at one participant in a currency; the last to say so has it.
		if _, err := tx.Exec("delete from payments_hub_party where mac = $1 and currency = $2", mac, currency); err != nil {
			return err
		}
		_, err := tx.Exec("insert into payments_hub_party (mac, currency, fsp, since) values ($1, $2, $3, $4)", mac, currency, strings.ToLower(fsp), store.Micros(tx.Now()))
		return err
	})
}

// registerAll notes many parties; the callback says of each whether it was taken.
func (h *Hub) registerAll(ctx context.Context, m *hubMessage) error {
	type result struct {
		PartyID          any                      `json:"partyId"`
		ErrorInformation *fspiop.ErrorInformation `json:"errorInformation,omitempty"`
	}
	var out []result
	for i := range m.value.Get("partyList").Items {
		p := &m.value.Get("partyList").Items[i]
		id := map[string]string{}
		for _, name := range []string{"partyIdType", "partyIdentifier", "partySubIdOrType", "fspId"} {
			if v := p.Str(name); v != "" {
				id[name] = v
			}
		}
		one := result{PartyID: id}
		if !strings.EqualFold(id["fspId"], m.from.Name) {
			info := fspiop.Fail(fspiop.CodeAddParty, "fspId must be FSPIOP-Source").Information()
			one.ErrorInformation = &info
		} else if err := h.putParty(ctx, id["partyIdType"], id["partyIdentifier"], id["partySubIdOrType"], m.value.Str("currency"), m.from.Name); err != nil {
			return err
		}
		out = append(out, one)
	}
	body := map[string]any{"partyList": out}
	if c := m.value.Str("currency"); c != "" {
		body["currency"] = c
	}
	return h.tell(m, "/participants/"+url.PathEscape(m.value.Str("requestId")), hubJSON(body))
}

// oracle finds the participant that has a party; "" when nobody does.
func (h *Hub) oracle(ctx context.Context, kind, id, sub, currency string) (string, error) {
	mac, err := h.partyMAC(ctx, kind, id, sub)
	if err != nil {
		return "", err
	}
	var fsp string
	err = h.room.db.View(ctx, func(tx *store.Tx) error {
		fsp, err = store.Get(tx, store.Value[string], "select fsp from payments_hub_party where mac = $1 and ($2 = '' or currency in ('', $2)) order by currency, since desc limit 1", mac, currency)
		if fault.Is(err, fault.NotFound) {
			fsp, err = "", nil
		}
		return err
	})
	if err != nil || fsp == "" {
		return "", err
	}
	f, err := h.FSP(ctx, fsp)
	if err != nil || f == nil {
		return "", err
	}
	return f.Name, nil
}

// whoHas answers which participant has a party.
func (h *Hub) whoHas(ctx context.Context, m *hubMessage) error {
	kind, id, sub, f := partyOf(m)
	if f != nil {
		return f
	}
	fsp, err := h.oracle(ctx, kind, id, sub, "")
	if err != nil {
		return err
	}
	if fsp == "" {
		return h.tellError(m, fspiop.Fail(fspiop.CodeParty, ""))
	}
	return h.tell(m, m.path, hubJSON(map[string]any{"fspId": fsp}))
}

// unregister forgets a party that the sender has.
func (h *Hub) unregister(ctx context.Context, m *hubMessage) error {
	kind, id, sub, f := partyOf(m)
	if f != nil {
		return f
	}
	mac, err := h.partyMAC(ctx, kind, id, sub)
	if err != nil {
		return err
	}
	var n int64
	err = h.room.db.Update(ctx, func(tx *store.Tx) error {
		n, err = tx.Exec("delete from payments_hub_party where mac = $1 and fsp = $2", mac, strings.ToLower(m.from.Name))
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return h.tellError(m, fspiop.Fail(fspiop.CodeParty, ""))
	}
	return h.tell(m, m.path, hubJSON(map[string]any{"fspId": m.from.Name}))
}

// lookup asks the participant that has a party who that is.
func (h *Hub) lookup(ctx context.Context, m *hubMessage) error {
	kind, id, sub, f := partyOf(m)
	if f != nil {
		return f
	}
	to := m.head.Destination
	if to == "" {
		var err error
		if to, err = h.oracle(ctx, kind, id, sub, ""); err != nil {
			return err
		}
		if to == "" {
			return h.tellError(m, fspiop.Fail(fspiop.CodeParty, ""))
		}
	}
	return h.relay(ctx, m, to)
}

// hubJSON writes a body that cannot fail: it is made of texts.
func hubJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
