package gate

import (
	"fmt"

	cedar "github.com/cedar-policy/cedar-go"
)

// Resource is what an action is about, as the policies see it.
type Resource struct {
	Type string // a type of the room's policy.cedarschema, "OfficeFile"
	ID   string
	// Attrs must be what the schema declares for the type, no less and no more.
	// Values are string, bool, int, int64 or []string.
	Attrs map[string]any
}

// Entity is anything the gate can be asked about. Loaders give entities with
// their attributes already read.
type Entity interface {
	GateResource() Resource
}

// House is the resource of actions about nothing in particular.
type House struct{}

// GateResource gives House::"house".
func (House) GateResource() Resource { return Resource{Type: "House", ID: "house"} }

// entity gives the resource as Cedar sees it.
func (r Resource) entity() (cedar.Entity, error) {
	m := make(cedar.RecordMap, len(r.Attrs))
	for name, v := range r.Attrs {
		switch v := v.(type) {
		case string:
			m[cedar.String(name)] = cedar.String(v)
		case bool:
			m[cedar.String(name)] = cedar.Boolean(v)
		case int:
			m[cedar.String(name)] = cedar.Long(v)
		case int64:
			m[cedar.String(name)] = cedar.Long(v)
		case []string:
			set := make([]cedar.Value, len(v))
			for i, s := range v {
				set[i] = cedar.String(s)
			}
			m[cedar.String(name)] = cedar.NewSet(set...)
		default:
			return cedar.Entity{}, fmt.Errorf("attribute %s of %s is a %T: give a string, bool, int64 or []string", name, r.Type, v)
		}
	}
	return cedar.Entity{
		UID:        cedar.NewEntityUID(cedar.EntityType(r.Type), cedar.String(r.ID)),
		Attributes: cedar.NewRecord(m),
	}, nil
}
