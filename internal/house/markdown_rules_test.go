package house

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The Markdown test reads prose, so it could well be blind without anybody
// noticing. Here each rule is seen to pass and to fail.
func TestTheMarkdownRulesCanFail(t *testing.T) {
	d := newDictionary(load(t))
	for _, row := range []struct {
		text string
		bad  string // part of the one complaint; "" for none
	}{
		{"see `align/doc.go`", ""},
		{"see `align/none.go`", "no such path"},
		{"see `internal/house`", ""},
		{"see `internal/home/`", "no such path"},
		{"the files `*_unsafe.go`", ""},
		{"the files `*_unsound.go`", "no such path"},
		{"`doc.go` comes first, `nodoc.go` second", "nodoc.go"},
		{"`offheap.example/lookaside/align`", ""},
		{"`offheap.example/lookaside/nowhere`", "no such package"},
		{"`golang.org/x/sys/unix` and `sync/atomic` and `/proc/PID/fd`", ""},
		{"`golang.org/x/net/none`", "no such path"},
		{"built for `linux/arm64`, 5 `ns/op`", ""},
		{"`../shared/traces` lies outside", ""},

		{"`align.Up` and `align.Up(n, 64)` and `align.TryUp[int](n, 64)`", ""},
		{"`align.Upwards`", "package align has no Upwards"},
		{"`align.saneCacheLine` is not exported", ""},
		{"`align.Integer.Method`", "has no Integer.Method"},
		{"`strings.Nothing` is not ours", ""},
		{"`align.Up` in prose, and align.Upwards outside a span", ""},
		{"`house.repository.fset`, `house.dictionary.check`", ""},
		{"`house.repository.nothing`", "has no repository.nothing"},

		{"run `go run ./internal/house`", ""},
		{"run `go run ./cmd/none`", "no such path"},
		{"run `go test ./...` or `go test ./align/...`", ""},
		{"```sh\ngo test ./none/...\n```\n", "no such path"},
		{"```sh\nmake test   # quick\n```\n", ""},
		{"```sh\nmake tea\n```\n", "make tea"},
		{"Thus:\n\n    go run ./align     # really\n    make race\n\nSo.", ""},
		{"Thus:\n\n    go run ./none      # really\n", "no such path"},
		{"Thus:\n\n    make noise         # really\n", "make noise"},
		{"  1. many words\n     which make sense\n", ""},
		{"`make test race`", ""},
		{"`make nonsense`", "make nonsense"},
		{"`make([]byte, n)` and `make`", ""},

		{"[the floor](align/doc.go), [out](https://example.org/x)", ""},
		{"[the floor](align/none.go)", "no such file"},
		{"# A heading, `here`\n[up](#a-heading-here)", ""},
		{"# A heading\n[up](#another)", "no such heading"},

		{"```go\npackage main\nimport \"offheap.example/lookaside/align\"\nvar x = align.Up(1, 2)\n```\n", ""},
		{"```go\npackage main\nimport \"offheap.example/lookaside/align\"\nvar x = align.Upon(1, 2)\n```\n", "has no Upon"},
		{"```go\npackage main\nimport \"offheap.example/lookaside/none\"\n```\n", "does not exist"},
		{"```go\npackage main\nfunc\n```\n", "does not parse"},
		{"```go\nb, err := d.Alloc(10)\n```\n", ""},
	} {
		complaints := d.check("README.md", row.text)
		if row.bad == "" {
			require.Empty(t, complaints, "%s", row.text)
			continue
		}
		require.Len(t, complaints, 1, "%s", row.text)
		require.Contains(t, complaints[0], row.bad, "%s", row.text)
	}
}

// A member of an embedded type is a member.
func TestEmbeddedMembersCount(t *testing.T) {
	d := &dictionary{names: map[string]map[string]bool{
		"memory": {"Object": true, "Object>object.Object": true, "Alias>Object": true, "Alias": true},
		"object": {"Object": true, "Object.Unref": true},
	}}
	d.settleEmbedding()
	require.Empty(t, d.checkName("", "memory", "Object", "Unref"))
	require.Empty(t, d.checkName("", "memory", "Alias", "Unref"))
	require.NotEmpty(t, d.checkName("", "memory", "Object", "Nothing"))
}
