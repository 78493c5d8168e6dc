package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sarai/house/journey"
)

const perLine = 1_350_000 // paisa

// story is one subsidy, from the empty country to the proof.
type story struct {
	wallets, kill                int
	program, database, out, data string
	say                          io.Writer

	addr   string
	child  *exec.Cmd
	ended  chan struct{} // closed when the program has ended
	people map[string]*journey.Browser

	lines int64
	no    string // the file's number
	work  time.Duration
}

// file is what the interface says of a file of payments.
type file struct {
	State  string `json:"state"`
	Status string `json:"group_status"`
	Lines  int64  `json:"lines"`
	Paid   int64  `json:"paid"`
	Failed int64  `json:"failed"`
}

func (s *story) lap(began time.Time, what string, a ...any) time.Duration {
	took := time.Since(began)
	fmt.Fprintf(s.say, "%9.2f s  %s\n", took.Seconds(), fmt.Sprintf(what, a...))
	return took
}

func (s *story) base() string { return "http://" + s.addr }

// start runs the program and waits for its first page.
func (s *story) start(ctx context.Context) error {
	if s.addr == "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "localhost:0")
		if err != nil {
			return err
		}
		s.addr = "localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // it is one
		if err := l.Close(); err != nil {
			return err
		}
	}
	args := []string{"demo", "--data", s.data, "--addr", s.addr, "--wallets", strconv.Itoa(s.wallets)}
	if s.database != "" {
		args = append(args, "--database", s.database)
	}
	log, err := os.Create(filepath.Join(s.out, "log.txt"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.child = exec.CommandContext(ctx, s.program, args...) //nolint:gosec // what the caller named
	s.child.Stdout, s.child.Stderr = log, log
	if err := s.child.Start(); err != nil {
		return err
	}
	child, ended := s.child, make(chan struct{})
	s.ended = ended
	go func() {
		_ = child.Wait() // the log says why
		close(ended)
	}()
	for {
		if res, err := http.Get(s.base() + "/"); err == nil { //nolint:noctx // a knock
			_ = res.Body.Close()
			return nil
		}
		select {
		case <-ended:
			s.child = nil
			return fmt.Errorf("the program ended at once, see %s", log.Name())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the program in good order.
func (s *story) stop() {
	if s.child == nil {
		return
	}
	_ = s.child.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
	case <-time.After(60 * time.Second):
		_ = s.child.Process.Kill()
		<-s.ended
	}
	s.child = nil
}

// as is the browser of a persona.
func (s *story) as(ctx context.Context, persona string) (*journey.Browser, error) {
	if b := s.people[persona]; b != nil {
		return b, nil
	}
	b := journey.NewBrowser(s.base(), "en")
	b.Client().Timeout = 5 * time.Minute
	p, err := b.PostForm(ctx, "/demo/sign-in", url.Values{"persona": {persona}})
	if err != nil {
		return nil, err
	}
	if p.Status != http.StatusOK {
		return nil, fmt.Errorf("sign in as %s: %d", persona, p.Status)
	}
	if s.people == nil {
		s.people = map[string]*journey.Browser{}
	}
	s.people[persona] = b
	return b, nil
}

// handIn lets the maker hand the file in and waits until it is validated.
func (s *story) handIn(ctx context.Context, text []byte) error {
	s.lines = int64(bytes.Count(text, []byte("\n"))) - 1
	total := fmt.Sprintf("%d.%02d", s.lines*perLine/100, s.lines*perLine%100)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"period", time.Now().Format("2006-01")}, {"lines", strconv.FormatInt(s.lines, 10)}, {"total", total}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", "subsidy.csv")
	if err != nil {
		return err
	}
	if _, err := part.Write(text); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	maker, err := s.as(ctx, "rubina")
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := maker.Post(ctx, "/bulk/program/kafaalat", form.FormDataContentType(), body.Bytes())
	if err != nil {
		return err
	}
	var ok bool
	if s.no, ok = strings.CutPrefix(p.URL.Path, "/bulk/file/"); !ok || p.Status != http.StatusOK {
		return fmt.Errorf("the file was not taken: %d %s", p.Status, p.URL.Path)
	}
	s.work += s.lap(began, "file of %.1f MB with %d lines handed in, every line read and kept", float64(len(text))/1e6, s.lines)
	began = time.Now()
	if _, err := s.until(ctx, maker, func(f file) bool { return f.State == "validated" }); err != nil {
		return err
	}
	s.work += s.lap(began, "validated against accounts, limits and participants")
	return nil
}

// pay has the file checked and released, kills the program on the way and waits
// for the end.
func (s *story) pay(ctx context.Context) error {
	began := time.Now()
	for _, step := range [][2]string{{"tariq", "check"}, {"aftab", "release"}} {
		b, err := s.as(ctx, step[0])
		if err != nil {
			return err
		}
		p, err := b.PostForm(ctx, "/bulk/file/"+s.no+"/"+step[1], url.Values{"sure": {"yes"}})
		if err != nil {
			return err
		}
		if p.Status != http.StatusOK {
			return fmt.Errorf("%s by %s: %d", step[1], step[0], p.Status)
		}
	}
	s.work += s.lap(began, "checked by a second and released by a third official")
	began = time.Now()
	b := s.people["aftab"]
	if s.kill > 0 {
		if _, err := s.until(ctx, b, func(f file) bool { return f.Paid*200 >= f.Lines*int64(s.kill) }); err != nil {
			return err
		}
		taken := make(chan error, 1)
		go func() { taken <- s.pictures("paying", "aftab", "/bulk/file/"+s.no) }()
		f, err := s.until(ctx, b, func(f file) bool { return f.Paid*100 >= f.Lines*int64(s.kill) || f.State == "done" })
		if err != nil {
			return err
		}
		if f.State == "done" {
			return fmt.Errorf("paid before it could be killed: take more wallets")
		}
		if err := s.child.Process.Kill(); err != nil {
			return err
		}
		<-s.ended
		s.work += s.lap(began, "%d lines paid; killed with signal 9", f.Paid)
		began = time.Now()
		if err := s.start(ctx); err != nil {
			return err
		}
		s.work += s.lap(began, "started again, first page")
		began = time.Now()
		if f, err = s.until(ctx, b, func(file) bool { return true }); err != nil {
			return err
		}
		fmt.Fprintf(s.say, "%12s %d lines are paid as it opens\n", "", f.Paid)
		if err := <-taken; err != nil { // the blow may have fallen on the picture
			go func() { taken <- s.pictures("paying", "aftab", "/bulk/file/"+s.no) }()
			defer func() {
				if err := <-taken; err != nil {
					fmt.Fprintf(s.say, "%12s no picture of the paying: %v\n", "", err)
				}
			}()
		}
	}
	f, err := s.until(ctx, b, func(f file) bool { return f.State == "done" })
	if err != nil {
		return err
	}
	s.work += s.lap(began, "all done: %d paid, %d failed, status %s", f.Paid, f.Failed, f.Status)
	fmt.Fprintf(s.say, "%9.2f s  in all, from handing in to the last payment, with the kill\n", s.work.Seconds())
	if f.Paid != s.lines {
		return fmt.Errorf("%d of %d lines are paid", f.Paid, s.lines)
	}
	return nil
}

// until asks for the file until it is as wanted.
func (s *story) until(ctx context.Context, b *journey.Browser, is func(file) bool) (f file, err error) {
	for {
		p, err := b.Get(ctx, "/api/payments/bulk/"+s.no)
		if err != nil {
			return f, err
		}
		f = file{}
		if err := json.Unmarshal(p.Body, &f); err != nil || p.Status != http.StatusOK {
			return f, fmt.Errorf("ask for file %s: %d %w", s.no, p.Status, err)
		}
		if is(f) {
			return f, nil
		}
		select {
		case <-ctx.Done():
			return f, ctx.Err()
		case <-s.ended:
			return f, errors.New("the program ended")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
