package store

// Wake is a listener of one topic in this process. C receives when something
// was committed since the last receive; several wakes may be one.
type Wake struct {
	C     <-chan struct{}
	c     chan struct{}
	db    *DB
	topic string
}

// Listen is woken after each commit that woke the topic. It saves waiting for
// the next poll and is never needed for correctness: other processes' commits
// are not heard. Stop it when done.
func (db *DB) Listen(topic string) *Wake {
	c := make(chan struct{}, 1)
	w := &Wake{C: c, c: c, db: db, topic: topic}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.topics[topic] == nil {
		db.topics[topic] = map[*Wake]struct{}{}
	}
	db.topics[topic][w] = struct{}{}
	return w
}

// Stop ends listening.
func (w *Wake) Stop() {
	w.db.mu.Lock()
	defer w.db.mu.Unlock()
	delete(w.db.topics[w.topic], w)
}

// Wake wakes the listeners of a topic in this process now.
func (db *DB) Wake(topic string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for w := range db.topics[topic] {
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}
