package keys

import (
	"embed"
	"io/fs"
)

//go:embed texts/*.yaml
var texts embed.FS

// Texts are the sentences of this package's faults, en.yaml and ur.yaml.
var Texts, _ = fs.Sub(texts, "texts")
