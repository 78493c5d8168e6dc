package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed assets
var embedded embed.FS

// assets are the files browsers keep: each under an address that names its
// content, so that it can be kept for ever and changes at once.
type assets struct {
	mu     sync.RWMutex
	byName map[string]*asset // "sarai.css"
	byPath map[string]*asset // "/static/sarai.3f2a….css"
}

type asset struct {
	name, path, mediaType string
	body, zipped          []byte
}

// ScriptBudget is how many bytes of script all rooms together may send.
const ScriptBudget = 6 << 10

// newAssets gives a site the house's own files; rooms add theirs.
func newAssets() *assets {
	own := ownAssets()
	return &assets{byName: maps.Clone(own.byName), byPath: maps.Clone(own.byPath)}
}

// ownAssets squeezes and packs the house's own files, once in a process.
var ownAssets = sync.OnceValue(func() *assets {
	a := &assets{byName: map[string]*asset{}, byPath: map[string]*asset{}}
	var sheets []string
	err := fs.WalkDir(embedded, "assets", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(p, ".txt") {
			return err
		}
		if strings.HasSuffix(p, ".css") {
			sheets = append(sheets, p) // they name other files by their fingerprints
			return nil
		}
		body, err := embedded.ReadFile(p)
		if err == nil {
			a.add(path.Base(p), body)
		}
		return err
	})
	for _, p := range sheets {
		body, _ := embedded.ReadFile(p)
		for name, f := range a.byName {
			body = bytes.ReplaceAll(body, []byte("url("+name+")"), []byte("url("+f.path+")"))
		}
		a.add(path.Base(p), body)
	}
	if err != nil {
		panic("web: " + err.Error()) // the folder is embedded
	}
	return a
})

func (a *assets) add(name string, body []byte) *asset {
	ext := path.Ext(name)
	if ext == ".css" || ext == ".js" {
		body = squeezed(body)
	}
	sum := sha256.Sum256(body)
	f := &asset{name: name, mediaType: mime.TypeByExtension(ext), body: body}
	switch ext {
	case ".woff2":
		f.mediaType = "font/woff2"
	case ".js":
		f.mediaType = "text/javascript; charset=utf-8"
	case ".webmanifest":
		f.mediaType = "application/manifest+json"
	}
	f.path = "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	if ext != ".woff2" && ext != ".png" {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write(body)
		_ = z.Close()
		f.zipped = b.Bytes()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byName[name], a.byPath[f.path] = f, f
	return f
}

// squeezed drops comments that stand on their own lines, and indentation:
// sources are written to be read. It knows nothing of the languages, so a
// line of a string must not begin with // or look like a comment block.
func squeezed(body []byte) []byte {
	var out bytes.Buffer
	inside := false
	for line := range strings.SplitSeq(string(body), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case inside:
			inside = !strings.HasSuffix(line, "*/")
			continue
		case strings.HasPrefix(line, "/*"):
			inside = !strings.HasSuffix(line, "*/")
			continue
		case line == "", strings.HasPrefix(line, "//"):
			continue
		}
		out.WriteString(line)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// Asset is the address of an embedded file, "sarai.css"; empty when there is
// none.
func (s *Site) Asset(name string) string {
	s.assets.mu.RLock()
	defer s.assets.mu.RUnlock()
	if f := s.assets.byName[name]; f != nil {
		return f.path
	}
	return ""
}

// Script registers a room's own script, served fingerprinted as a module. Use
// the component Script on the pages that need it. All scripts together may not
// pass ScriptBudget: see ScriptBytes.
func (s *Site) Script(name string, content []byte) {
	if !strings.HasSuffix(name, ".js") {
		name += ".js"
	}
	s.assets.add(name, content)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = append(s.scripts, name)
}

// ScriptBytes is the size of all scripts as they are sent, before compression.
func (s *Site) ScriptBytes() int {
	s.assets.mu.RLock()
	defer s.assets.mu.RUnlock()
	n := 0
	for name, f := range s.assets.byName {
		if strings.HasSuffix(name, ".js") {
			n += len(f.body)
		}
	}
	return n
}

// ServeHTTP serves a fingerprinted file.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.RLock()
	f := a.byPath[r.URL.Path]
	a.mu.RUnlock()
	if f == nil || !safe(r.Method) {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	body := f.body
	if f.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = f.zipped
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
