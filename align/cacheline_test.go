package align

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCacheLine(t *testing.T) {
	require.True(t, IsPow2(CacheLine()))
	require.GreaterOrEqual(t, CacheLine(), 16)
	require.LessOrEqual(t, CacheLine(), 1024)
	if runtime.GOARCH == "amd64" {
		require.Equal(t, 64, CacheLine())
	}
}

// The constant has to keep its promise on the machine that runs the test.
func TestFalseSharingCoversTheLine(t *testing.T) {
	require.True(t, IsPow2(FalseSharing))
	require.Zero(t, FalseSharing%CacheLine(), "a multiple of %d bytes must be whole lines of %d", FalseSharing, CacheLine())
}

func TestSaneCacheLine(t *testing.T) {
	for _, row := range []struct {
		reported     int
		goos, goarch string
		want         int
	}{
		{64, "linux", "amd64", 64},
		{32, "linux", "arm", 32},
		{128, "linux", "arm64", 128},
		{256, "linux", "s390x", 256},
		{0, "linux", "amd64", 64},
		{-1, "windows", "amd64", 64},
		{0, "linux", "arm64", 64},
		{0, "darwin", "arm64", 128},
		{0, "ios", "arm64", 128},
		{0, "darwin", "amd64", 64},
		{48, "linux", "amd64", 64},
		{8, "linux", "amd64", 64},
		{4096, "linux", "amd64", 64},
	} {
		require.Equal(t, row.want, saneCacheLine(row.reported, row.goos, row.goarch), "%+v", row)
	}
}
