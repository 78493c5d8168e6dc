package payments

// Ledger is the room's ledger, for tests that ask it directly.
func (r *Room) Ledger() Ledger { return r.ledger }

// Sequencer is what stands behind it.
func (r *Room) Sequencer() *Sequencer { return r.sequencer }
