package office

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"sarai/courtyard/api"
	"sarai/courtyard/gate"
)

// fileView is a file as the interface gives it.
type fileView struct {
	ID          string         `json:"id"`
	Number      string         `json:"number" doc:"The number as it is written, F.No."`
	Office      string         `json:"office"`
	Service     string         `json:"service,omitempty"`
	Application string         `json:"application,omitempty"`
	Subject     subjectView    `json:"subject"`
	State       string         `json:"state" enum:"open,approved,refused,closed"`
	Holder      string         `json:"holder" doc:"The post that has it."`
	Next        string         `json:"next,omitempty" doc:"The next post of its route."`
	Paras       int64          `json:"paras" doc:"How many signed paras it has."`
	Moves       int64          `json:"moves"`
	Opened      time.Time      `json:"opened"`
	Due         time.Time      `json:"due"`
	Reason      string         `json:"reason,omitempty"`
	Notes       []noteView     `json:"notes,omitempty"`
	Movements   []movementView `json:"movements,omitempty"`
	Papers      []paperView    `json:"papers,omitempty"`
	Sound       *bool          `json:"sound,omitempty" doc:"Whether the signatures and digests of all paras hold."`
}

type subjectView struct {
	En string `json:"en"`
	Ur string `json:"ur,omitempty"`
}

type noteView struct {
	N         int64     `json:"n"`
	Kind      string    `json:"kind" enum:"note,order"`
	Post      string    `json:"post"`
	Charge    string    `json:"charge"`
	Text      string    `json:"text"`
	At        time.Time `json:"at"`
	Digest    string    `json:"digest" doc:"SHA-256 of the canonical form, hexadecimal."`
	Previous  string    `json:"previous"`
	Key       string    `json:"key"`
	Signature string    `json:"signature" doc:"ECDSA P-256, ASN.1, hexadecimal."`
}

