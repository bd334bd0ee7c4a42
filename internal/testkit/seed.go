package testkit

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// SeedVariable is the environment variable that gives a seed back.
const SeedVariable = "LOOKASIDE_SEED"

// Seed is the seed for a random test: the one in LOOKASIDE_SEED, or a new one. It is printed with the test.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv(SeedVariable); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 0, 64)
		require.NoError(t, err, SeedVariable)
	}
	t.Logf("%s=%d gives this run again", SeedVariable, seed)
	return seed
}

// Rand is a source of random numbers from Seed. Streams of one seed are told apart by their number.
func Rand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// Bytes is n random bytes.
func Bytes(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}
