package observatory_test

import (
	"fmt"

	"sarai/rooms/observatory"
)

// Indicators and their targets are data: to change a target, change a line.
func Example() {
	list, err := observatory.ParseIndicators([]byte(`
- id: in-time
  kind: share
  target: 95
  better: up
  public: true
  events: [office.case.decided]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(list[0].ID, list[0].Target, list[0].Public)
	// Output: in-time 95 true
}
