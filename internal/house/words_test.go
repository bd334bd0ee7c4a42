package house

import (
	"bytes"
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	repo := load(t)
	says := map[string]bool{}
	for _, src := range repo.sources {
		if src.test || src.file.Doc == nil {
			continue
		}
		says[src.pkg] = true
		if name := src.file.Name.Name; name != "main" {
			require.Equal(t, "doc.go", path.Base(src.path), "%s has a package comment: its place is doc.go", src.path)
			require.True(t, strings.HasPrefix(src.file.Doc.Text(), "Package "+name+" "), "%s does not begin with \"Package %s\"", src.path, name)
		}
	}
	for folder := range repo.packages {
		require.True(t, says[folder], "%s has no package comment", show(folder))
	}
}

// Exported names are documented everywhere but in tests and programs. A name in
// a group of constants or variables may share the comment of the group.
func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, src := range load(t).sources {
		if src.test || src.file.Name.Name == "main" {
			continue
		}
		for _, decl := range src.file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s is exported and has no comment", src.path, name)
			}
		}
	}
}

// undocumented lists the exported names of one declaration that have no comment.
func undocumented(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || token.IsExported(receiver(d))) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
		return names
	}
	return nil
}

// receiver is the type that a method belongs to, without its star or brackets.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	return baseName(fn.Recv.List[0].Type)
}

// baseName is the name of a type without star, package or brackets.
func baseName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return baseName(e.X)
	case *ast.ParenExpr:
		return baseName(e.X)
	case *ast.IndexExpr:
		return baseName(e.X)
	case *ast.IndexListExpr:
		return baseName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// Words that this house does not use in names, and what to say instead.
var unusedWords = map[string]string{
	"chunk":   "say block, run or segment",
	"item":    "say what it is",
	"manager": "say what it does",
	"util":    "say what it does",
	"utils":   "say what it does",
	"common":  "say what it does",
}

func TestWordsThatAreNotUsed(t *testing.T) {
	for _, src := range load(t).sources {
		if src.test || src.generated() {
			continue
		}
		ast.Inspect(src.file, func(n ast.Node) bool {
			for _, name := range declared(n) {
				for _, word := range words(name) {
					if instead, unused := unusedWords[word]; unused {
						t.Errorf("%s: %s: %q is not a word of this house: %s", src.path, name, word, instead)
					}
				}
			}
			return true
		})
	}
}

// declared lists the names that a syntax node declares at package level or in
// a type.
func declared(n ast.Node) []string {
	var idents []*ast.Ident
	switch d := n.(type) {
	case *ast.FuncDecl:
		idents = []*ast.Ident{d.Name}
	case *ast.TypeSpec:
		idents = []*ast.Ident{d.Name}
	case *ast.ValueSpec:
		idents = d.Names
	case *ast.Field:
		idents = d.Names
	}
	names := make([]string, 0, len(idents))
	for _, ident := range idents {
		names = append(names, ident.Name)
	}
	return names
}

// words splits a Go name where its capitals are.
func words(name string) []string {
	var list []string
	start := 0
	runes := []rune(name)
	for i := 1; i <= len(runes); i++ {
		if i == len(runes) || unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1]) || runes[i] == '_' {
			list = append(list, strings.ToLower(strings.Trim(string(runes[start:i]), "_")))
			start = i
		}
	}
	return list
}

func TestWords(t *testing.T) {
	require.Equal(t, []string{"new", "chunk", "list"}, words("newChunkList"))
	require.Equal(t, []string{"memory", "util"}, words("memory_util"))
	require.Equal(t, []string{"item"}, words("item"))
}

// Folders that exist on the machine of whoever wrote a file and on no other.
// Put together here so that this file does not name one.
var homeFolder = regexp.MustCompile(`(?m)(?:^|[\s"'=(` + "`" + `])/(?:` + strings.Join([]string{"wo" + "rk", "ro" + "ot", "ho" + "me", "Use" + "rs"}, "|") + `)/[\w.]`)

// Marks of work that was put off; put together for the same reason.
var putOff = regexp.MustCompile(`\b(?:` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}, "|") + `)\b`)

func TestNoFileKnowsItsMachine(t *testing.T) {
	require.Regexp(t, homeFolder, "see /ho"+"me/somebody/x")
	require.NotRegexp(t, homeFolder, "bench/ho"+"me/x")
	noText(t, homeFolder, "names a folder of one machine")
}

func TestNothingIsPutOff(t *testing.T) {
	require.Regexp(t, putOff, "// TO"+"DO: later")
	require.NotRegexp(t, putOff, "context.TO"+"DOS")
	noText(t, putOff, "puts something off: do it, or leave it out")
}

// noText fails for each text file of the repository that has what pattern finds.
func noText(t *testing.T, pattern *regexp.Regexp, complaint string) {
	t.Helper()
	for _, file := range load(t).files {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		require.NoError(t, err)
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			continue // not text
		}
		if at := pattern.FindIndex(text); at != nil {
			t.Errorf("%s:%d %s: %q", file, 1+bytes.Count(text[:at[1]-1], []byte("\n")), complaint, text[at[0]:at[1]])
		}
	}
}
