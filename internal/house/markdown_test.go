package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMarkdownIsTrue takes every link, code span and code block of every
// Markdown file, and looks for what it names. In code:
//
//   - `slab/doc.go`, `internal/percpu`, `*_unsafe.go`: a path from the root or
//     from the file's own folder; anything with a slash is a path, unless it is
//     a package of the standard library or of a dependency;
//   - `arena.Open`, `arena.Arena.Close`, `slab.refill(n)`: a name of one of our
//     packages, exported or not, with an optional method or field;
//   - `make race`: a target of the Makefile, in blocks as well;
//   - ./cmd/allocstat, in blocks as well: a path from the root (of an indented
//     block, the lines that begin with make, go or .ci/run are read);
//   - a block that is a whole Go file: the names that it uses of our packages.
func TestMarkdownIsTrue(t *testing.T) {
	repo := load(t)
	d := newDictionary(repo)
	seen := 0
	for _, file := range repo.files {
		if path.Ext(file) != ".md" {
			continue
		}
		seen++
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		require.NoError(t, err)
		for _, complaint := range d.check(file, string(text)) {
			t.Errorf("%s: %s", file, complaint)
		}
	}
	require.NotZero(t, seen, "no Markdown file was found")
}

// dictionary is what Markdown may name.
type dictionary struct {
	repo    *repository
	names   map[string]map[string]bool // package name to "Name" and "Type.Member"
	targets map[string]bool            // of the Makefile
}

func newDictionary(repo *repository) *dictionary {
	d := &dictionary{repo: repo, names: map[string]map[string]bool{}, targets: map[string]bool{}}
	for _, src := range repo.sources {
		name := strings.TrimSuffix(src.file.Name.Name, "_test")
		if name == "main" {
			name = path.Base(src.pkg)
		}
		if d.names[name] == nil {
			d.names[name] = map[string]bool{}
		}
		for _, decl := range src.file.Decls {
			addDeclared(d.names[name], decl)
		}
	}
	d.settleEmbedding()
	if text, err := os.ReadFile(filepath.Join(root, "Makefile")); err == nil {
		for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z -]*):(?:[^=]|$)`).FindAllStringSubmatch(string(text), -1) {
			for _, target := range strings.Fields(m[1]) {
				d.targets[target] = true
			}
		}
	}
	return d
}

// addDeclared enters the names of one declaration: "Name", "Type.Member", and
// "Type>Other" where Type embeds or is another name for Other.
func addDeclared(names map[string]bool, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if of := receiver(d); of != "" {
			names[of+"."+d.Name.Name] = true
		} else {
			names[d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[name.Name] = true
				}
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				addMembers(names, s)
			}
		}
	}
}

func addMembers(names map[string]bool, spec *ast.TypeSpec) {
	var fields []*ast.Field
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		fields = typ.Fields.List
	case *ast.InterfaceType:
		fields = typ.Methods.List
	default:
		names[spec.Name.Name+">"+qualified(typ)] = true
	}
	for _, field := range fields {
		for _, name := range field.Names {
			names[spec.Name.Name+"."+name.Name] = true
		}
		if len(field.Names) == 0 { // embedded
			names[spec.Name.Name+"."+baseName(field.Type)] = true
			names[spec.Name.Name+">"+qualified(field.Type)] = true
		}
	}
}

// qualified is a type's name with its package, when it has one.
func qualified(expr ast.Expr) string {
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if sel, ok := expr.(*ast.SelectorExpr); ok {
		return baseName(sel.X) + "." + sel.Sel.Name
	}
	return baseName(expr)
}

// settleEmbedding gives every type the members of what it embeds, until nothing
// is added any more.
func (d *dictionary) settleEmbedding() {
	for added := true; added; {
		added = false
		for pkg, names := range d.names {
			for entry := range names {
				outer, inner, found := strings.Cut(entry, ">")
				if !found {
					continue
				}
				from, typ, elsewhere := strings.Cut(inner, ".")
				if !elsewhere {
					from, typ = pkg, inner
				}
				for other := range d.names[from] {
					member, ok := strings.CutPrefix(other, typ+".")
					if ok && !names[outer+"."+member] {
						names[outer+"."+member] = true
						added = true
					}
				}
			}
		}
	}
}

var (
	fence    = regexp.MustCompile("(?ms)^ {0,3}```([^\n]*)\n(.*?)^ {0,3}```")
	indented = regexp.MustCompile(`(?m)^ {4}((?:make|go|\.ci/run) .*)$`)
	span     = regexp.MustCompile("`+([^`\n]+)`+")
	link     = regexp.MustCompile(`\]\(([^)\s]+)(?:\s+"[^"]*")?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	pathLike = regexp.MustCompile(`^[\w.*@+-]*(?:/[\w.*@+-]+)+/?$|^[\w*.-]+\.(?:go|md|mod|sum|s|yml|yaml|json|txt|golden|gz|sh)$`)
	goName   = regexp.MustCompile(`^[*&]?([a-z]\w*)\.([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?(?:\[[^\]]*\])?(?:\(.*\))?$`)
	command  = regexp.MustCompile(`(?m)(?:^|[\s;&|])make((?: +[a-z][a-z-]*)+) *(?:#.*)?$`)
	dotPath  = regexp.MustCompile(`(?:^|[\s=])(\./[\w./*-]*)`)
)

// check returns what a Markdown text names and the repository does not have.
func (d *dictionary) check(file, text string) []string {
	var complaints []string
	complain := func(list ...string) { complaints = append(complaints, list...) }
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		complain(d.checkCommands(m[2])...)
		if strings.TrimSpace(m[1]) == "go" {
			complain(d.checkProgram(m[2])...)
		}
	}
	headings := text
	for _, m := range indented.FindAllStringSubmatch(fence.ReplaceAllString(text, "\n"), -1) {
		complain(d.checkCommands(m[1])...)
	}
	text = fence.ReplaceAllString(text, "\n")
	headings = fence.ReplaceAllString(headings, "\n")
	for _, m := range span.FindAllStringSubmatch(text, -1) {
		complain(d.checkSpan(file, strings.TrimSpace(m[1]))...)
	}
	text = span.ReplaceAllString(text, "code")
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		complain(d.checkLink(file, m[1], headings)...)
	}
	return complaints
}

func (d *dictionary) checkSpan(file, code string) []string {
	if strings.ContainsAny(code, " \t") {
		return d.checkCommands(code)
	}
	// A file name first: align.go would also do as a name of package align.
	if pathLike.MatchString(code) || strings.HasPrefix(code, "./") {
		return d.checkPath(file, code)
	}
	if m := goName.FindStringSubmatch(code); m != nil {
		return d.checkName(code, m[1], m[2], m[3])
	}
	return nil
}

// checkName looks for pkg.Name or pkg.Type.Member, when pkg is one of ours.
func (d *dictionary) checkName(code, pkg, name, member string) []string {
	names, known := d.names[pkg]
	if !known {
		return nil
	}
	if member != "" {
		name += "." + member
	}
	if !names[name] {
		return []string{"`" + code + "`: package " + pkg + " has no " + name}
	}
	return nil
}

// checkCommands looks at what a line of shell names: make targets and paths
// that begin with ./ (the root).
func (d *dictionary) checkCommands(code string) []string {
	var complaints []string
	for _, m := range command.FindAllStringSubmatch(code, -1) {
		for _, target := range strings.Fields(m[1]) {
			if !d.targets[target] {
				complaints = append(complaints, "`make "+target+"`: the Makefile has no such target")
			}
		}
	}
	for _, m := range dotPath.FindAllStringSubmatch(code, -1) {
		complaints = append(complaints, d.checkPath("README.md", m[1])...)
	}
	return complaints
}

// checkProgram looks at the names that a whole Go file uses of our packages.
func (d *dictionary) checkProgram(code string) []string {
	if !strings.HasPrefix(strings.TrimSpace(code), "package ") {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), "block.go", code, 0)
	if err != nil {
		return []string{"a Go block does not parse: " + err.Error()}
	}
	var complaints []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !ours(imported) {
			continue
		}
		if _, exists := d.repo.packages[folderOf(imported)]; !exists {
			complaints = append(complaints, "a Go block imports "+imported+", which does not exist")
			continue
		}
		for _, name := range selected(file, importName(spec)) {
			complaints = append(complaints, d.checkName(path.Base(imported)+"."+name, path.Base(imported), name, "")...)
		}
	}
	return complaints
}

