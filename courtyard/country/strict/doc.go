// Package strict reads YAML files that people write by hand and that a nation
// depends on: country packs and service definitions. It knows nothing of
// either. Unlike an ordinary decoder it
//
//   - wants every key, unless the field is marked optional, and refuses every
//     key it does not know;
//   - refuses anchors, aliases, merges and tags, which let a file say something
//     other than what a reader sees;
//   - wants every sentence in every language;
//   - goes on after a mistake, and names each one with file, line and reason.
package strict
