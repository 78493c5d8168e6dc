package house

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sarai/courtyard"
	"sarai/courtyard/store"
	"sarai/courtyard/telemetry"
)

// House is a running country.
type House struct {
	cfg       Config
	base      string
	court     *courtyard.Courtyard
	rooms     rooms
	telemetry *telemetry.Telemetry
	listener  net.Listener
	server    *http.Server
	mediator  *mediator // nil without a second listener
	rail      *rail     // nil without a listener for participants
	hub       *hub      // nil without a listener for FSPIOP
	people    *cast     // demo only
	banks     *banks    // demo only: nil without connected banks
}

// Open opens a house: everything is migrated, checked and ready when it
// returns, and the port is open; Run serves. On an error nothing is left open.
func Open(ctx context.Context, cfg Config) (h *House, err error) {
	h = &House{cfg: cfg}
	defer func() {
		if err != nil {
			_ = h.Close()
		}
	}()
	if err = h.instruments(ctx); err != nil {
		return h, err
	}
	if h.listener, h.base, err = cfg.listen(ctx); err != nil {
		return h, err
	}
	if h.mediator, err = cfg.mediate(ctx); err != nil {
		return h, err
	}
	if cfg.Demo != nil && len(cfg.Demo.Banks) > 0 && cfg.Rail == "" {
		cfg.Rail = "127.0.0.1:0" // for the banks of the demonstration
	}
	if h.rail, err = cfg.railed(ctx); err != nil {
		return h, err
	}
	if h.hub, err = cfg.hubbed(ctx); err != nil {
		return h, err
	}
	pack, err := cfg.Pack()
	if err != nil {
		return h, err
	}
	if cfg.Database == "" && cfg.Data == "" {
		return h, errors.New("house: name a folder for the country's data")
	}
	db, err := store.Open(ctx, cfg.OpenStore())
	if err != nil {
		return h, err
	}
	h.court = &courtyard.Courtyard{DB: db}
	if cfg.Demo != nil {
		if err = cfg.mark(ctx, db); err != nil {
			return h, err
		}
	}
	master, err := cfg.Master(true)
	if err != nil {
		return h, err
	}
	client, err := cfg.client()
	if err != nil {
		return h, err
	}
	c, err := courtyard.Open(courtyard.Options{Client: client, DB: db, Pack: pack, Master: master, Base: h.base, Demo: cfg.Demo != nil,
		Pin: h.pin(), Version: cfg.Version, Provider: cfg.provider, Clock: cfg.Clock, Logger: h.telemetry.Logger, Pace: cfg.Pace,
		Screens: cfg.Screens, Keep: cfg.Keep})
	if err != nil {
		return h, err
	}
	h.court = c
	if h.rooms, err = furnish(c); err != nil {
		return h, err
	}
	if cfg.Demo != nil {
		h.demoRoutes()
	}
	if err = c.Ready(ctx); err != nil {
		return h, err
	}
	if err = h.rooms.open(ctx); err != nil {
		return h, err
	}
	if err = h.rail.open(ctx, h.rooms.payments, h.court.API, h.telemetry.Logger); err != nil {
		return h, err
	}
	if err = h.hub.open(ctx, h.rooms.payments, h.rooms.identity.VerifyBearer, h.telemetry.Logger); err != nil {
		return h, err
	}
	if cfg.Demo != nil {
		if err = h.populate(ctx); err != nil {
			return h, fmt.Errorf("make the demonstration country: %w", err)
		}
		if h.banks, err = h.openBanks(); err != nil {
			return h, err
		}
	}
	return h, h.serveOn()
}

func (h *House) pin() string {
	if h.cfg.Data == "" {
		return ""
	}
	return filepath.Join(h.cfg.Data, "checkpoint")
}

// Base is the public address.
func (h *House) Base() string { return h.base }

// Rail is the address where participants send messages, "" without one.
func (h *House) Rail() string { return h.rail.address() }

// Hub is the address where the hub's participants send messages, "" without one.
func (h *House) Hub() string { return h.hub.address() }

// Courtyard is what the rooms open on, for tests and commands.
func (h *House) Courtyard() *courtyard.Courtyard { return h.court }

