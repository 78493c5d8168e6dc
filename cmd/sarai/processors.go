package main

import (
	"os"
	"runtime"
)

// waiting is how many goroutines may wait for the disk beside those that work.
const waiting = 4

// processors lets more goroutines run than there are processors. One that waits for
// the disk, as each commit of SQLite does, keeps its place among those that run
// until the runtime notices, up to milliseconds later; on two processors half the
// machine stood idle meanwhile. GOMAXPROCS in the environment has precedence.
func processors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + waiting)
	}
}
