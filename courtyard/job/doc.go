// Package job is work done later, outside the transaction that asked for it: a
// durable queue and durable timers in the house's own database.
//
//	job.Put(tx, job.Job{Kind: "services.reminder", Key: application, At: due, Data: Reminder{Application: application}})
//
//	q.Handle(job.Kind{Name: "services.reminder", Action: "services.reminder.send",
//		Do: func(ctx context.Context, j job.Job) (func(tx *store.Tx) error, error) {
//			letter, err := print(ctx, j)     // slow: outside any transaction
//			return func(tx *store.Tx) error { // quick: committed together with the job's end
//				return file(tx, letter)
//			}, err
//		}})
//
// A job exists if and only if the transaction that put it was committed. Do may
// run more than once, after a crash or a failure; what commit writes happens
// once, because the same transaction removes the job, and only if this process
// still has it.
//
// Under a kind and key at most one job waits: putting it again moves its time
// and replaces its data, Cancel takes it back. A deadline that moves is a Put
// with another time. A job that is put while its elder runs, runs afterwards.
//
// Due jobs are claimed in batches (update ... returning; skip locked on
// PostgreSQL), so several processes share the work. A claim is renewed while the
// job runs; one whose process has died is taken over after Options.Hold, or at the
// start where the store knows that it is dead (DB.First).
//
// Failures are tried again with doubled pauses; after Kind.Attempts, or at once
// for an error wrapped in Stop, the job is dead: kept, reported, and brought back
// by Revive. Jobs of a kind that nobody handles are kept and reported.
//
// What is due is decided by the house's clock, so that tests can let days pass;
// whether a process is alive is decided by real time.
//
// Every kind names its gate action. Kinds lists them, and the house refuses to
// start when one has no policy.
//
// Table: job_task.
package job
