package align

// FalseSharing is the distance in bytes at which two words can be written by
// two processors without either noticing the other: what is private to one P is
// laid out in a multiple of it. Lines are 256 bytes on every z machine.
const FalseSharing = 256