type movementView struct {
	N    int64     `json:"n"`
	Kind string    `json:"kind" enum:"open,forward,return,pull-back"`
	From string    `json:"from,omitempty"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
}

type paperView struct {
	N         int64       `json:"n"`
	Title     subjectView `json:"title"`
	MediaType string      `json:"mediaType"`
	Size      int64       `json:"size"`
}

func viewOf(f File) fileView {
	return fileView{
		ID: f.ID, Number: f.Number, Office: f.Office, Service: f.Service, Application: f.Application, Subject: subjectView{f.SubjectEn, f.SubjectUr},
		State: f.State, Holder: f.Holder, Next: f.Next(), Paras: f.Paras, Moves: f.Moves, Opened: f.Opened, Due: f.Due, Reason: f.Reason,
	}
}

func viewOfPara(p Para) noteView {
	return noteView{
		N: p.N, Kind: p.Kind, Post: p.Post, Charge: p.Charge, Text: p.Body, At: p.At,
		Digest: hex.EncodeToString(p.Digest), Previous: hex.EncodeToString(p.Previous), Key: p.Key, Signature: hex.EncodeToString(p.Signature),
	}
}

func viewOfMovement(m Movement) movementView {
	return movementView{N: m.N, Kind: m.Kind, From: m.From, To: m.To, At: m.At}
}

type listIn struct {
	Application string `query:"application" maxLength:"80" doc:"Only the file of this application."`
	Limit       int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type fileIn struct {
	ID string `path:"id" maxLength:"64"`
}

type noteIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Text string `json:"text" maxLength:"16000" doc:"At most 4,000 characters."`
		N    int64  `json:"n,omitempty" minimum:"0" doc:"The number the para will have. A number that is signed already is refused."`
	}
}

type forwardIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		To string `json:"to,omitempty" maxLength:"80" doc:"A post; the route's next one when it is left out."`
	}
}

type decideIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Outcome string `json:"outcome" enum:"approved,refused"`
		Reason  string `json:"reason,omitempty" maxLength:"4000" doc:"Given to the applicant; required for a refusal."`
	}
}

type saved struct {
	Saved bool `json:"saved"`
}

func (r *Room) api(a *api.API) {
	files := "/api/office/files"
	api.Handle(a, api.Operation[listIn, gate.House]{
		Method: http.MethodGet, Path: files, ID: "office-files", Summary: "List the files on the desk of the post you act in", Action: "office.desk.see",
	}, func(ctx context.Context, p gate.Permit[gate.House], in *listIn) (*api.List[fileView], error) {
		all, err := r.Desk(ctx, p)
		if err != nil {
			return nil, err
		}
		out := &api.List[fileView]{Items: []fileView{}}
		for _, f := range all {
			if len(out.Items) < max(in.Limit, 1) && (in.Application == "" || f.Application == in.Application) {
				out.Items = append(out.Items, viewOf(f))
			}
		}
		return out, nil
	})
	api.Handle(a, api.Operation[fileIn, File]{
		Method: http.MethodGet, Path: files + "/{id}", ID: "office-file", Summary: "Read a file: notes, papers, movements", Action: "office.file.read",
		Load: func(ctx context.Context, in *fileIn) (File, error) { return r.File(ctx, in.ID) },
	}, func(ctx context.Context, p gate.Permit[File], _ *fileIn) (*fileView, error) {
		c, err := r.Open(ctx, p)
		if err != nil {
			return nil, err
		}
		v := viewOf(c.File)
		for _, x := range c.Paras {
			v.Notes = append(v.Notes, viewOfPara(x))
		}
		for _, x := range c.Moves {
			v.Movements = append(v.Movements, viewOfMovement(x))
		}
		for _, x := range c.Papers {
			v.Papers = append(v.Papers, paperView{x.N, subjectView{x.TitleEn, x.TitleUr}, x.MediaType, x.Size})
		}
		sound := len(c.Findings) == 0
		v.Sound = &sound
		return &v, nil
	})
	api.Handle(a, api.Operation[noteIn, File]{
		Method: http.MethodPut, Path: files + "/{id}/draft", ID: "office-file-note", Summary: "Write the draft of the next para", Action: "office.note.write",
		Load: func(ctx context.Context, in *noteIn) (File, error) { return r.File(ctx, in.ID) },
	}, func(ctx context.Context, p gate.Permit[File], in *noteIn) (*saved, error) {
		if err := r.SaveDraft(ctx, p, in.Body.N, in.Body.Text); err != nil {
			return nil, err
		}
		return &saved{true}, nil
	})
	api.Handle(a, api.Operation[fileIn, File]{
		Method: http.MethodPost, Path: files + "/{id}/sign", ID: "office-file-sign", Summary: "Sign your draft as the next para", Action: "office.note.sign", Idempotent: true,
		Load: func(ctx context.Context, in *fileIn) (File, error) { return r.File(ctx, in.ID) },
	}, func(ctx context.Context, p gate.Permit[File], _ *fileIn) (*noteView, error) {
		para, err := r.Sign(ctx, p)
		if err != nil {
			return nil, err
		}
		v := viewOfPara(para)
		return &v, nil
	})
	api.Handle(a, api.Operation[forwardIn, File]{
		Method: http.MethodPost, Path: files + "/{id}/forward", ID: "office-file-forward", Summary: "Send the file to another post", Action: "office.file.forward", Idempotent: true,
		Load: func(ctx context.Context, in *forwardIn) (File, error) { return r.File(ctx, in.ID) },
	}, func(ctx context.Context, p gate.Permit[File], in *forwardIn) (*movementView, error) {
		m, err := r.Forward(ctx, p, in.Body.To)
		if err != nil {
			return nil, err
		}
		v := viewOfMovement(m)
		return &v, nil
	})
	api.Handle(a, api.Operation[fileIn, File]{
		Method: http.MethodPost, Path: files + "/{id}/pull-back", ID: "office-file-pull-back", Summary: "Take a file back that has not been opened", Action: "office.file.pull-back", Idempotent: true,
		Load: func(ctx context.Context, in *fileIn) (File, error) { return r.File(ctx, in.ID) },
	}, func(ctx context.Context, p gate.Permit[File], _ *fileIn) (*movementView, error) {
		m, err := r.PullBack(ctx, p)
		if err != nil {
			return nil, err
		}
		v := viewOfMovement(m)
		return &v, nil
	})
	api.Handle(a, api.Operation[decideIn, File]{
		Method: http.MethodPost, Path: files + "/{id}/decide", ID: "office-file-decide", Summary: "Decide the case by a signed order", Action: "office.file.decide", Idempotent: true,
		Load: func(ctx context.Context, in *decideIn) (File, error) { return r.File(ctx, in.ID) },
	}, func(ctx context.Context, p gate.Permit[File], in *decideIn) (*noteView, error) {
		para, err := r.Decide(ctx, p, in.Body.Outcome, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		v := viewOfPara(para)
		return &v, nil
	})
	api.Handle(a, api.Operation[trackIn, Track]{
		Method: http.MethodGet, Path: "/api/office/tracking/{application}", ID: "office-tracking", Summary: "Where the file of your application is", Action: "office.track.see",
		Load: func(ctx context.Context, in *trackIn) (Track, error) {
			t, err := r.Tracking(ctx, in.Application)
			return Track{t}, err
		},
	}, func(_ context.Context, p gate.Permit[Track], _ *trackIn) (*trackView, error) {
		t := p.Resource().Tracking
		v := &trackView{Number: t.Number, Diary: t.Diary, State: t.State, Due: t.Due}
		for _, s := range t.Steps {
			v.Steps = append(v.Steps, trackStep{Post: s.Post, Title: subjectView{s.Title["en"], s.Title["ur"]}, State: s.State, At: s.At})
		}
		return v, nil
	})
}

type trackIn struct {
	Application string `path:"application" maxLength:"80"`
}

type trackStep struct {
	Post  string      `json:"post"`
	Title subjectView `json:"title"`
	State string      `json:"state" enum:"done,now,later"`
	At    time.Time   `json:"at,omitzero"`
}

type trackView struct {
	Number string      `json:"number"`
	Diary  string      `json:"diary"`
	State  string      `json:"state"`
	Due    time.Time   `json:"due"`
	Steps  []trackStep `json:"steps"`
}

// Track is the way of an application's file, as the gate is asked about it.
type Track struct{ Tracking }

// GateResource gives OfficeTrack::"<file>".
func (t Track) GateResource() gate.Resource {
	return gate.Resource{Type: "OfficeTrack", ID: t.File, Attrs: map[string]any{"applicant": t.Applicant}}
}
