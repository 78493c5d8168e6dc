// Package gate decides who may do what, and keeps why.
//
// Everything a person, a program or the house itself does passes Authorize.
// The answer is a Permit, which only this package can make and which handlers
// ask for in their signature, or a refusal with its reasons. Both are written
// down durably (table gate_decision) before the caller hears them, with the
// policies that settled the matter and the hash of the whole bundle of
// policies, whose text is kept too (gate_bundle): a decision can be explained,
// and taken again, years later.
//
// # Words
//
// principal: who asks. resource: what it is about. action: what is to be done,
// "office.note.write". permit: proof that the gate said yes. decision: the
// answer on record. charge: that a person holds a post, from and to. Powers
// belong to posts; a person who acts in a post has the powers of that post
// and of no other. membership: that a person has a role in an organisation.
//
// # Policies
//
// Cedar, one policy.cedar and one policy.cedarschema a room, and
// national.cedar with the prohibitions no room can lift. A room declares its
// own entity types and actions; the principal types, House, the context
// (type Situation, filled in when an action names none) and the groups
// "national.decide" and "national.demo" are the gate's (gate.cedarschema).
// Rules, all checked by Seal:
//
//   - an action's name begins with its room's name, and a room's policies name
//     only actions and groups of that room;
//   - every policy has @id("room.what") and @reason("message.key"): on a
//     permit, the sentence that says who may; on a forbid, why not;
//   - every policy passes the strict validator of cedar-go (x/exp/schema/validate)
//     against the merged schema: unknown types, actions, attributes and
//     context keys, attributes that may be missing and are not guarded by has,
//     and comparisons of different types are refused;
//   - the national file holds forbids only;
//   - every action a route or a job names exists and has a permit.
//
// An action in group "national.decide" is a decision about somebody: put the
// person's pseudonym into the resource's attribute "subject" (String), and
// nobody will decide about himself. An action in "national.demo" exists only
// while the house runs as a demonstration.
//
// An error while any policy is evaluated is a refusal: Cedar itself would skip
// the policy, and a skipped forbid fails open. The resource's attributes are
// checked against the schema at each decision for the same reason.
//
// Decisions are never cached: a post that was given up a moment ago gives no
// power now.
//
// # The record
//
// A permit policy with @record("no") lets reads of public data by nobody in
// particular (Anonymous) go unrecorded. Everything else is recorded, refusals
// always.
//
// Prune, which the courtyard asks every hour, throws decisions away after
// Options.Keep: 400 days, and 10 years for decisions about somebody
// (national.decide). The texts of bundles stay. Who looked at a person's data
// is no matter of this record: the room that holds the data writes that down
// and shows it to the person.
//
// # Tables and events
//
// gate_decision, gate_bundle, gate_charge, gate_membership. Events:
// gate.charge.given, gate.charge.ended, gate.membership.given,
// gate.membership.ended.
package gate
