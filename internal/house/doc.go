// Package house holds the tests that check the repository itself. There is
// nothing in it to import.
//
// What is checked, and in which file the rule can be changed:
//
//	floors_test.go     every package has a floor; imports go down
//	imports_test.go    who may import x/sys, cpuid, testify, "C"; test support
//	                   stays in tests; go.mod has three direct dependencies
//	unsafe_test.go     unsafe is imported in *_unsafe.go only, each file is
//	                   listed and says why it holds; assembly is listed too
//	words_test.go      package and export comments; words that are not used;
//	                   no file knows the machine it was written on, and none
//	                   puts work off
//	markdown_test.go   every path, identifier, make target and link that the
//	                   Markdown names exists
//
// A new package is added to the table in floors_test.go, a new unsafe file to
// the list in unsafe_test.go: both are meant to come up in review.
package house
