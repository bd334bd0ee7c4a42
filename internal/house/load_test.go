package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "offheap.example/lookaside"

// root is where go.mod lies, seen from this package's folder.
var root = filepath.Join("..", "..")

// listed is what go list says about one package, ours or a dependency's.
type listed struct {
	ImportPath string
	Dir        string
	Name       string
	Standard   bool
	Module     *struct{ Path string }
	Deps       []string
}

// source is one Go file of this module, parsed. It is read whatever its build
// constraints say: a rule that holds on one platform only is no rule.
type source struct {
	path    string // from the root, with slashes
	pkg     string // the package's folder from the root; "" is the root
	test    bool
	file    *ast.File
	imports []string
}

// repository is everything the tests look at, read once.
type repository struct {
	packages map[string]listed // ours, by folder from the root
	others   map[string]listed // everything else that is reached, by import path
	files    []string          // every file that is not git's or built, from the root, with slashes
	folders  map[string]bool   // every folder that holds one of files
	sources  []source          // of this module, without testdata and nested modules
	strays   []source          // Go files in testdata
	fset     *token.FileSet
}

// load reads the repository once for all tests. It costs one go list.
func load(t *testing.T) *repository {
	t.Helper()
	repo, err := loadOnce()
	require.NoError(t, err)
	return repo
}

var loadOnce = sync.OnceValues(func() (*repository, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("house: no go command to ask for the packages")
	}
	repo := &repository{
		packages: map[string]listed{},
		others:   map[string]listed{},
		folders:  map[string]bool{".": true},
		fset:     token.NewFileSet(),
	}
	if err := repo.list(); err != nil {
		return nil, err
	}
	if err := repo.walk(); err != nil {
		return nil, err
	}
	return repo, nil
})

// list asks the go command. A package that does not compile is no error here:
// compiling it says so better.
func (r *repository) list() error {
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Dir,Name,Standard,Module,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return errors.New("house: go list: " + err.Error() + "\n" + stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if p.Module != nil && p.Module.Path == modulePath {
			r.packages[folderOf(p.ImportPath)] = p
		} else {
			r.others[p.ImportPath] = p
		}
	}
}

// folderOf turns an import path of this module into a folder from the root.
func folderOf(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, modulePath), "/")
}

// ours reports whether an import path is of this module.
func ours(importPath string) bool {
	return importPath == modulePath || strings.HasPrefix(importPath, modulePath+"/")
}

func (r *repository) walk() error {
	nested := map[string]bool{}
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if rel == ".git" || rel == "bin" || rel == "dist" {
				return fs.SkipDir
			}
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			nested[rel] = rel != "." && (nested[path.Dir(rel)] || err == nil)
			return nil
		}
		r.files = append(r.files, rel)
		for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
			r.folders[dir] = true
		}
		if path.Ext(rel) != ".go" || nested[path.Dir(rel)] {
			return nil
		}
		return r.parse(name, rel)
	})
}

func (r *repository) parse(name, rel string) error {
	file, err := parser.ParseFile(r.fset, name, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	src := source{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), file: file}
	if src.pkg == "." {
		src.pkg = ""
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		src.imports = append(src.imports, imported)
	}
	if strings.Contains("/"+rel, "/testdata/") || neverBuilt(file) {
		r.strays = append(r.strays, src)
	} else {
		r.sources = append(r.sources, src)
	}
	return nil
}

// neverBuilt reports whether a file is a program that is run by its name
// (//go:build ignore) and so no part of the package it lies beside.
func neverBuilt(file *ast.File) bool {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			break
		}
		for _, line := range group.List {
			if expr, err := constraint.Parse(line.Text); err == nil && expr.String() == "ignore" {
				return true
			}
		}
	}
	return false
}

// generated reports whether a file says that a program wrote it.
func (s source) generated() bool { return ast.IsGenerated(s.file) }
