package country

import (
	"time"

	"sarai/courtyard/country/strict"
)

// Customers are the country's rules for what people and merchants do with their
// accounts. A pack without them has no limits, and the times of [Pack.Rules].
type Customers struct {
	strict.Pos
	Requests Requests `yaml:"requests"`
	Limits   Limits   `yaml:"limits"`
	Disputes Disputes `yaml:"disputes"`
}

// Requests are the terms of a request to pay.
type Requests struct {
	strict.Pos
	Now   int `yaml:"now"`   // minutes a request holds that is to be paid at once
	Later int `yaml:"later"` // most days until which another one may hold
	Open  int `yaml:"open"`  // most requests of one person that wait for an answer
}

// Limits are the most a person may pay. 0 is no limit.
type Limits struct {
	strict.Pos
	Payment int64 `yaml:"payment"` // at once, minor units
	Day     int64 `yaml:"day"`     // in a day of the country's zone, minor units
	Count   int64 `yaml:"count"`   // payments in a day
	Raise   int   `yaml:"raise"`   // hours before a person's own limit that was raised counts
	Calm    int64 `yaml:"calm"`    // in a day while one of the payer's numbers cools off, minor units
}

// Disputes are the deadlines of a dispute about a payment.
type Disputes struct {
	strict.Pos
	Open   int `yaml:"open"`   // days after the payment in which it can be opened
	Answer int `yaml:"answer"` // working days in which the payee answers
	Decide int `yaml:"decide"` // working days in which the operator decides then
}

// Rules are the pack's rules for customers, or those that serve where it has none.
func (p *Pack) Rules() Customers {
	if p.Customers.Requests.Now == 0 {
		return Customers{Requests: Requests{Now: 15, Later: 60, Open: 20}, Disputes: Disputes{Open: 90, Answer: 5, Decide: 10}}
	}
	return p.Customers
}

// customers judges the rules for customers.
func (c checks) customers() {
	x := c.Customers
	if x.Line == 0 {
		return
	}
	for _, n := range []struct {
		what string
		got  int64
		most int64
	}{{"requests: now (minutes)", int64(x.Requests.Now), 24 * 60}, {"requests: later (days)", int64(x.Requests.Later), 366}, {"requests: open", int64(x.Requests.Open), 10_000},
		{"limits: raise (hours)", int64(x.Limits.Raise), 24 * 30}, {"disputes: open (days)", int64(x.Disputes.Open), 3 * 366}, {"disputes: answer (working days)", int64(x.Disputes.Answer), 90}, {"disputes: decide (working days)", int64(x.Disputes.Decide), 90}} {
		if n.got < 1 || n.got > n.most {
			c.Add(x.Pos, "%s is 1 to %d, found %d", n.what, n.most, n.got)
		}
	}
	l := x.Limits
	if l.Payment < 0 || l.Day < 0 || l.Count < 0 || l.Calm < 0 || l.Day > 0 && l.Payment > l.Day {
		c.Add(l.Pos, "limits are not below 0, and one payment is not above a day's")
	}
}

// Until is when a request that is to be paid at once is over.
func (r Requests) Until(t time.Time) time.Time { return t.Add(time.Duration(r.Now) * time.Minute) }
