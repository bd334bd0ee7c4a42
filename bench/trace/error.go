package trace

import "fmt"

// SyntaxError is a trace that cannot be: it says where and what is wrong in
// one line.
type SyntaxError struct {
	File string
	Line int // from 1
	Msg  string
	Err  error // what reading the file failed with, if that is it
}

// Error is FILE:LINE: what is wrong.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// Unwrap returns what reading failed with, or nil.
func (e *SyntaxError) Unwrap() error { return e.Err }
