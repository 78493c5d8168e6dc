package payments

import "sync"

// hubOpen remembers transfers that this process has reserved, so that their answer
// need not look for them. What it says may be out of date: whoever changes a transfer
// does it under the condition that its line in the table is still open.
type hubOpen struct {
	mu         sync.Mutex
	young, old map[string]*HubTransfer // by id
}

// hubOpenMost is how many are remembered at most, twice. Who answers later than that is
// found in the table.
const hubOpenMost = 1 << 14

func (o *hubOpen) put(t *HubTransfer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.young == nil || len(o.young) >= hubOpenMost {
		o.young, o.old = map[string]*HubTransfer{}, o.young
	}
	o.young[t.ID] = t
}

// take gives a transfer once; nil when it is not remembered.
func (o *hubOpen) take(id string) *HubTransfer {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.young[id]
	if t == nil {
		t = o.old[id]
	}
	delete(o.young, id)
	delete(o.old, id)
	return t
}
