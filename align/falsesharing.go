//go:build !arm64 && !ppc64 && !ppc64le && !s390x

package align

// FalseSharing is the distance in bytes at which two words can be written by
// two processors without either noticing the other: what is private to one P is
// laid out in a multiple of it.
//
// It is a constant because array lengths and struct padding are, so it cannot
// be read from the processor; it is the largest line among the machines of one
// GOARCH instead. On amd64 that is 64. (Some libraries pad to 128 there, because
// Intel's adjacent-line prefetcher fetches lines in pairs. What is padded here is
// many lines long and written by one P in the usual case, so only its first and
// last line could be fetched in vain; that is not worth twice the padding.)
const FalseSharing = 64
