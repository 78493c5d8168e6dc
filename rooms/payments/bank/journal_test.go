package bank

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reread gives the accounts that a journal tells of.
func reread(path string) (*book, error) {
	b := newBook()
	j, err := openJournal(path, b.apply)
	if err != nil {
		return nil, err
	}
	return b, j.file.Close()
}

// TestALineThatWasCutShort cuts a journal at every byte: what was whole before the
// cut is read, the rest was told to nobody, and the file goes on from there.
func TestALineThatWasCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(path, func(*entry) error { return nil })
	check(t, err)
	for n := range 5 {
		check(t, j.put(&entry{Kind: entryAccount, Own: fmt.Sprint("account-", n), Name: "بلال", Amount: int64(n)})())
	}
	check(t, j.close())
	whole, err := os.ReadFile(path)
	check(t, err)
	for cut := range len(whole) + 1 {
		check(t, os.WriteFile(path, whole[:cut], 0o600))
		b, err := reread(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		want := min(bytes.Count(whole[:cut], []byte("\n")), 5)
		if len(b.accounts) != want {
			t.Fatalf("cut at %d: %d accounts, not %d", cut, len(b.accounts), want)
		}
		if cut%40 > 0 {
			continue
		}
		j, err := openJournal(path, newBook().apply)
		check(t, err)
		check(t, j.put(&entry{Kind: entryAccount, Own: "after", Amount: 1})())
		check(t, j.close())
		if b, err = reread(path); err != nil || len(b.accounts) != want+1 {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// TestDamageIsNotMistakenForACrash changes a bit in every line: in the last one it
// may be a torn write and is dropped, before that the bank does not open.
func TestDamageIsNotMistakenForACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(path, func(*entry) error { return nil })
	check(t, err)
	for n := range 3 {
		check(t, j.put(&entry{Kind: entryAccount, Own: fmt.Sprint("account-", n), Amount: 1})())
	}
	check(t, j.file.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for i := range whole {
		bent := bytes.Clone(whole)
		if bent[i] ^= 4; bent[i] == '\n' || whole[i] == '\n' {
			continue // another division into lines
		}
		check(t, os.WriteFile(path, bent, 0o600))
		b, err := reread(path)
		switch {
		case i < last && err == nil:
			t.Fatalf("byte %d was changed and the bank opens", i)
		case i >= last && (err != nil || len(b.accounts) != 2):
			t.Fatalf("byte %d of the last line was changed: %v", i, err)
		}
	}
}

// TestWhatWasToldIsThere kills a journal while many write: whatever somebody was
// told is durable is in the file, and nothing is there twice.
func TestWhatWasToldIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(path, func(*entry) error { return nil })
	check(t, err)
	var mu sync.Mutex
	told := map[string]bool{}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 200 {
				name := fmt.Sprintf("%d-%d", w, n)
				if j.put(&entry{Kind: entryAccount, Own: name, Amount: 1})() != nil {
					return // the file is gone, as after a kill
				}
				mu.Lock()
				told[name] = true
				kill := len(told) == 300
				mu.Unlock()
				if kill {
					_ = j.file.Close()
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	again, err := openJournal(path, func(e *entry) error { seen[e.Own]++; return nil })
	check(t, err)
	check(t, again.close())
	for name := range told {
		if seen[name] != 1 {
			t.Fatalf("%s is there %d times", name, seen[name])
		}
	}
	if len(told) < 300 || len(told) >= 1600 {
		t.Fatal(len(told))
	}
}
