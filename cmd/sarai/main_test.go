package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sarai/courtyard/store"
	"sarai/house"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"sarai": main}) }

// TestScripts runs the program as a person at a terminal does. Each script
// finds a country that nobody serves in ./country, a receipt of its log in
// ./receipt, the log's key in $VKEY, the pack in ./pk and a port somebody else
// has in $BUSY.
func TestScripts(t *testing.T) {
	country := t.TempDir()
	receipt, vkey := aCountry(t, country)
	busy, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() }) // scripts go on after this function
	testscript.Run(t, testscript.Params{
		Dir:      "testdata/script",
		Deadline: time.Now().Add(90 * time.Second),
		Setup: func(env *testscript.Env) error {
			env.Setenv("VKEY", vkey)
			env.Setenv("BUSY", busy.Addr().String())
			if err := os.CopyFS(filepath.Join(env.WorkDir, "pk"), os.DirFS("../../countries/pk")); err != nil {
				return err
			}
			if err := os.CopyFS(filepath.Join(env.WorkDir, "country"), os.DirFS(country)); err != nil {
				return err
			}
			if err := os.Chmod(filepath.Join(env.WorkDir, "country", "master.key"), 0o600); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "receipt"), receipt, 0o600)
		},
	})
}

// aCountry serves a real country for a moment: long enough for one thing to
// happen and to get a receipt.
func aCountry(t *testing.T, dir string) (receipt []byte, vkey string) {
	t.Helper()
	h, err := house.Open(t.Context(), house.Config{Data: dir, Addr: "localhost:0", Base: "https://sarai.example", LogOut: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	var event string
	c := h.Courtyard()
	if err := c.DB.Update(ctx, func(tx *store.Tx) error {
		event = tx.Emit(store.Event{Type: "house.stone.laid", Version: 1, Subject: "house/stone/1", Actor: "system/mason", Data: map[string]string{"of": "sandstone"}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Journal.Wait(ctx, event); err != nil {
		t.Fatal(err)
	}
	if receipt, err = c.Log.Receipt(ctx, event); err != nil {
		t.Fatal(err)
	}
	return receipt, c.Log.VerifierKey()
}
