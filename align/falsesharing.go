//go:build !arm64 && !ppc64 && !ppc64le && !s390x

package align

// FalseSharing is the distance in bytes at which two words can be written by
// two processors without either noticing the other: what is private to one P is
// laid out in a multiple of it.
//
// It is a constant because array lengths and struct padding are, so it cannot
// be read from the processor; it is the largest line among the machines of one
// GOARCH instead. On amd64 that is 64 and has been since the first one. (Intel's
// adjacent-line prefetcher fetches pairs of lines, which is why some libraries
// pad to 128; it does not take lines away from a processor that writes them, and
// what is padded here is several lines long, so at most its two ends could be
// touched, at twice the padding.)
const FalseSharing = 64
