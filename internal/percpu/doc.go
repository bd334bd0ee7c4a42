// Package percpu keeps a piece of state alone with the processor it belongs to, without locks and without locked
// instructions.
package percpu
