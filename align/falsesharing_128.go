//go:build arm64 || ppc64 || ppc64le

package align

// FalseSharing is the distance in bytes at which two words can be written by
// two processors without either noticing the other: what is private to one P is
// laid out in a multiple of it.
//
// It is a constant because array lengths and struct padding are, so it cannot
// be read from the processor; it is the largest line among the machines of one
// GOARCH instead. On arm64 that is 128, for Apple's cores (most others have 64),
// and on ppc64 every POWER machine has 128.
const FalseSharing = 128
