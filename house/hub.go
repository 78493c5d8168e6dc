package house

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/courtyard/gate"
	"sarai/rooms/payments"
)

// hub is the listener for participants that speak FSPIOP, as at a Mojaloop hub, and
// for the hub's operator.
type hub struct {
	listener net.Listener
	unsigned bool
	hub      *payments.Hub // once the house is open
	log      *slog.Logger
}

func (c Config) hubbed(ctx context.Context) (*hub, error) {
	if c.Hub == "" {
		return nil, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Hub)
	if err != nil {
		return nil, fmt.Errorf("house: the hub's listener: %w", err)
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); c.HubUnsigned && (!ok || !tcp.IP.IsLoopback()) {
		_ = l.Close()
		return nil, errors.New("house: the hub takes messages without signatures on a loopback address only, such as 127.0.0.1:4000")
	}
	return &hub{listener: l, unsigned: c.HubUnsigned}, nil
}

// open reads the hub's key. verify tells whom an access token speaks for.
func (l *hub) open(ctx context.Context, room *payments.Room, verify func(context.Context, string) (gate.Principal, error), log *slog.Logger) (err error) {
	if l == nil {
		return nil
	}
	l.log = log
	l.hub, err = room.OpenHub(ctx, payments.HubOptions{Unsigned: l.unsigned, Verify: verify})
	return err
}

// serve takes messages and sends callbacks until ctx ends.
func (l *hub) serve(ctx context.Context) error {
	if l == nil {
		return nil
	}
	server := &http.Server{Handler: l.hub.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug)}
	// Callbacks go on until the last message is answered.
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return l.hub.Run(run) })
	g.Go(func() error {
		defer stop()
		if err := server.Serve(l.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			return err
		}
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(last) != nil {
			_ = server.Close()
		}
		return nil
	})
	end := context.AfterFunc(ctx, func() { _ = l.listener.Close() })
	defer end()
	return g.Wait()
}

// address is where the hub listens, "" without one.
func (l *hub) address() string {
	if l == nil {
		return ""
	}
	return "http://" + l.listener.Addr().String()
}

// close gives back a listener that was never served.
func (l *hub) close() error {
	if l == nil {
		return nil
	}
	if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
