package fspiop

import (
	"encoding/json"
	"net/http"
)

// Code is an error code of the standard (API Definition 7.6): the first digit is
// the kind, 1 communication, 2 server, 3 client, 4 payer, 5 payee.
type Code string

// The codes a hub gives.
const (
	CodeCommunication     Code = "1001"
	CodeServer            Code = "2001"
	CodeNotImplemented    Code = "2002"
	CodeUnavailable       Code = "2003"
	CodeServerTimeout     Code = "2004"
	CodeClient            Code = "3000"
	CodeVersion           Code = "3001"
	CodeUnknownURI        Code = "3002"
	CodeAddParty          Code = "3003"
	CodeValidation        Code = "3100"
	CodeSyntax            Code = "3101"
	CodeMissing           Code = "3102"
	CodeTooMany           Code = "3103"
	CodeTooLarge          Code = "3104"
	CodeSignature         Code = "3105"
	CodeModified          Code = "3106"
	CodeNotFound          Code = "3200"
	CodeDestination       Code = "3201"
	CodePayerFSP          Code = "3202"
	CodePayeeFSP          Code = "3203"
	CodeParty             Code = "3204"
	CodeTransferID        Code = "3208"
	CodeExpired           Code = "3300"
	CodeTransferExpired   Code = "3303"
	CodePayerLiquidity    Code = "4001"
	CodePayerLimit        Code = "4200"
	CodePayeeRejected     Code = "5100"
	CodePayeeUnsupported  Code = "5105"
	CodePayerUnsupported  Code = "4103"
	CodePayeeRefusedPayer Code = "5104"
)

var names = map[Code]string{
	CodeCommunication: "Destination communication error", CodeServer: "Internal server error", CodeNotImplemented: "Not implemented",
	CodeUnavailable: "Service currently unavailable", CodeServerTimeout: "Server timed out",
	CodeClient: "Generic client error", CodeVersion: "Unacceptable version requested", CodeUnknownURI: "Unknown URI", CodeAddParty: "Add Party information error",
	CodeValidation: "Generic validation error", CodeSyntax: "Malformed syntax", CodeMissing: "Missing mandatory element", CodeTooMany: "Too many elements",
	CodeTooLarge: "Too large payload", CodeSignature: "Invalid signature", CodeModified: "Modified request",
	CodeNotFound: "Generic ID not found", CodeDestination: "Destination FSP Error", CodePayerFSP: "Payer FSP ID not found", CodePayeeFSP: "Payee FSP ID not found",
	CodeParty: "Party not found", CodeTransferID: "Transfer ID not found", CodeExpired: "Generic expired error", CodeTransferExpired: "Transfer expired",
	CodePayerLiquidity: "Payer FSP insufficient liquidity", CodePayerLimit: "Payer limit error", CodePayeeRejected: "Generic Payee rejection",
	CodePayeeUnsupported: "Payee unsupported currency", CodePayerUnsupported: "Payer unsupported currency", CodePayeeRefusedPayer: "Payee rejected transaction",
}

// Name is what the standard calls the error.
func (c Code) Name() string { return names[c] }

// status is the HTTP status of an error that is answered at once (API Definition
// 3.2.2, 7.6).
func (c Code) status() int {
	switch {
	case c == CodeVersion:
		return http.StatusNotAcceptable
	case c == CodeUnknownURI:
		return http.StatusNotFound
	case c == CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case c == CodeNotImplemented:
		return http.StatusNotImplemented
	case c == CodeUnavailable:
		return http.StatusServiceUnavailable
	case len(c) > 0 && c[0] < '3':
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// Extension is one entry of an extensionList.
type Extension struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Fault is an error of the standard. Its text is read by the other side: it says
// what to change and holds no personal data.
type Fault struct {
	Code       Code
	Detail     string // after the code's name; may be empty
	Status     int    // HTTP; 0 takes the code's
	Extensions []Extension
}

// Fail makes a fault.
func Fail(code Code, detail string) *Fault { return &Fault{Code: code, Detail: detail} }

// mostDescription is the length of errorDescription in characters.
const mostDescription = 128

// Description is errorDescription: the code's name and what is wrong.
func (f *Fault) Description() string {
	text := f.Code.Name()
	if f.Detail != "" {
		text += " - " + f.Detail
	}
	if r := []rune(text); len(r) > mostDescription {
		text = string(r[:mostDescription])
	}
	return text
}

// Error implements error.
func (f *Fault) Error() string { return string(f.Code) + " " + f.Description() }

// HTTP is the status of a direct answer.
func (f *Fault) HTTP() int {
	if f.Status != 0 {
		return f.Status
	}
	return f.Code.status()
}

// ErrorInformation is the standard's form of an error.
type ErrorInformation struct {
	ErrorCode        string         `json:"errorCode"`
	ErrorDescription string         `json:"errorDescription"`
	ExtensionList    *ExtensionList `json:"extensionList,omitempty"`
}

// ExtensionList is the standard's list of additions, at most 16.
type ExtensionList struct {
	Extension []Extension `json:"extension"`
}

// Information gives the fault in the standard's form.
func (f *Fault) Information() ErrorInformation {
	out := ErrorInformation{ErrorCode: string(f.Code), ErrorDescription: f.Description()}
	if len(f.Extensions) > 0 {
		out.ExtensionList = &ExtensionList{f.Extensions}
	}
	return out
}

// JSON is the body of an error: as an answer, or of a callback to .../error.
func (f *Fault) JSON() []byte {
	b, err := json.Marshal(struct {
		ErrorInformation ErrorInformation `json:"errorInformation"`
	}{f.Information()})
	if err != nil {
		panic(err) // strings only
	}
	return b
}
