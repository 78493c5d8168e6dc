package payments

import (
	"sarai/courtyard"
	"sarai/courtyard/job"
)

// settlement registers what belongs to settlement.
func (r *Room) settlement(c *courtyard.Courtyard) {
	c.Jobs.Handle(job.Kind{Name: jobCut, Action: jobCut, Do: r.cutDue})
	c.Jobs.Handle(job.Kind{Name: jobReport, Action: jobReport, Do: r.reportDue, Timeout: reportTime})
	r.settlePages(c.Site)
	r.settleAPI(c.API)
	r.statementAPI(c)
}
