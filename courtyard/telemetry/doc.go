// Package telemetry is how the house is watched from outside: log lines
// (log/slog, JSON or text), measures (Prometheus, /metrics), traces
// (OpenTelemetry over OTLP/HTTP, off unless an address is configured; W3C Trace
// Context) and the two questions a supervisor asks, /healthz (is it alive) and
// /readyz (may it be given work, and if not, which part is the reason).
//
// # No personal data
//
// Every log line passes the scrubber: values under telling names (password,
// token, cnic ...) are hidden, and whatever looks like a national number, an
// IBAN, a telephone number, an e-mail address or a credential is replaced in
// messages and values alike, in ASCII, Arabic and Urdu digits, also with
// invisible characters in between. It hides too much rather than too little:
// any thirteen digits are taken for a national number. It is the last net, not
// the rule; the rule is that nobody logs such things.
//
// Measures and traces name the route's pattern, never the path or query.
//
// telemetry is a leaf: it knows nothing of the rest. Others hand it their
// checks (Check) and figures (Figure), or use Registry.
package telemetry
