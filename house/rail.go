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

	"sarai/rooms/payments"
)

// railPath is where the rail takes messages on its own listener.
const railPath = "/iso20022"

// rail is the listener for the participants' messages: TLS with certificates on
// both sides. Behind it are the messages and the directory, and nothing else of the
// house.
type rail struct {
	listener net.Listener
	rail     *payments.Rail // once the house is open
	api      http.Handler   // the house's JSON interface, of which the directory is a part
	log      *slog.Logger
}

func (c Config) railed(ctx context.Context) (*rail, error) {
	if c.Rail == "" {
		return nil, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Rail)
	if err != nil {
		return nil, fmt.Errorf("house: the rail's listener: %w", err)
	}
	return &rail{listener: l}, nil
}

// open reads the rail's keys.
func (l *rail) open(ctx context.Context, room *payments.Room, api http.Handler, log *slog.Logger) (err error) {
	if l == nil {
		return nil
	}
	l.log, l.api = log, api
	l.rail, err = room.OpenRail(ctx)
	return err
}

// serve takes messages and sends confirmations until ctx ends. Messages that are
// being answered are finished first, because money is reserved for them.
func (l *rail) serve(ctx context.Context) error {
	if l == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle(railPath, l.rail.Handler())
	mux.Handle(payments.DirectoryPath, l.rail.Directory(l.api))
	server := &http.Server{Handler: mux, TLSConfig: l.rail.TLS(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug)}
	// Confirmations go on until the last answer is given.
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.rail.Run(run) })
	g.Go(func() error {
		if err := server.ServeTLS(l.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		defer stop()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), payments.ReservationTime)
		defer cancel()
		if server.Shutdown(last) != nil {
			_ = server.Close()
		}
		return nil
	})
	return g.Wait()
}

// address is where the rail listens, "" without one.
func (l *rail) address() string {
	if l == nil {
		return ""
	}
	return "https://" + l.listener.Addr().String() + railPath
}

// close gives back a listener that was never served.
func (l *rail) close() error {
	if l == nil {
		return nil
	}
	if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
