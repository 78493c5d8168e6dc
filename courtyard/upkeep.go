package courtyard

import (
	"context"
	"time"

	"sarai/courtyard/gate"
	"sarai/courtyard/job"
	"sarai/courtyard/store"
)

const (
	upkeepJob   = "courtyard.upkeep"
	upkeepEvery = time.Hour

	upkeepPolicy = `@id("courtyard.upkeep")
@reason("gate.upkeep")
permit (principal is System, action == Action::"courtyard.upkeep", resource);
`
	upkeepSchema = `action "courtyard.upkeep" appliesTo { principal: [System], resource: House };
`
)

// upkeep is the data of the job.
type upkeep struct {
	Decisions time.Time `json:"decisions"` // decisions before it have been looked at
}

// keepUp declares the hourly job that throws away what has been kept long
// enough. It puts itself back when it ends, so it goes on whatever process dies.
func (c *Courtyard) keepUp() {
	c.Gate.Room("courtyard", []byte(upkeepPolicy), []byte(upkeepSchema))
	c.Jobs.Handle(job.Kind{Name: upkeepJob, Action: upkeepJob, Attempts: 1000, Timeout: 10 * time.Minute, Backoff: time.Minute, Do: c.doUpkeep})
}

func (c *Courtyard) doUpkeep(ctx context.Context, j job.Job) (func(*store.Tx) error, error) {
	var u upkeep
	if err := j.Decode(&u); err != nil {
		return nil, err
	}
	if _, err := gate.SystemPermit(ctx, c.Gate, "upkeep", upkeepJob, gate.House{}); err != nil {
		return nil, err
	}
	if _, err := c.API.Prune(ctx); err != nil {
		return nil, err
	}
	var err error
	if u.Decisions, _, err = c.Gate.Prune(ctx, u.Decisions); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error { return c.putUpkeep(tx, u) }, nil
}

// putUpkeep asks for the next full hour, so that starting again and again does
// not put it off.
func (c *Courtyard) putUpkeep(tx *store.Tx, u upkeep) error {
	return job.Put(tx, job.Job{Kind: upkeepJob, Key: "hourly", At: c.Clock.Now().Truncate(upkeepEvery).Add(upkeepEvery), Data: u})
}
