// Package wire lets two parties speak signed ISO 20022 messages over HTTPS in
// which both show certificates. It knows nothing of a ledger: the rail uses it on
// one side, a participant's program on the other, and both the same way.
//
//	party := &wire.Party{BIC: "SARAPKKA", Certificate: tls, Signer: signer, Peers: peers}
//	server := &http.Server{Handler: party.Handler(answer), TLSConfig: party.ServerTLS()}
//	reply, err := party.Send(ctx, peer, document)
//
// # One exchange
//
// A message is the body of a POST; the answer's body is a message too: the status
// of a payment (pacs.002), a report, or admi.002 when the message was not
// understood. The answer to a message whose sender is not known, or that somebody
// else signed, is plain text with HTTP 403 and says nothing more.
//
// # What is checked of a message before its receiver sees it
//
//   - the TLS certificate is one that is pinned for a peer, and it is that peer's;
//     no certification authority is trusted, only certificates that were handed over
//     when the peer was admitted;
//   - the signature (package xmldsig) is by a certificate handed over by the same
//     peer; only the bytes that were signed are used;
//   - the header's Fr is that peer and its To is us; MsgDefIdr is the name of the
//     document; CreDt lies within the window around now;
//   - header and document are valid against their schemas.
//
// A message that is sent twice within the window is answered twice: what it does
// must be idempotent by its own identification (UETR), which is where a
// repetition over days is caught as well.
package wire
