package keys

import "embed"

// Texts are the sentences of this package's faults, in the folder texts.
//
//go:embed texts/*.yaml
var Texts embed.FS
