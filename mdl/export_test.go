package mdl

// WithoutOwnMemory runs f in a world where nobody has taken memory without a
// source yet.
func WithoutOwnMemory(f func() error) error {
	own.mu.Lock()
	headers, heap := own.headers, own.heap
	own.headers, own.heap = nil, nil
	own.mu.Unlock()
	err := f()
	own.mu.Lock()
	if headers != nil {
		own.headers, own.heap = headers, heap
	}
	own.mu.Unlock()
	return err
}
