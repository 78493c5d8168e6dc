package payments

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
	"sarai/rooms/payments/centraladmin"
	"sarai/rooms/payments/fspiop"
)

// Where the hub's operator finds what Mojaloop has as services of their own.
const (
	hubAdminPath  = "/admin"
	hubSettlePath = "/settlement/v2"
	hubOraclePath = "/als-admin"
)

// What an operator of the hub does.
const (
	actionHubRead    = "payments.hub.read"
	actionHubOperate = "payments.hub.operate"
)

// hubAnswer is what is answered: a status and, unless nil, a body.
type hubAnswer struct {
	status int
	body   any
}

// admin answers the hub's operator: the central ledger's admin interface, the
// settlement interface and that of the account lookup service.
func (h *Hub) admin(mux *http.ServeMux) {
	read, operate := actionHubRead, actionHubOperate
	for _, base := range []string{hubAdminPath, hubSettlePath, hubOraclePath} {
		mux.HandleFunc("GET "+base+"/health", h.health)
		mux.HandleFunc(base+"/", func(w http.ResponseWriter, r *http.Request) {
			writeHubFault(w, fspiop.Fail(fspiop.CodeUnknownURI, r.Method+" of this path is not known"))
		})
	}
	for _, r := range []struct {
		pattern, action string
		do              func(ctx context.Context, r *http.Request) (hubAnswer, error)
	}{
		{"GET " + hubAdminPath + "/participants", read, h.listParticipants},
		{"POST " + hubAdminPath + "/participants", operate, h.addParticipant},
		{"GET " + hubAdminPath + "/participants/limits", read, h.listLimits},
		{"GET " + hubAdminPath + "/participants/{name}", read, h.showParticipant},
		{"PUT " + hubAdminPath + "/participants/{name}", operate, h.activateParticipant},
		{"GET " + hubAdminPath + "/participants/{name}/accounts", read, h.listAccounts},
		{"POST " + hubAdminPath + "/participants/{name}/accounts", operate, h.addHubAccount},
		{"PUT " + hubAdminPath + "/participants/{name}/accounts/{id}", operate, h.activateAccount},
		{"POST " + hubAdminPath + "/participants/{name}/accounts/{id}", operate, h.recordFund},
		{"PUT " + hubAdminPath + "/participants/{name}/accounts/{id}/transfers/{transfer}", operate, h.finishFund},
		{"GET " + hubAdminPath + "/participants/{name}/limits", read, h.showLimits},
		{"PUT " + hubAdminPath + "/participants/{name}/limits", operate, h.changeLimit},
		{"POST " + hubAdminPath + "/participants/{name}/initialPositionAndLimits", operate, h.beginLimit},
		{"GET " + hubAdminPath + "/participants/{name}/positions", read, h.showPositions},
		{"GET " + hubAdminPath + "/participants/{name}/endpoints", read, h.listEndpoints},
		{"POST " + hubAdminPath + "/participants/{name}/endpoints", operate, h.addEndpoint},
		{"GET " + hubAdminPath + "/ledgerAccountTypes", read, h.listAccountTypes},
		{"GET " + hubAdminPath + "/enums", read, h.listEnums},
		{"GET " + hubAdminPath + "/settlementModels", read, h.listModels},
		{"POST " + hubAdminPath + "/settlementModels", operate, h.addModel},
		{"GET " + hubAdminPath + "/settlementModels/{name}", read, h.showModel},
		{"PUT " + hubAdminPath + "/settlementModels/{name}", operate, h.activateModel},
		{"GET " + hubOraclePath + "/oracles", read, h.listOracles},
		{"POST " + hubOraclePath + "/oracles", operate, h.addOracle},
		{"PUT " + hubOraclePath + "/oracles/{id}", operate, h.changeOracle},
		{"DELETE " + hubOraclePath + "/oracles/{id}", operate, h.dropOracle},
		{"GET " + hubSettlePath + "/settlementWindows", read, h.listWindows},
		{"GET " + hubSettlePath + "/settlementWindows/{id}", read, h.showWindow},
		{"POST " + hubSettlePath + "/settlementWindows/{id}", operate, h.closeHubWindow},
		{"GET " + hubSettlePath + "/settlements", read, h.listSettlements},
		{"POST " + hubSettlePath + "/settlements", operate, h.addSettlement},
		{"GET " + hubSettlePath + "/settlements/{id}", read, h.showSettlement},
		{"PUT " + hubSettlePath + "/settlements/{id}", operate, h.stepSettlement},
		{"GET " + hubSettlePath + "/settlements/{id}/participants/{pid}", read, h.showSettlement},
		{"PUT " + hubSettlePath + "/settlements/{id}/participants/{pid}", operate, h.stepSettlement},
		{"GET " + hubSettlePath + "/settlements/{id}/participants/{pid}/accounts/{aid}", read, h.showSettlement},
		{"PUT " + hubSettlePath + "/settlements/{id}/participants/{pid}/accounts/{aid}", operate, h.stepSettlement},
	} {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, q *http.Request) { h.operated(w, q, r.action, r.do) })
	}
}

