package identity

import (
	"encoding/json"
	"net/http"
	"strings"
)

// oauthError is an error of a back-channel endpoint (RFC 6749 section 5.2,
// RFC 6750 section 3.1). The description holds nothing of the request.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	cause       error
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }
func (e *oauthError) Unwrap() error { return e.cause }

func oauthFail(code, why string) *oauthError { return &oauthError{Code: code, Description: why} }

func oauthInternal(err error) *oauthError {
	return &oauthError{Code: "server_error", Description: "we could not do this now", cause: err}
}

func (e *oauthError) status() int {
	switch e.Code {
	case "invalid_client", "invalid_token", "invalid_dpop_proof_at_resource":
		return http.StatusUnauthorized
	case "insufficient_scope", "access_denied":
		return http.StatusForbidden
	case "server_error":
		return http.StatusInternalServerError
	case "temporarily_unavailable":
		return http.StatusServiceUnavailable
	case "slow_down":
		return http.StatusTooManyRequests
	}
	return http.StatusBadRequest
}

// answerJSON writes a protocol answer that nobody may keep.
func answerJSON(w http.ResponseWriter, status int, v any) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// publishJSON writes a public document with a life in seconds.
func publishJSON(w http.ResponseWriter, contentType string, seconds string, v any) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age="+seconds)
	h.Set("Access-Control-Allow-Origin", "*")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// fail answers with an error of the token endpoint.
func (r *Room) fail(w http.ResponseWriter, req *http.Request, e *oauthError) error {
	if e.cause != nil {
		r.logger.ErrorContext(req.Context(), "identity: protocol endpoint failed", "path", req.URL.Path, "error", e.cause.Error())
	}
	if e.Code == "invalid_client" && strings.HasPrefix(req.Header.Get("Authorization"), "Basic ") {
		w.Header().Set("WWW-Authenticate", `Basic realm="sarai"`)
	}
	return answerJSON(w, e.status(), e)
}

// refuseToken answers a request with a bad access token (RFC 6750, RFC 9449 section 7.1).
func (r *Room) refuseToken(w http.ResponseWriter, req *http.Request, scheme string, e *oauthError) error {
	if e.cause != nil {
		r.logger.ErrorContext(req.Context(), "identity: protected endpoint failed", "path", req.URL.Path, "error", e.cause.Error())
	}
	if scheme == "" {
		scheme = "Bearer"
	}
	head := scheme + ` realm="sarai"`
	if e.Code != "" {
		head += `, error="` + e.Code + `", error_description="` + e.Description + `"`
	}
	if scheme == "DPoP" {
		head += `, algs="ES256 EdDSA"`
	}
	w.Header().Set("WWW-Authenticate", head)
	status := e.status()
	if e.Code == "" || e.Code == "invalid_dpop_proof" {
		status = http.StatusUnauthorized
	}
	return answerJSON(w, status, e)
}

// formOf reads a form body of at most 64 KiB and refuses parameters that come
// twice (RFC 6749 section 3.2) or in the query.
func formOf(w http.ResponseWriter, req *http.Request) *oauthError {
	req.Body = http.MaxBytesReader(w, req.Body, 64<<10)
	if ct, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";"); strings.TrimSpace(ct) != "application/x-www-form-urlencoded" {
		return oauthFail("invalid_request", "the body must be a form")
	}
	if err := req.ParseForm(); err != nil {
		return oauthFail("invalid_request", "the body cannot be read")
	}
	for _, v := range req.PostForm {
		if len(v) > 1 {
			return oauthFail("invalid_request", "a parameter came twice")
		}
	}
	return nil
}
