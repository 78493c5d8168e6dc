package payments

import (
	"context"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// InfractionReport is a mark as the two participants of the payment see it.
type InfractionReport struct {
	ID          string    `json:"id"`
	Transfer    string    `json:"transfer"`
	Reason      string    `json:"reason" enum:"scam,takeover,coercion,mule,other"`
	Details     string    `json:"details,omitempty"`
	State       string    `json:"state" enum:"open,acknowledged,closed,cancelled"`
	Outcome     string    `json:"outcome,omitempty" enum:"agreed,disagreed"`
	Analysis    string    `json:"analysis,omitempty"`
	Reporter    string    `json:"reporter" doc:"participant"`
	Counterpart string    `json:"counterpart" doc:"participant that is asked what it finds"`
	Opened      time.Time `json:"opened"`
	Changed     time.Time `json:"changed"`
}

func (m *Mark) view() *InfractionReport {
	return &InfractionReport{m.ID, m.Transfer, m.Reason, m.Details, m.State, m.Outcome, m.Analysis, m.Reporter, m.Counterpart, m.Opened, m.Changed}
}

type createMark struct {
	Seat
	Body struct {
		Transfer string `json:"transfer" maxLength:"64" doc:"id of a payment you are a party of, not older than 90 days"`
		Reason   string `json:"reason" enum:"scam,takeover,coercion,mule,other"`
		Details  string `json:"details,omitempty" maxLength:"2000" doc:"for the other participant and the rail's operator; name nobody"`
	}
}

type listMarks struct {
	Seat
	api.Paging
	State string `query:"state" enum:"open,acknowledged,closed,cancelled"`
}

type markID struct {
	ID string `path:"id" maxLength:"64"`
}

type closeMark struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Outcome  string `json:"outcome" enum:"agreed,disagreed"`
		Analysis string `json:"analysis,omitempty" maxLength:"2000"`
	}
}

type askStatistics struct {
	Seat
	Body struct {
		Of string `json:"of" maxLength:"64" doc:"mobile number, national number or IBAN"`
	}
}