func (h *House) instruments(ctx context.Context) error {
	out, format := h.cfg.LogOut, h.cfg.Log
	if out == nil {
		out = os.Stderr
	}
	if format == "off" {
		out, format = io.Discard, "text"
	}
	if format == "" {
		format = "text"
	}
	var err error
	if h.telemetry, err = telemetry.Open(ctx, telemetry.Config{Format: format, Out: out, Version: h.cfg.Version, Traces: h.cfg.Trace, Level: slog.LevelInfo}); err != nil {
		return err
	}
	slog.SetDefault(h.telemetry.Logger)
	return nil
}

func (h *House) serveOn() error {
	if err := h.watch(); err != nil {
		return err
	}
	h.contact()
	site := h.court.Site
	site.Mount("GET /metrics", direct(h.telemetry.Metrics()))
	site.Mount("GET /healthz", h.telemetry.Healthz())
	site.Mount("GET /readyz", h.telemetry.Readyz())
	h.server = &http.Server{
		Handler: h.telemetry.Middleware(h.court.Handler()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(h.telemetry.Logger.Handler(), slog.LevelDebug),
	}
	return nil
}

// Run serves until ctx ends, then finishes what was begun and closes.
func (h *House) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.court.Run(ctx) })
	g.Go(func() error { return h.rooms.payments.Run(ctx) })
	g.Go(func() error {
		if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error { return h.mediator.serve(ctx, h.server.Handler) })
	// Banks stay until the rail has finished what they take part in.
	stay, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	g.Go(func() error {
		defer leave()
		return h.rail.serve(ctx)
	})
	g.Go(func() error { return h.banks.run(stay) })
	g.Go(func() error { return h.hub.serve(ctx) })
	if h.people != nil && h.cfg.Demo.Live {
		g.Go(func() error { return h.live(ctx) })
	}
	g.Go(func() error {
		<-ctx.Done()
		h.telemetry.Drain()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := h.server.Shutdown(last); err != nil {
			return h.server.Close()
		}
		return nil
	})
	err := g.Wait()
	if closing := h.Close(); err == nil || errors.Is(err, context.Canceled) {
		err = closing
	}
	return err
}

// Close gives back what Open took. Run does it by itself.
func (h *House) Close() error {
	var errs []error
	if h.listener != nil {
		if err := h.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, h.mediator.close(), h.rail.close(), h.hub.close())
	if h.court != nil && h.court.DB != nil {
		errs = append(errs, h.court.DB.Close())
	}
	if h.telemetry != nil {
		errs = append(errs, h.telemetry.Close(context.Background()))
	}
	return errors.Join(errs...)
}

// watch connects the house's parts to the instruments.
func (h *House) watch() error {
	t, c := h.telemetry, h.court
	t.Check("store", func(ctx context.Context) error {
		return c.DB.View(ctx, func(tx *store.Tx) error {
			var one int
			return tx.QueryRow(`select 1`).Scan(&one)
		})
	})
	t.Check("log", func(context.Context) error { return c.Log.Healthy() })
	t.Check("journal", func(ctx context.Context) error {
		lag, err := c.Journal.Lag(ctx)
		for name, n := range lag {
			if n > 100_000 {
				return fmt.Errorf("subscription %s is %d events behind", name, n)
			}
		}
		return err
	})
	figures := []struct {
		name, help string
		read       func() float64
	}{
		{"sarai_journal_position", "Position of the latest event.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			n, err := c.Journal.Position(ctx)
			if err != nil {
				return -1
			}
			return float64(n)
		}},
		{"sarai_journal_behind", "Events the slowest subscription is behind.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			lag, err := c.Journal.Lag(ctx)
			if err != nil {
				return -1
			}
			behind := int64(0)
			for _, n := range lag {
				behind = max(behind, n)
			}
			return float64(behind)
		}},
		{"sarai_screens", "Live screens fed by this process.", func() float64 { return float64(c.Site.Viewers()) }},
		{"sarai_jobs_done_total", "Jobs done by this process.", func() float64 { return float64(c.Jobs.Stats().Done) }},
		{"sarai_jobs_dead_total", "Jobs given up by this process.", func() float64 { return float64(c.Jobs.Stats().Dead) }},
		{"sarai_store_commits_total", "Durable commits of this process.", func() float64 { return float64(c.DB.Stats().Commits) }},
		{"sarai_store_updates_total", "Updates in those commits.", func() float64 { return float64(c.DB.Stats().Updates) }},
		{"sarai_store_retries_total", "Updates run again after a conflict.", func() float64 { return float64(c.DB.Stats().Retries) }},
	}
	for _, f := range figures {
		if err := t.Figure(f.name, f.help, f.read); err != nil {
			return err
		}
	}
	return nil
}
