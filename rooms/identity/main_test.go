package identity_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more stories run at a time than the machine has processors, and
// gives their SQLite files a folder in memory where there is one. Each story
// has a database and a server of its own and mostly waits for the disk to say
// that a commit is there; what survives a crash is proven by the store. Whoever
// says -parallel or TMPDIR is heard.
func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	const memory = "/dev/shm"
	if os.Getenv("TMPDIR") != "" {
		os.Exit(m.Run())
	}
	if folder, err := os.MkdirTemp(memory, "sarai-identity"); err == nil {
		_ = os.Setenv("TMPDIR", folder)
		code := m.Run()
		_ = os.RemoveAll(folder)
		os.Exit(code)
	}
	os.Exit(m.Run())
}
