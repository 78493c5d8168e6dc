package centraladmin

import "sarai/rooms/payments/fspiop"

// OraclePost is the body of POST /oracles and PUT /oracles/{ID}: who knows which
// participant has a party of a kind.
type OraclePost struct {
	IDType   string         `json:"oracleIdType"`
	Endpoint OracleEndpoint `json:"endpoint"`
	Currency string         `json:"currency"`
	Default  bool           `json:"isDefault"`
}

// OracleEndpoint is an oracle's address.
type OracleEndpoint struct {
	Value string `json:"value"`
	Type  string `json:"endpointType"`
}

// PartyTypes are the kinds of identifiers (API Definition 7.3.25).
var PartyTypes = []string{"MSISDN", "EMAIL", "PERSONAL_ID", "BUSINESS", "DEVICE", "ACCOUNT_ID", "IBAN", "ALIAS"}

// Check implements [Request].
func (p *OraclePost) Check() *fspiop.Fault {
	return first(address("endpoint.value", p.Endpoint.Value), oneOf("oracleIdType", p.IDType, PartyTypes...), oneOf("endpoint.endpointType", p.Endpoint.Type, "URL"), currency("currency", p.Currency, false))
}

// Oracle is one that is registered.
type Oracle struct {
	ID       string         `json:"oracleId"`
	IDType   string         `json:"oracleIdType"`
	Endpoint OracleEndpoint `json:"endpoint"`
	Currency string         `json:"currency,omitempty"`
	Default  bool           `json:"isDefault"`
}
