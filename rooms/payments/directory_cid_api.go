package payments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/fault"
	"sarai/courtyard/gate"
	"sarai/courtyard/store"
)

// SyncVerification says whether a participant's copy is the directory's.
type SyncVerification struct {
	Participant string    `json:"participant"`
	Kind        string    `json:"kind" enum:"mobile,number,iban"`
	Result      string    `json:"result" enum:"ok,nok"`
	VSync       string    `json:"vsync" doc:"the directory's"`
	Size        int64     `json:"size" doc:"entries of the participant and kind"`
	Seq         int64     `json:"seq" doc:"number of the last event that is in it"`
	At          time.Time `json:"at"`
	Changed     time.Time `json:"changed" doc:"time of that event"`
}

// CIDEvent is one change of a participant's entries.
type CIDEvent struct {
	Seq       int64     `json:"seq" doc:"1, 2, 3 ... without gaps for a participant and kind"`
	Operation string    `json:"operation" enum:"added,removed"`
	CID       string    `json:"cid"`
	At        time.Time `json:"at"`
}

type syncVerification struct {
	Seat
	Body struct {
		Kind  string `json:"kind" enum:"mobile,number,iban"`
		VSync string `json:"vsync" pattern:"^[0-9a-f]{64}$" doc:"exclusive or of the content ids of your entries of this kind, in hexadecimal; 64 zeros when there is none"`
	}
}

type cidList struct {
	Seat
	api.Paging
	Kind string `query:"kind" enum:"mobile,number,iban" required:"true"`
}

type cidEvents struct {
	Seat
	Kind  string `query:"kind" enum:"mobile,number,iban" required:"true"`
	After int64  `query:"after" minimum:"0" doc:"number of the last event you have"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type cidEntry struct {
	Seat
	CID string `path:"cid" pattern:"^[0-9a-f]{64}$"`
}

// contentAPI lets a participant find out whether its copy is complete, and
// where it is not.
func (r *Room) contentAPI(a *api.API) {
	forMember(r, a, api.Operation[syncVerification, Seat]{Method: "POST", Path: "/sync-verifications", ID: "directory-sync-verification", Summary: "Verify that your copy equals the directory"}, policySync,
		func(ctx context.Context, _ gate.Permit[Seat], in *syncVerification) (*SyncVerification, error) {
			yours, err := hex.DecodeString(in.Body.VSync)
			if err != nil {
				return nil, fault.New(fault.Invalid, "api.invalid").Because(err)
			}
			v := &SyncVerification{Participant: in.Participant, Kind: in.Body.Kind, Result: "nok"}
			err = r.db.View(ctx, func(tx *store.Tx) error {
				s, err := contentSet(tx, in.Participant, in.Body.Kind)
				if err != nil {
					return err
				}
				if v.VSync, v.Size, v.Seq, v.Changed, v.At = hex.EncodeToString(s.VSync), s.Size, s.Seq, s.Changed, tx.Now(); s.agrees(yours) {
					v.Result = "ok"
				}
				return nil
			})
			return v, err
		})
	forMember(r, a, api.Operation[cidEvents, Seat]{Method: "GET", Path: "/cids/events", ID: "directory-cid-events", Summary: "List what was added and removed since"}, policyCIDEvents,
		func(ctx context.Context, _ gate.Permit[Seat], in *cidEvents) (*[]CIDEvent, error) {
			out := []CIDEvent{}
			err := r.db.View(ctx, func(tx *store.Tx) error {
				list, err := contentEvents(tx, in.Participant, in.Kind, in.After, in.Limit)
				for _, e := range list {
					out = append(out, CIDEvent{e.Seq, e.Operation, hex.EncodeToString(e.CID), e.At})
				}
				return err
			})
			return &out, err
		})
	forMember(r, a, api.Operation[cidList, Seat]{Method: "GET", Path: "/cids", ID: "directory-cids", Summary: "List the content ids of all your entries of a kind"}, policyCIDList,
		func(ctx context.Context, _ gate.Permit[Seat], in *cidList) (*api.List[string], error) {
			after := make([]byte, 0, sha256.Size)
			if _, err := in.After(&after); err != nil {
				return nil, err
			}
			var list [][]byte
			err := r.db.View(ctx, func(tx *store.Tx) (err error) {
				list, err = contentIDs(tx, in.Participant, in.Kind, after, in.Fetch())
				return err
			})
			if err != nil {
				return nil, err
			}
			page := api.NewList(in.Paging, list, func(cid []byte) []any { return []any{cid} })
			out := &api.List[string]{Items: []string{}, Next: page.Next}
			for _, cid := range page.Items {
				out.Items = append(out.Items, hex.EncodeToString(cid))
			}
			return out, nil
		})
	forMember(r, a, api.Operation[cidEntry, Seat]{Method: "GET", Path: "/cids/entries/{cid}", ID: "directory-cid-entry", Summary: "Read the entry with a content id"}, policyCIDEntries,
		func(ctx context.Context, _ gate.Permit[Seat], in *cidEntry) (*Entry, error) {
			cid, err := hex.DecodeString(in.CID)
			if err != nil {
				return nil, fault.New(fault.Invalid, "api.invalid").Because(err)
			}
			var l *Alias
			err = r.db.View(ctx, func(tx *store.Tx) (err error) {
				l, err = store.Get(tx, scanAlias, "select "+aliasColumns+" from payments_alias where participant = $1 and cid = $2", in.Participant, cid)
				if fault.Is(err, fault.NotFound) {
					err = fault.New(fault.NotFound, "payments.alias.unknown")
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			return r.memberEntry(ctx, l)
		})
}
