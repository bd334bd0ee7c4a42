//go:build !race && !lookaside_tokens

package percpu

// raceBit is 1 in race builds.
const raceBit = 0
