package payments

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

func files() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic("payments: " + err.Error()) // the folder is embedded above
	}
	return sub
}
