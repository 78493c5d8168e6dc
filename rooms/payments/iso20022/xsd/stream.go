package xsd

// feed is where more of a document comes from.
type feed struct {
	line, column int // of the beginning of what is in memory
}

func (r *Reader) fill(*Type) bool { return true }