// Things with a slash that are neither paths nor packages.
var slashed = []string{"ns/op", "B/op", "allocs/op", "MB/s", "N/A", "n/a"}

// platforms are the first halves of GOOS/GOARCH.
var platforms = []string{"linux", "darwin", "windows", "freebsd", "android", "ios", "js", "wasip1"}

func (d *dictionary) checkPath(file, code string) []string {
	name := strings.TrimSuffix(strings.TrimSuffix(code, "/"), "/...")
	first, _, _ := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(name, "/") || first == ".." || name == "." || name == "...":
		return nil // outside the repository, or all of it
	case slices.Contains(slashed, name) || slices.Contains(platforms, first):
		return nil
	case ours(name):
		if _, exists := d.repo.packages[folderOf(name)]; !exists {
			return []string{"`" + code + "`: there is no such package"}
		}
		return nil
	case strings.Contains(name, "/") && d.knowsImport(name):
		return nil
	}
	if d.exists(path.Clean(name)) || d.exists(path.Join(path.Dir(file), name)) {
		return nil
	}
	if !strings.Contains(name, "/") { // a bare file name, wherever it is
		for _, known := range d.repo.files {
			if matches(name, path.Base(known)) {
				return nil
			}
		}
	}
	return []string{"`" + code + "`: there is no such path (and anything with a slash in it is taken for one)"}
}

// knowsImport reports whether a path is a package, or a module, that is used.
func (d *dictionary) knowsImport(name string) bool {
	if p, ok := d.repo.others[name]; ok && (p.Standard || p.Module != nil) {
		return true
	}
	for _, p := range d.repo.others {
		if p.Module != nil && under(name, p.Module.Path) {
			return true
		}
	}
	for _, src := range d.repo.sources { // what only tests or other platforms import
		if slices.Contains(src.imports, name) {
			return true
		}
	}
	// Test-only modules are not in the list of dependencies.
	return under(name, testifyModule) || under(name, systemModule) || under(name, cpuidModule)
}

// exists reports whether a path or pattern from the root is a file or folder.
func (d *dictionary) exists(name string) bool {
	if name == "." || d.repo.folders[name] {
		return true
	}
	return slices.ContainsFunc(d.repo.files, func(known string) bool { return matches(name, known) })
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// checkLink looks for a link's file, and for its heading in the same file.
func (d *dictionary) checkLink(file, target, text string) []string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return nil
	}
	name, anchor, _ := strings.Cut(target, "#")
	if name != "" {
		if !d.exists(path.Join(path.Dir(file), name)) {
			return []string{"link to " + target + ": there is no such file"}
		}
		return nil
	}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		if slug(m[1]) == anchor {
			return nil
		}
	}
	return []string{"link to #" + anchor + ": there is no such heading"}
}

// slug is the anchor that a heading gets.
func slug(title string) string {
	title = strings.ToLower(strings.ReplaceAll(title, "`", ""))
	title = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(title, "")
	return strings.ReplaceAll(title, " ", "-")
}
