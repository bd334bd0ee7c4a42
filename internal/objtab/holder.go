package objtab

// Holder says who holds a reference on an object, in words for reports. It
// is comparable: who takes a reference as a Holder drops it as the same one.
type Holder struct {
	Kind string // what holds it: "request", "list"; not empty
	ID   uint64 // which of them; 0 where they have no numbers
	Name string // what it is at: "read", "write"; may be empty
}

// Nobody is the Kind of holders who did not say who they are.
const Nobody = "reference"

// Held is what one Holder has of one object.
type Held struct {
	Holder
	Count int       // references, at least 1
	PCs   []uintptr // where they were taken, innermost first, as runtime.Callers gives them; empty unless it was recorded
}
