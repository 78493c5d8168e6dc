// Package courtyard is what every room opens on: one value that holds the
// store, the journal, the jobs, the log, the gate, the keys, the pages, the
// interface for programs and the country, already opened.
//
// A room's New is given a Courtyard and registers what it brings: migrations,
// policies, texts, routes, jobs, subscriptions and key purposes. Nothing is
// read or written before house has migrated the database and sealed the gate.
//
// The courtyard's own upkeep is a durable job, every full hour: the gate's
// decisions go when their time is over (gate.Keep), and the answers that the
// interface keeps for repeated commands go after a day.
package courtyard
