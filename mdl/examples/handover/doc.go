// Handover gives scatter lists to another process, which reads and writes the
// same pages: nothing is copied but 16 bytes for each part of a list.
//
//	go run ./mdl/examples/handover
//
// The program starts itself again as the other side. The parent has an arena
// with a memory file and makes a list of single pages. It sends the list for
// writing, and the child puts the words in it into capitals; then for reading,
// and the child cannot write. At last the child is killed while it has a list,
// and the parent has its memory back.
package main
