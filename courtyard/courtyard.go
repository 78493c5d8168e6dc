package courtyard

import (
	"log/slog"
	"net/http"

	"sarai/courtyard/api"
	"sarai/courtyard/clock"
	"sarai/courtyard/country"
	"sarai/courtyard/gate"
	"sarai/courtyard/id"
	"sarai/courtyard/job"
	"sarai/courtyard/journal"
	"sarai/courtyard/keys"
	"sarai/courtyard/store"
	"sarai/courtyard/tlog"
	"sarai/courtyard/web"
)

// Courtyard is what a room is given. All of it is safe for concurrent use.
type Courtyard struct {
	DB      *store.DB
	Journal *journal.Journal
	Jobs    *job.Queue
	Log     *tlog.Log
	Gate    *gate.Gate
	Keys    *keys.Ring
	Site    *web.Site
	API     *api.API
	Pack    *country.Pack
	Clock   clock.Clock
	NewID   id.Source
	Base    string // public base address without a trailing slash, "https://sarai.gov.pk"
	Demo    bool   // a synthetic country: anybody may sign in as anybody
	Logger  *slog.Logger
	// Client gives the address a request came from, past the proxies we know;
	// nil when nobody stands between.
	Client func(*http.Request) string
}
