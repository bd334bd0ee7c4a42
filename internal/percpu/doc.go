// Package percpu lets code be alone with an id for a moment: no other goroutine is in a section with that id until
// the section ends. Whoever keeps one piece of state per id needs neither a lock nor a locked instruction for it. It
// is the only package that knows how this is done.
//
// # Sections
//
// A P is what the Go scheduler calls a processor: GOMAXPROCS of them exist, numbered from 0, and one goroutine runs on
// each at a time. A goroutine that cannot be taken off its P in the course of a few instructions is alone with that
// P's number in these instructions. There are two ways to such a section, which exclude each other too:
//
//	id := percpu.Pin()      any function: the scheduler is told to keep the goroutine
//	...                     where it is
//	percpu.Unpin(id)
//
//	//go:nosplit            a function that the scheduler has no way to stop: it asks for no
//	//go:noinline           stack, and the compiler marks each of its points as one where a
//	func f() {              signal must not stop it. The section begins with ID and ends
//		id := percpu.ID()   with the function, or with its first call of a function that is
//		...                 not nosplit (or assembly) all the way down
//	}
//
// The second way costs one indirect call of four instructions, the first two calls and a counter. Both directives
// are needed in the second: inlined into a function without them, the code could be stopped anywhere.
//
// In a section nothing may block, allocate, panic, call out, start another section, or follow a pointer that foreign
// code could have written. A panic in a section cannot be recovered.
//
// Ids may exceed what MaxID returned a moment ago, since GOMAXPROCS may change at any time, and ID returns -1 where
// it has nothing to say. One comparison serves both: code with uint(id) >= uint(len(table)) takes its slow path.
//
// # Modes
//
//	mode           ID   Pin and Unpin                 chosen when
//	Unpreemptible  id   the runtime's procPin          procPin's machine code was understood (linux; amd64, arm64)
//	Pinned         -1   the runtime's procPin          anything else; race builds; build tag lookaside_pinned
//	Tokens         -1   one of a fixed set of tokens   build tag lookaside_tokens: nothing of the runtime's is linked to
//
// The mode is decided once, before other packages run; Current tells it. Where a build cannot be Unpreemptible at all
// HasID is false and code behind it is not compiled.
//
// ID follows three pointers whose offsets differ between toolchains. They are read at start-up from the machine code of
// procPin, which follows the same pointers; code that does not look exactly as expected is not trusted, and what ID
// returns is compared with what procPin returns before anybody else may call it. Tested toolchains, all of them in
// mode Unpreemptible on amd64 and (emulated) on arm64:
//
//	go1.26.8   offsets built in
//	go1.25.5   offsets built in
//	go1.25.0   offsets built in
//
// Other toolchains whose procPin has the same shape work too, with offsets loaded from memory. A build without
// optimization (-gcflags=all=-N) has a procPin of another shape and is in mode Pinned.
//
// # Reaching every id
//
// A section takes no lock, so nobody else can take one against it. Instead:
//
//  1. Each piece of state has a mark, which its sections load with sync/atomic; where it is set, they leave the state
//     alone and take a slow path.
//  2. The visitor sets the marks and calls Barrier. A section that began before has not seen the mark, but it is over
//     when Barrier returns; one that begins later sees it.
//  3. The visitor does what it wants with the state, in plain loads and stores, and clears the marks with sync/atomic.
//
// Visitors exclude each other by a lock of their own. Barrier stops the world: no P can stop in the middle of a
// section, and the world has not stopped before all of them have.
//
// # Race builds
//
// The race detector does not know that sections of one id follow one another. In race builds Pin acquires and Unpin
// releases an address of that id, and Barrier acquires them all.
package percpu
