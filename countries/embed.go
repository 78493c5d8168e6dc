package countries

import (
	"embed"
	"io/fs"
)

// FS holds all packs, one folder each.
//
//go:embed pk
var FS embed.FS

// Pack gives the folder of one country: "pk".
func Pack(code string) (fs.FS, error) { return fs.Sub(FS, code) }
