package xsd

// Base is the built-in type a simple type restricts.
type Base uint8

// The built-in types the schemas of ISO 20022 use.
const (
	String Base = iota
	DecimalBase
	BooleanBase
	DateBase
	DateTimeBase
	TimeBase
	GYearBase
	GYearMonthBase
	Base64Base
)

// Simple is a simple type: its base and facets.
type Simple struct {
	Name     string
	Base     Base
	MinLen   int      // characters (octets of base64Binary)
	MaxLen   int      // 0: none
	Pattern  *Regexp  // nil: none
	Enum     []string // nil: none
	Total    int      // totalDigits, 0: none
	Fraction int      // fractionDigits, -1: none; read only for decimals
	Positive bool     // minInclusive 0
}

// Attribute is an attribute of a type with simple content. All are required.
type Attribute struct {
	Name string
	Type *Simple
}

// Kind is the shape of a complex type.
type Kind uint8

// The shapes.
const (
	Sequence Kind = iota
	Alternatives
	Content  // simple content with attributes
	Wildcard // one element of any name
)

// Type is a complex type.
type Type struct {
	Name   string
	Kind   Kind
	Fields []Field     // Sequence, Alternatives
	Value  *Simple     // Content
	Attrs  []Attribute // Content
	AnyOf  string      // Wildcard: the namespace, "" any
	Skip   bool        // Wildcard: processContents skip, else lax
}

// Unbounded is the Max of an element that may stand any number of times.
const Unbounded = -1

// Field is an element within a type: either Simple or Complex is set.
type Field struct {
	Name     string
	Min, Max int
	Simple   *Simple
	Complex  *Type
}

// Index gives the place of the element in the type, or -1.
func (t *Type) Index(name string) int {
	for i := range t.Fields {
		if t.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// Root is a message's document element.
type Root struct {
	Namespace string
	Element   Field
}

// Limits bound what a document may cost. The zero value of a field is its
// default.
type Limits struct {
	Size       int64 // octets of a document; default 16 MiB, of a stream none
	Depth      int   // elements nested beneath the document's; default 256, as libxml2 has it
	Attributes int   // attributes and namespace declarations of one element; default 64, and of all elements around one four times as many
	Errors     int   // errors gathered before the reading ends; default 16
	Element    int   // octets of one element that a stream holds in memory; default 4 MiB
}

func (l Limits) filled() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.Depth, 256}, {&l.Attributes, 64}, {&l.Errors, 16}, {&l.Element, 4 << 20}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return l
}
