// Package ioreq has requests: one I/O each, on memory that stays where it is
// until the I/O is over, whoever deletes it meanwhile.
package ioreq
