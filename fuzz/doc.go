// Package fuzz attacks the public API from outside: fuzz targets, smoke tests that run all of them briefly, stress
// with refusals and closings in the middle of everything, and crimes that end a process of their own.
//
// It has tests only. The targets are
//
//	FuzzAllocator   programs of package internal/model on the real thing and on a reference
//	FuzzLookaside   lists of any configuration, those that make no sense included
//	FuzzConcurrent  one program dealt to several goroutines that hand blocks to each other
//
// Other packages have their own; the registry in this package lists every target of the module, and a test compares
// it with what is in the source files. TestSmoke gives each target of this package random inputs, whose seed it
// prints and takes from LOOKASIDE_SEED.
//
//	go test ./fuzz -run Smoke
//	go test ./fuzz -run '^$' -fuzz '^FuzzAllocator$' -fuzztime 1m
package fuzz
