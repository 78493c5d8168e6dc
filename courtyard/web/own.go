package web

import (
	"sarai/courtyard/gate"
)

// ownRoutes are the pages that belong to no room.
func (s *Site) ownRoutes() {
	Handle(s, Route[gate.House]{Pattern: "GET /style", Action: "web.style", Do: s.stylePage})
	Handle(s, Route[gate.House]{Pattern: "POST /style", Action: "web.style", Do: s.styleForm})
	Handle(s, Route[gate.House]{Pattern: "POST /sign-out", Action: "web.session.end", Do: func(c *Ctx, _ gate.Permit[gate.House]) error {
		if err := s.SignOut(c); err != nil {
			return err
		}
		c.Flash("good", "web.signed-out")
		return c.Redirect("/")
	}})
	Handle(s, Route[gate.House]{Pattern: "POST /session/post", Action: "web.session.post", Do: func(c *Ctx, _ gate.Permit[gate.House]) error {
		f, err := c.Form()
		if err != nil {
			return err
		}
		if err := s.act(c, f.Text("post")); err != nil {
			return err
		}
		return c.Redirect(Local(f.Text("to"), "/"))
	}})
	s.mux.HandleFunc("GET /live/{topic}", s.serveLive)
}
