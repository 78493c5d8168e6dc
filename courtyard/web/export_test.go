package web

import "context"

// Sweep ends the sessions that ran out, as Run does every ten minutes.
func (s *Site) Sweep(ctx context.Context) error { return s.sweepOnce(ctx) }

// ContentPolicy lets tests look at the policy for given form actions.
func ContentPolicy(formAction ...string) string { return contentPolicy(formAction) }

// Isolated and Cleaned are the text rules by themselves, for fuzzing.
func Isolated(s string, lang Language) string { return isolated(s, lang) }

// Cleaned gives the text and the message key of what is wrong with it.
func Cleaned(s string, lines bool) (string, string) {
	out, p := cleaned(s, lines)
	if p != nil {
		return out, p.key
	}
	return out, ""
}
