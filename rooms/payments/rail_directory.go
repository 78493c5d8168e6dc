package payments

import (
	"errors"
	"net/http"
	"strings"

	"sarai/courtyard/gate"
	"sarai/rooms/payments/wire"
)

// DirectoryPath is where the directory's interface begins, on the rail's listener too.
const DirectoryPath = directoryPath + "/"

// Directory lets connected participants use the directory's JSON interface on the rail's
// own listener, api being the house's: who calls is the participant whose certificate
// the connection shows, as with messages. No other credential counts there, and nothing
// else of the interface is to be had.
func (l *Rail) Directory(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := l.party.Caller(r)
		switch {
		case errors.Is(err, wire.ErrNoPeer):
			l.room.log.WarnContext(r.Context(), "the directory was not opened", "error", err)
			http.Error(w, "this certificate belongs to no participant", http.StatusForbidden)
			return
		case err != nil:
			l.room.log.ErrorContext(r.Context(), "participants could not be read", "error", err)
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		case !strings.HasPrefix(r.URL.Path, DirectoryPath):
			http.NotFound(w, r)
			return
		}
		r = r.Clone(gate.With(r.Context(), from.Opaque.(*peer).principal()))
		r.Header.Del("Authorization")
		r.Header.Del("Cookie")
		api.ServeHTTP(w, r)
	})
}