// operated asks the gate and answers.
func (h *Hub) operated(w http.ResponseWriter, r *http.Request, action string, do func(context.Context, *http.Request) (hubAnswer, error)) {
	who, err := h.operator(r)
	if err == nil {
		_, err = gate.Authorize(r.Context(), h.room.gate, who, action, hubSeat("hub"))
	}
	var out hubAnswer
	if err == nil {
		out, err = do(gate.With(r.Context(), who), r)
	}
	if err != nil {
		h.writeFault(w, r, err)
		return
	}
	if out.body == nil {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(out.status)
		return
	}
	b, err := json.Marshal(out.body)
	if err != nil {
		h.writeFault(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(out.status)
	_, _ = w.Write(b)
}

// operator says who asks: whoever an access token speaks for; on a hub whose line is
// guarded by something else, its operator.
func (h *Hub) operator(r *http.Request) (gate.Principal, error) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case bearer && h.verify != nil:
		return h.verify(r.Context(), token)
	case h.unsigned:
		return gate.Principal{Kind: gate.Client, ID: "hub-operator", Organisations: []gate.Membership{{Organisation: "hub", Role: "operator"}}}, nil
	}
	return gate.Principal{Kind: gate.Anonymous}, nil
}

// writeFault answers an error in the standard's form.
func (h *Hub) writeFault(w http.ResponseWriter, r *http.Request, err error) {
	var f *fspiop.Fault
	if errors.As(err, &f) {
		writeHubFault(w, f)
		return
	}
	e := fault.As(err)
	status := e.Kind.Status()
	code := fspiop.CodeClient
	switch e.Kind {
	case fault.Invalid, fault.Conflict:
		code, status = fspiop.CodeValidation, http.StatusBadRequest
	case fault.NotFound:
		code = fspiop.CodeNotFound
	case fault.Unauthenticated, fault.Forbidden:
	case fault.Unavailable:
		code = fspiop.CodeUnavailable
	default:
		h.room.log.ErrorContext(r.Context(), "the hub's operator could not be answered", "method", r.Method, "error", err)
		code = fspiop.CodeServer
	}
	writeHubFault(w, &fspiop.Fault{Code: code, Status: status})
}

// adminBody reads a message.
func adminBody[T any, P interface {
	*T
	centraladmin.Request
}](r *http.Request) (T, error) {
	var v T
	if f := centraladmin.Read(r.Body, P(&v)); f != nil {
		return v, f
	}
	return v, nil
}

// pathNumber reads a whole number out of the path.
func pathNumber(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || n < 1 {
		return 0, fspiop.Fail(fspiop.CodeSyntax, name+" in the path: a whole number is wanted")
	}
	return n, nil
}

// next counts on.
func nextNumber(tx *store.Tx, name string) (int64, error) {
	return store.Get(tx, store.Value[int64], "insert into payments_hub_counter (name, last) values ($1, 1) on conflict (name) do update set last = payments_hub_counter.last + 1 returning last", name)
}

// notFound is answered with 400, as the central ledger does.
func notFound(what string) error { return fspiop.Fail(fspiop.CodeNotFound, what) }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
