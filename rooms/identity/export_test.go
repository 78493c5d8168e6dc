package identity

// Sweep is the nightly clearing, for stories told from outside the room.
var Sweep = sweep
