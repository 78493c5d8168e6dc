package country

import (
	"embed"
	"io/fs"
)

//go:embed texts
var texts embed.FS

// Texts are what a person reads when a number, IBAN, telephone number or
// amount was written wrongly: en.yaml and ur.yaml.
var Texts, _ = fs.Sub(texts, "texts")
