// Package cert is the room of the national computer emergency response team: it
// watches the house's own events for signs of attack, raises alerts, and keeps
// the incidents that analysts open from them, with the clock the law sets.
//
// # Words
//
// signal: one event that counts for a rule, kept as long as the rule's window.
// rule: what is counted, by what, how often in which time is too often, as data
// in rules.yaml. alert: a rule was met; one per burst, which goes on growing
// while the burst lasts. incident: an alert that an analyst has taken up, with
// a number, a severity and a report that is due by law. entry: a line of an
// incident's timeline; entries are never changed.
//
// # What is known about an attacker here
//
// Events name a source by a keyed hash of its network address that identity
// makes anew each day. This room never sees the address and cannot ask for it.
//
// # The clock
//
// The report is due under the duty "incident-report" of the country pack, from
// the moment the alert was raised: that is when the house knew. If the pack has
// no such duty, rules.yaml has one. A timer writes it down when a report is late.
//
// Laws: PECA 2016 and the CERT Rules 2023 in pack pk (see countries/pk/sectors.yaml
// for how sure we are). Practice: NIST SP 800-61, FIRST CSIRT services framework.
//
// # Tables
//
// cert_signal, cert_alert, cert_incident, cert_entry, cert_number.
//
// # Events
//
// Writes cert.alert.raised, cert.alert.grown, cert.alert.dismissed,
// cert.incident.opened, cert.incident.noted, cert.incident.reported,
// cert.incident.overdue, cert.incident.closed (events.go). They hold counts and
// ids; titles and notes stay in this room. Reads the events its rules name, now
// identity.signin.failed with a field "source".
//
// Only holders of a post with the power cert.analyse see anything of this room.
package cert
