package store

import (
	"context"
	"time"
)

// walPages is how long the write-ahead log may grow, in pages of 4 KB, before
// the writer itself moves it into the database.
const walPages = 16384

// tidy moves the write-ahead log into the database beside the writer. Left to
// itself SQLite does that inside some unlucky COMMIT, with two more syncs of
// the disk while everybody waits. A passive checkpoint never blocks the writer;
// what it leaves over under constant load, the writer moves at walPages.
func (e *embedded) tidy() {
	defer close(e.tidied)
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-e.grown:
		case <-e.stop:
			return
		}
		var busy, log, moved int
		if err := e.write.QueryRowContext(context.Background(), "pragma wal_checkpoint(passive)").Scan(&busy, &log, &moved); err != nil {
			e.db.log.Warn("write-ahead log not moved", "error", err)
		}
		select {
		case <-pause.C:
		case <-e.stop:
			return
		}
	}
}
