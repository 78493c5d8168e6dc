package payments

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"sarai/rooms/payments/fspiop"
)

// hubKinds are the kinds of addresses by what a path names first: of requests, of
// callbacks, and of callbacks that tell an error.
var hubKinds = map[string][3]string{
	"participants":        {"PARTICIPANT", "PARTICIPANT_PUT", "PARTICIPANT_PUT_ERROR"},
	"parties":             {"PARTIES_GET", "PARTIES_PUT", "PARTIES_PUT_ERROR"},
	"quotes":              {"QUOTES", "QUOTES", "QUOTES"},
	"transactionRequests": {"TRX_REQ_SERVICE", "TRX_REQ_SERVICE", "TRX_REQ_SERVICE"},
	"authorizations":      {"AUTHORIZATIONS", "AUTHORIZATIONS", "AUTHORIZATIONS"},
	"transfers":           {"TRANSFER_POST", "TRANSFER_PUT", "TRANSFER_ERROR"},
	"bulkTransfers":       {"BULK_TRANSFER_POST", "BULK_TRANSFER_PUT", "BULK_TRANSFER_ERROR"},
	"fxQuotes":            {"FX_QUOTES", "FX_QUOTES", "FX_QUOTES"},
	"fxTransfers":         {"FX_TRANSFER_POST", "FX_TRANSFER_PUT", "FX_TRANSFER_ERROR"},
}

func resourceOf(path string) string {
	resource, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return resource
}

func hubKind(method, path string) string {
	kinds := hubKinds[resourceOf(path)]
	switch {
	case strings.HasSuffix(path, "/error"):
		return kinds[2]
	case method == http.MethodPut || method == http.MethodPatch:
		return kinds[1]
	}
	return kinds[0]
}

// relayOn carries a request to the participant it is for. What the two agree on is
// theirs; the hub keeps nothing of it. If it cannot be delivered the sender is told.
func (h *Hub) relayOn(ctx context.Context, m *hubMessage) error {
	to := m.head.Destination
	if to == "" {
		return fspiop.Fail(fspiop.CodeMissing, "/header must have required property 'fspiop-destination'")
	}
	return h.relay(ctx, m, to)
}

// relay sends a request on, or tells its sender why not.
func (h *Hub) relay(ctx context.Context, m *hubMessage, to string) error {
	fsp, err := h.FSP(ctx, to)
	if err != nil {
		return err
	}
	if fsp == nil || !fsp.Active || unsupported(m, fsp) {
		return h.tellError(m, fspiop.Fail(fspiop.CodeDestination, "Unsupported participant '"+to+"'"))
	}
	c := h.forward(m, fsp.Name, hubKind(m.method, m.path))
	c.id = ""
	c.lost = func(answered bool) {
		f := fspiop.Fail(fspiop.CodeCommunication, "")
		if answered {
			f = fspiop.Fail(fspiop.CodeClient, "the destination did not take the message")
		}
		late := *m
		late.after = nil
		if h.tellError(&late, f) == nil {
			h.dispatch(late.after)
		}
	}
	return h.out.later(m, c)
}

// unsupported says that a quote is for a participant whose account in the currency may
// not be used now.
func unsupported(m *hubMessage, to *HubFSP) bool {
	if m.value == nil || resourceOf(m.path) != "quotes" {
		return false
	}
	c, ok := to.currency(m.value.Str("amount", "currency"))
	return ok && !c.Active
}

// relayBack carries a callback to the participant that asked.
func (h *Hub) relayBack(ctx context.Context, m *hubMessage) error {
	to := m.head.Destination
	if to == "" && resourceOf(m.path) == "participants" {
		return nil // an oracle's answer, and the oracle is the hub's own
	}
	if to == "" {
		return fspiop.Fail(fspiop.CodeMissing, "/header must have required property 'fspiop-destination'")
	}
	if strings.EqualFold(to, h.name) {
		return nil // an answer to the hub itself
	}
	fsp, err := h.FSP(ctx, to)
	if err != nil {
		return err
	}
	if fsp == nil {
		return h.tellError(m, fspiop.Fail(fspiop.CodeDestination, "the destination is not a participant"))
	}
	c := h.forward(m, fsp.Name, hubKind(m.method, m.path))
	c.id = ""
	return h.out.later(m, c)
}

// errorPath is where the sender of a message hears that it came to nothing.
func errorPath(m *hubMessage) string {
	path := m.path
	if m.method == http.MethodPost && m.value != nil {
		switch resourceOf(path) {
		case "quotes":
			path += "/" + url.PathEscape(m.value.Str("quoteId"))
		case "transactionRequests":
			path += "/" + url.PathEscape(m.value.Str("transactionRequestId"))
		case "transfers":
			path += "/" + url.PathEscape(m.value.Str("transferId"))
		case "bulkTransfers":
			path += "/" + url.PathEscape(m.value.Str("bulkTransferId"))
		case "fxQuotes":
			path += "/" + url.PathEscape(m.value.Str("conversionRequestId"))
		case "fxTransfers":
			path += "/" + url.PathEscape(m.value.Str("commitRequestId"))
		}
	}
	return strings.TrimSuffix(path, "/error") + "/error"
}

// tellError tells the sender of a message, by a callback, that it came to nothing.
func (h *Hub) tellError(m *hubMessage, f *fspiop.Fault) error {
	return h.tell(m, errorPath(m), f.JSON())
}

// tell sends the sender of a message a callback that the hub does not keep.
func (h *Hub) tell(m *hubMessage, path string, body []byte) error {
	c, err := h.own(m.from.Name, http.MethodPut, hubKind(http.MethodPut, path), resourceOf(path), path, m.head.Callback(), body)
	if err != nil {
		return err
	}
	c.id = ""
	return h.out.later(m, c)
}
