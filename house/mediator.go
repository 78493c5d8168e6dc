package house

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"sarai/rooms/payments"
)

// mediator is the second listener, for GovStack's information mediator: the
// payments building block at the standard's own paths.
type mediator struct{ listener net.Listener }

func (c Config) mediate(ctx context.Context) (*mediator, error) {
	if c.GovStack == "" {
		return nil, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.GovStack)
	if err != nil {
		return nil, fmt.Errorf("house: the GovStack listener: %w", err)
	}
	return &mediator{l}, nil
}

// serve answers until ctx ends. Every path is one below payments.GovStackPath,
// so that nothing else of the house can be reached here.
func (m *mediator) serve(ctx context.Context, house http.Handler) error {
	if m == nil {
		return nil
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.Clone(payments.Mediated(r.Context()))
			q.URL.Path = payments.GovStackPath + r.URL.Path
			if r.URL.RawPath != "" {
				q.URL.RawPath = payments.GovStackPath + r.URL.RawPath
			}
			house.ServeHTTP(w, q)
		})}
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(last) != nil {
			_ = server.Close()
		}
	})
	defer stop()
	if err := server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close gives back a listener that was never served.
func (m *mediator) close() error {
	if m == nil {
		return nil
	}
	if err := m.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
