// Package pdf writes small, lasting documents: letters and certificates in
// English and Urdu that look the same in fifty years.
//
// A Document is laid out by measure, from the top of the page, in points
// (1/72 inch). Text is put in visual order by the Unicode bidirectional
// algorithm (UAX 9, golang.org/x/text), shaped by a port of HarfBuzz
// (go-text/typesetting, pinned at 0.3.0: later versions misplace Nastaliq) and
// drawn from fonts that are part of this package, of which only the glyphs
// used are embedded (CIDFontType2, Identity-H, with ToUnicode).
//
// What is written follows ISO 32000-1 (PDF 1.7) with the constraints of
// ISO 19005-3 (PDF/A-3, level U) and the tagging of ISO 14289-1 (PDF/UA-1):
// every piece of content is either part of the structure tree or an artifact,
// every word carries its ActualText, the metadata are XMP, colours are sRGB with
// its profile, and the text a document was made from can be attached to it.
// Conformance is checked by our own tests and qpdf, not by veraPDF.
//
// Output is deterministic: the same calls give the same bytes.
//
// The package knows nothing of the house and signs nothing. SignatureField
// leaves a gap that package pades fills.
package pdf
