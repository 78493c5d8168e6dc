// Package observatory counts what the nation's digital house does, for the
// Commission that answers for it and for everybody who pays for it.
//
// # Words
//
// indicator: one figure with its definition, target and source events, written
// down in indicators.yaml. bucket: what was counted in one minute. row: one
// thing behind a figure, named by a public-safe reference (a file's number, a
// position in the log) and never by a person.
//
// # How it counts
//
// By durable subscriptions to other rooms' events, by name, into tables of its
// own: nothing here reads another room's tables. A figure can therefore be
// checked against the log, event by event, and is right again by itself after
// a fault. How an event counts is in count.go.
//
// # Who sees what
//
// Indicators marked public are for everybody, as figures over time. The rows
// and the other indicators are for posts with the power observatory.read.
//
// # Tables and events
//
// observatory_total, observatory_bucket, observatory_row, observatory_service,
// observatory_told. Event: observatory.figures.moved, at most once a second,
// which tells the screens that something has changed.
//
// # Laws
//
// Digital Nation Pakistan Act, 2025: the National Digital Commission and the
// Pakistan Digital Authority follow the carrying out of the national plan.
// The targets in indicators.yaml are the house's own until the Commission sets
// its figures; they are data, to be changed there.
package observatory
