package fuzz

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// registry has every fuzz target of the module, by the folder of its package.
var registry = map[string][]string{
	"align":           {"FuzzPages", "FuzzTry"},
	"bench/trace":     {"FuzzParse"},
	"fuzz":            {"FuzzAllocator", "FuzzConcurrent", "FuzzLookaside"},
	"internal/percpu": {"FuzzDecode"},
	"ioreq":           {"FuzzRequests"},
	"mdl":             {"FuzzPages", "FuzzPrograms", "FuzzWire"},
	"memory":          {"FuzzCopyBounds"},
	"object":          {"FuzzPrograms"},
	"stats":           {"FuzzSnapshot"},
}

// Every target in the source files is registered, every registered one is there, and each has seeds.
func TestRegistry(t *testing.T) {
	found := map[string][]string{}
	root := ".."
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			rel, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			folder := filepath.ToSlash(rel)
			found[folder] = append(found[folder], fn.Name.Name)
			require.True(t, calls(fn, "Add"), "%s: %s has no seeds", name, fn.Name.Name)
		}
		return nil
	})
	require.NoError(t, err)
	for _, names := range found {
		slices.Sort(names)
	}
	require.Equal(t, registry, found, "fuzz targets: the table `registry` in fuzz/registry_test.go and the source files")
	var mine []string
	for _, x := range targets {
		mine = append(mine, x.name)
	}
	slices.Sort(mine)
	require.Equal(t, registry["fuzz"], mine, "TestSmoke runs every target of this package")
}

// calls tells whether a function calls a method of that name.
func calls(fn *ast.FuncDecl, method string) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == method {
			found = true
		}
		return true
	})
	return found
}
