package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unsafeFiles is the budget: every file that imports unsafe, by path. Whoever
// adds a line here explains in review why the safe way does not do.
var unsafeFiles = []string{
	"arena/again_unsafe.go",
	"arena/again_unsafe_test.go",
	"arena/around_unsafe.go",
	"arena/backing_unsafe.go",
	"arena/counters_unsafe.go",
	"arena/kernel_unsafe_test.go",
	"arena/ledger_unsafe.go",
	"arena/locate_unsafe.go",
	"arena/locate_unsafe_test.go",
	"arena/piece_unsafe.go",
	"arena/run_unsafe.go",
	"bench/contender/address_unsafe.go",
	"bench/work/loops/headers_unsafe.go",
	"bench/work/words_unsafe.go",
	"internal/invariant/size_unsafe_test.go",
	"internal/objtab/hidden_unsafe.go",
	"internal/percpu/id_unsafe.go",
	"internal/percpu/pin_unsafe.go",
	"internal/percpu/tokens_unsafe.go",
	"internal/race/example_unsafe_test.go",
	"internal/race/off_unsafe.go",
	"internal/race/on_unsafe.go",
	"internal/race/race_unsafe_test.go",
	"internal/statspage/file_unsafe.go",
	"internal/sys/again_linux_unsafe.go",
	"internal/sys/again_none_unsafe.go",
	"internal/sys/linux_unsafe_test.go",
	"internal/sys/map_unsafe.go",
	"internal/sys/none_unsafe.go",
	"internal/sys/vector_unsafe.go",
	"mdl/address_unsafe.go",
	"mdl/address_unsafe_test.go",
	"mdl/addresses_unsafe.go",
	"object/handle_unsafe.go",
	"slab/asm_unsafe.go",
	"slab/batch_unsafe.go",
	"slab/batch_unsafe_test.go",
	"slab/entry_unsafe.go",
	"slab/free_unsafe.go",
	"slab/hot_unsafe.go",
	"slab/large_unsafe.go",
	"slab/layout_unsafe.go",
	"slab/list_unsafe.go",
	"slab/local_unsafe.go",
	"slab/owner_unsafe.go",
	"slab/reclaim_unsafe.go",
	"slab/slabs_unsafe.go",
	"slab/store_unsafe.go",
	"slab/tagged_unsafe.go",
	"slab/tame_unsafe.go",
	"slab/typed_unsafe.go",
}

// assemblyFiles is the same for code that the compiler does not see at all.
var assemblyFiles = []string{
	"internal/percpu/id_amd64.s",
	"internal/percpu/id_arm64.s",
	"slab/hot_amd64.s",
}

func TestUnsafeLivesInFilesThatSaySo(t *testing.T) {
	repo := load(t)
	var found []string
	for _, src := range append(slices.Clone(repo.sources), repo.strays...) {
		named := strings.HasSuffix(src.path, "_unsafe.go") || strings.HasSuffix(src.path, "_unsafe_test.go")
		imports := slices.Contains(src.imports, "unsafe")
		if imports {
			found = append(found, src.path)
		}
		switch {
		case imports && !named:
			t.Errorf("%s imports unsafe: only files named *_unsafe.go (in tests *_unsafe_test.go) may", src.path)
		case named && !imports:
			t.Errorf("%s is named for unsafe and does not import it: give it another name", src.path)
		case imports:
			if complaint := unjustified(src.file); complaint != "" {
				t.Errorf("%s %s", src.path, complaint)
			}
		}
	}
	sameList(t, unsafeFiles, found, "unsafeFiles")
}

// sameList compares a list kept by hand with what is there.
func sameList(t *testing.T, listed, found []string, name string) {
	t.Helper()
	for _, file := range found {
		if !slices.Contains(listed, file) {
			t.Errorf("%s is not in the list `%s` in internal/house/unsafe_test.go: add it there, so that review sees it", file, name)
		}
	}
	for _, file := range listed {
		if !slices.Contains(found, file) {
			t.Errorf("%s is in the list `%s` in internal/house/unsafe_test.go and nowhere else: take it out", file, name)
		}
	}
}

// unjustified says what an unsafe file's opening lacks, or "". The comment
// stands before the imports and has something to say about each of: what the
// compiler cannot check here, why it holds, what would break it.
func unjustified(file *ast.File) string {
	var opening strings.Builder
	for _, group := range file.Comments {
		if group.Pos() > file.Decls[0].Pos() { // an import: the file has one
			break
		}
		opening.WriteString(group.Text()) // leaves out //go: lines
	}
	text := opening.String()
	switch {
	case len(strings.Fields(text)) < 20:
		return "does not open with a comment that says what the compiler cannot check here, why it holds and what would break it"
	case !strings.Contains(text, "compiler"):
		return "opens with a comment that does not say what the compiler cannot check"
	case !strings.Contains(text, "break") && !strings.Contains(text, "broke"):
		return "opens with a comment that does not say what would break it"
	}
	return ""
}

func TestTheJustificationRuleCanFail(t *testing.T) {
	const why = "// What the compiler cannot check here: that the offset lies inside. It holds because\n" +
		"// every offset comes from the table below."
	for _, row := range []struct{ opening, complaint string }{
		{"package x\n", "does not open with a comment"},
		{"//go:build linux\n\npackage x\n", "does not open with a comment"},
		{why + "\n\npackage x\n", "what would break it"},
		{why + " A longer table would break it.\n\npackage x\n", ""},
		{"//go:build linux\n\npackage x\n\n" + why + " A longer table would break it.\n", ""},
		{"// It is fast, and it was measured to be so on three machines, one of them old; another table would break it.\n\npackage x\n", "the compiler cannot check"},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x_unsafe.go", row.opening+"\nimport \"unsafe\"\n", parser.ParseComments)
		require.NoError(t, err)
		if row.complaint == "" {
			require.Empty(t, unjustified(file), row.opening)
		} else {
			require.Contains(t, unjustified(file), row.complaint, row.opening)
		}
	}
}

func TestAssemblyIsListed(t *testing.T) {
	repo := load(t)
	var found []string
	for _, file := range repo.files {
		if path.Ext(file) != ".s" {
			continue
		}
		found = append(found, file)
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		require.NoError(t, err)
		opening, _, _ := strings.Cut(string(text), "\nTEXT")
		require.Contains(t, "\n"+opening, "\n// ", "%s does not open with a comment that says why it is not Go", file)
	}
	sameList(t, assemblyFiles, found, "assemblyFiles")
}
