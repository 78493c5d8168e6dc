// Package api is the house's JSON interface: typed operations on net/http's
// ServeMux through huma, an OpenAPI 3.1 document written from the Go types
// (/api/openapi.json), a page to read it (/api/docs, no script, nothing from
// elsewhere), and one form for everything that goes wrong: problem documents
// (RFC 9457, application/problem+json) made from faults, in the language the
// caller asks for (Accept-Language).
//
// # An operation
//
//	api.Handle(a, api.Operation[getFile, File]{
//		Method: "GET", Path: "/api/office/files/{id}", ID: "office-file", Summary: "Read a file",
//		Action: "office.file.read",
//		Load:   func(ctx context.Context, in *getFile) (File, error) { return r.file(ctx, in.ID) },
//	}, func(ctx context.Context, p gate.Permit[File], in *getFile) (*FileView, error) { ... })
//
// The input is a struct in huma's form: fields tagged path, query or header and
// a field Body. The output is the body itself, or a struct in huma's form when
// it has a field Body (with header fields beside it).
//
// The way of a call: who is it (Authenticator) - is the body what it says it is
// (content type, size, one well-formed JSON value without repeated names) -
// does it fit the types (unknown fields and parameters are refused) - Load -
// the gate - once only (Idempotency-Key) - the handler. Handlers return faults.
//
// A body has 30 seconds to arrive, two minutes where an operation takes more
// than DefaultBody; then it is a 408.
//
// # Once only
//
// An operation with Idempotent needs the header Idempotency-Key (IETF draft
// httpapi-idempotency-key-header). The answer is kept for a day with the key,
// the caller and the hash of the request, sealed (Options.Sealer), and pruned
// within the hour after; the same request gets the same
// answer with Idempotency-Replayed: true, another request under the key is
// refused (422), a request still running is a 409. Refusals that state a fact
// about the command (conflict, gone) are kept too; a request that could not be
// understood is not. Should the house die between the handler's commit and
// keeping the answer, the next try runs the handler again: one that moves money
// therefore calls Once inside its own transaction.
//
// # Tables
//
// api_answer.
package api
