package arena

// What the compiler cannot check here: that the address is only compared.
//
// Why it holds: find and runAt take it as a number; the run is made from the page map.
//
// What would break it: following p.

import "unsafe"

// RunAround is the run in use that the address p lies in; false when there is none. For the floor above, which keeps
// addresses instead of runs.
func (a *Arena) RunAround(p unsafe.Pointer) (Run, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.around(p)
}

// around is RunAround under the lock.
func (a *Arena) around(p unsafe.Pointer) (Run, bool) {
	at := a.find(uintptr(p))
	if at == nil {
		return Run{}, false
	}
	first, pages, state := a.runAt(at, uint32((uintptr(p)-at.addr())>>a.shift))
	if state != PageUsed {
		return Run{}, false
	}
	return a.run(at, first, pages, uint32(at.heads[first]>>34)), true
}
