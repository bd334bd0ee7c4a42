package house

import (
	"encoding/json"
	"go/ast"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// under reports whether an import path is prefix or lies below it.
func under(importPath, prefix string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

const (
	systemModule  = "golang.org/x/sys"
	cpuidModule   = "github.com/klauspost/cpuid/v2"
	testifyModule = "github.com/stretchr/testify"
)

// systemTypes are the packages whose public signatures have a type of
// golang.org/x/sys/unix, and the only names that each may use of it.
var systemTypes = map[string][]string{
	"mdl":   {"Iovec"},
	"netio": {"Iovec"},
}

func TestOnlySysImportsTheSystem(t *testing.T) {
	repo := load(t)
	for _, src := range repo.sources {
		for _, spec := range src.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if !under(imported, systemModule) || src.pkg == "internal/sys" {
				continue
			}
			names, allowed := systemTypes[src.pkg]
			if !allowed {
				t.Errorf("%s imports %s: only internal/sys may", src.path, imported)
				continue
			}
			if src.test {
				continue
			}
			for _, used := range selected(src.file, importName(spec)) {
				require.Contains(t, names, used, "%s uses unix.%s: the package may name the types of its public signatures only", src.path, used)
			}
		}
	}
}

// importName is the name by which a file knows what it imports.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	return imported[strings.LastIndexByte(imported, '/')+1:]
}

// selected lists the names that a file uses of one import.
func selected(file *ast.File, name string) []string {
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
				names = append(names, sel.Sel.Name)
			}
		}
		return true
	})
	return names
}

func TestOnlyAlignImportsCpuid(t *testing.T) {
	repo := load(t)
	seen := false
	for _, src := range repo.sources {
		for _, imported := range src.imports {
			if under(imported, cpuidModule) {
				seen = true
				require.Equal(t, "align", src.pkg, "%s imports %s: ask align.CacheLine instead", src.path, imported)
			}
		}
	}
	require.True(t, seen, "nobody imports cpuid: the dependency can go")
}

func TestTestifyStaysInTests(t *testing.T) {
	repo := load(t)
	for _, src := range repo.sources {
		for _, imported := range src.imports {
			if !under(imported, testifyModule) {
				continue
			}
			require.True(t, src.test || floors[src.pkg].support,
				"%s imports %s outside a test; a package for tests only is marked `support` in internal/house/floors_test.go", src.path, imported)
			require.Equal(t, testifyModule+"/require", imported, "%s: this house uses require alone", src.path)
		}
	}
	// The same from the other end: nothing that ships reaches it, by any road.
	for folder, p := range repo.packages {
		if floors[folder].support {
			continue
		}
		for _, dep := range p.Deps {
			require.False(t, under(dep, testifyModule), "%s reaches %s", show(folder), dep)
		}
	}
}

func TestPureGo(t *testing.T) {
	for _, src := range load(t).sources {
		require.NotContains(t, src.imports, "C", "%s needs a C compiler", src.path)
	}
}

func TestGoMod(t *testing.T) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	var mod struct {
		Module  struct{ Path string }
		Go      string
		Require []struct {
			Path, Version string
			Indirect      bool
		}
		Replace, Exclude []struct{ Old struct{ Path string } }
	}
	require.NoError(t, json.Unmarshal(out, &mod))
	require.Equal(t, modulePath, mod.Module.Path)
	require.Equal(t, "1.25.0", mod.Go)
	require.Empty(t, mod.Replace, "a replace line means nothing to those who import the module")
	require.Empty(t, mod.Exclude)
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	require.ElementsMatch(t, []string{systemModule, cpuidModule, testifyModule}, direct, "the module has three direct dependencies")
}