func (r *Room) markAPI(a *api.API) {
	forMember(r, a, api.Operation[createMark, Seat]{Method: "POST", Path: "/infraction-reports", ID: "directory-infraction-report-create", Summary: "Report a payment as part of a fraud", Idempotent: true, Status: 201,
		Description: "It is about the account that received the money. The other participant acknowledges it and closes it, agreeing or not; who reported it may cancel it at any time."}, policyMarksWrite,
		func(ctx context.Context, p gate.Permit[Seat], in *createMark) (*InfractionReport, error) {
			t, err := r.transfer(ctx, in.Body.Transfer)
			if err != nil {
				return nil, err
			}
			m, err := r.report(ctx, p.Who().Actor(), in.Participant, t, in.Body.Reason, in.Body.Details)
			if err != nil {
				return nil, err
			}
			return m.view(), nil
		})
	forMember(r, a, api.Operation[listMarks, Seat]{Method: "GET", Path: "/infraction-reports", ID: "directory-infraction-reports", Summary: "List the reports a participant is a party of", Description: "By the time of the last change, oldest first."}, policyMarksList,
		func(ctx context.Context, _ gate.Permit[Seat], in *listMarks) (*api.List[InfractionReport], error) {
			changed, id := int64(0), ""
			if _, err := in.After(&changed, &id); err != nil {
				return nil, err
			}
			var list []*Mark
			err := r.db.View(ctx, func(tx *store.Tx) (err error) {
				list, err = marksOf(tx, in.Participant, in.State, store.Time(changed), id, in.Fetch())
				return err
			})
			if err != nil {
				return nil, err
			}
			page := api.NewList(in.Paging, list, func(m *Mark) []any { return []any{store.Micros(m.Changed), m.ID} })
			out := &api.List[InfractionReport]{Items: []InfractionReport{}, Next: page.Next}
			for _, m := range page.Items {
				out.Items = append(out.Items, *m.view())
			}
			return out, nil
		})
	forMember(r, a, api.Operation[askStatistics, Seat]{Method: "POST", Path: "/statistics", ID: "directory-statistics", Summary: "Count the reports about a number, its account and its holder",
		Description: "Of what the directory does not know all counts are zero."}, policyStatistics,
		func(ctx context.Context, _ gate.Permit[Seat], in *askStatistics) (*[]Stats, error) {
			k, err := r.typed(ctx, in.Body.Of)
			if err != nil {
				return nil, err
			}
			var out []Stats
			err = r.db.View(ctx, func(tx *store.Tx) error {
				account, _, err := r.find(tx, k)
				if err != nil {
					return err
				}
				if account == nil {
					account = &Account{}
				}
				out, err = statistics(tx, account, k.id)
				return err
			})
			return &out, err
		})
	load := func(ctx context.Context, id string) (Mark, error) {
		m, err := r.mark(ctx, id)
		if err != nil {
			return Mark{}, err
		}
		return *m, nil
	}
	byID := func(ctx context.Context, in *markID) (Mark, error) { return load(ctx, in.ID) }
	api.Handle(a, api.Operation[markID, Mark]{Method: "GET", Path: directoryPath + "/infraction-reports/{id}", ID: "directory-infraction-report", Summary: "Read a report", Action: "payments.mark.read", Load: byID},
		func(ctx context.Context, p gate.Permit[Mark], _ *markID) (*InfractionReport, error) {
			m := p.Resource()
			return m.view(), r.charge(ctx, policyMarksRead, r.markScope(p.Who(), m))
		})
	api.Handle(a, api.Operation[markID, Mark]{Method: "POST", Path: directoryPath + "/infraction-reports/{id}/acknowledge", ID: "directory-infraction-report-acknowledge", Summary: "Say that a report was received", Action: "payments.mark.answer", Idempotent: true, Load: byID},
		func(ctx context.Context, p gate.Permit[Mark], in *markID) (*InfractionReport, error) {
			return r.answerMark(ctx, p, in.ID, markAcknowledged, "", "")
		})
	api.Handle(a, api.Operation[closeMark, Mark]{Method: "POST", Path: directoryPath + "/infraction-reports/{id}/close", ID: "directory-infraction-report-close", Summary: "Close a report, agreeing or not", Action: "payments.mark.answer", Idempotent: true,
		Load: func(ctx context.Context, in *closeMark) (Mark, error) { return load(ctx, in.ID) }},
		func(ctx context.Context, p gate.Permit[Mark], in *closeMark) (*InfractionReport, error) {
			return r.answerMark(ctx, p, in.ID, markClosed, in.Body.Outcome, in.Body.Analysis)
		})
	api.Handle(a, api.Operation[markID, Mark]{Method: "POST", Path: directoryPath + "/infraction-reports/{id}/cancel", ID: "directory-infraction-report-cancel", Summary: "Take a report back", Action: "payments.mark.cancel", Idempotent: true, Load: byID},
		func(ctx context.Context, p gate.Permit[Mark], in *markID) (*InfractionReport, error) {
			return r.answerMark(ctx, p, in.ID, markCancelled, p.Resource().Outcome, "")
		})
}

// markScope is the participant whose bucket pays for a call about a mark.
func (r *Room) markScope(who gate.Principal, m Mark) string {
	for _, o := range who.Organisations {
		if o.Role == "participant" && o.Organisation == m.Counterpart {
			return "participant/" + m.Counterpart
		}
	}
	return "participant/" + m.Reporter
}

func (r *Room) answerMark(ctx context.Context, p gate.Permit[Mark], id, to, outcome, analysis string) (*InfractionReport, error) {
	if err := r.charge(ctx, policyMarksWrite, r.markScope(p.Who(), p.Resource())); err != nil {
		return nil, err
	}
	m, err := r.stepMark(ctx, p.Who().Actor(), id, to, outcome, analysis)
	if err != nil {
		return nil, err
	}
	return m.view(), nil
}
