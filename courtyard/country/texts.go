package country

import "embed"

// Texts are what a person reads when a number, IBAN, telephone number or
// amount was written wrongly, in the folder texts.
//
//go:embed texts/*.yaml
var Texts embed.FS
