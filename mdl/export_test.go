package mdl

// WithoutOwnMemory runs f in a world where nobody has taken memory without a
// source yet.
func WithoutOwnMemory(f func() error) error {
	before := own.open.Swap(nil)
	err := f()
	if before != nil {
		own.open.Store(before)
	}
	return err
}
