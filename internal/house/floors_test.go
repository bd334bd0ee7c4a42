package house

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floor is where a package stands. Code outside tests imports lower floors only.
type floor struct {
	number int
	// support marks a package made for tests: it may use testify, and only
	// tests (and other such packages) may import it.
	support bool
}

// floors has every package of the module, by its folder; "" is the root
// package. This is the one table to edit when a package is added.
var floors = map[string]floor{
	// The ground: arithmetic and build tags.
	"align":         {number: 0},
	"internal/race": {number: 0},

	// What the kernel and the runtime give.
	"internal/invariant": {number: 1},
	"internal/sys":       {number: 2},
	"internal/percpu":    {number: 3},
	"internal/statspage": {number: 3},
	"internal/classes":   {number: 3},
	"internal/objtab":    {number: 4},

	// The line, bottom to top; object stands beside arena.
	"object": {number: 10},
	"arena":  {number: 10},
	"slab":   {number: 11},
	"memory": {number: 12},
	"mdl":    {number: 13},
	"ioreq":  {number: 14},
	"netio":  {number: 15},

	// What reads, and what wires.
	"stats": {number: 16},
	"":      {number: 17},

	// Guests: nothing imports them but guests above them, commands and tests.
	"bench/trace":      {number: 20},
	"bench/contender":  {number: 21},
	"bench/native":     {number: 22},
	"bench/work":       {number: 21},
	"bench/replay":     {number: 22},
	"bench/work/loops": {number: 22},
	"bench/record":     {number: 22},
	"bench":            {number: 23},
	"fuzz":             {number: 24},
	"cmd/allocstat":    {number: 25},

	// Programs that show something.
	"mdl/examples/handover": {number: 25},

	// Programs that write source files.
	"slab/gen":             {number: 25},
	"bench/work/loops/gen": {number: 25},
	"slab/internal/gen":    {number: 25},

	// Support for tests.
	"internal/testkit": {number: 30, support: true},
	"internal/model":   {number: 31, support: true},
	"internal/house":   {number: 32, support: true},
}

// show writes a folder the way a message should name it.
func show(folder string) string {
	if folder == "" {
		return "the root package"
	}
	return folder
}

func TestEveryPackageHasAFloor(t *testing.T) {
	repo := load(t)
	var missing []string
	for folder := range repo.packages {
		if _, ok := floors[folder]; !ok {
			missing = append(missing, show(folder))
		}
	}
	sort.Strings(missing)
	require.Empty(t, missing, "packages without a floor: add each to the table `floors` in internal/house/floors_test.go")
}

func TestImportsGoDown(t *testing.T) {
	repo := load(t)
	checked := 0
	for _, src := range repo.sources {
		if src.test {
			continue
		}
		for _, imported := range src.imports {
			if !ours(imported) {
				continue
			}
			checked++
			if complaint := climb(src.pkg, folderOf(imported)); complaint != "" {
				t.Errorf("%s: %s", src.path, complaint)
			}
		}
	}
	require.NotZero(t, checked, "no import was checked: the test looks at nothing")
}

// climb says what is wrong with code of one package importing another, or "".
func climb(from, to string) string {
	lower, known := floors[to]
	if !known {
		return fmt.Sprintf("imports %s, which has no floor: add it to the table `floors` in internal/house/floors_test.go", show(to))
	}
	upper, known := floors[from]
	if !known {
		return "" // TestEveryPackageHasAFloor says it
	}
	if lower.support && !upper.support {
		return fmt.Sprintf("imports %s, which is for tests only", show(to))
	}
	if lower.number >= upper.number {
		return fmt.Sprintf("%s (floor %d) imports %s (floor %d): imports go down", show(from), upper.number, show(to), lower.number)
	}
	return ""
}

func TestTheFloorRuleCanFail(t *testing.T) {
	require.Empty(t, climb("slab", "arena"))
	require.Empty(t, climb("internal/model", "slab"))
	require.Contains(t, climb("arena", "slab"), "imports go down")
	require.Contains(t, climb("arena", "object"), "imports go down", "two packages of one floor do not see each other")
	require.Contains(t, climb("slab", "bench"), "imports go down")
	require.Contains(t, climb("cmd/allocstat", "internal/testkit"), "for tests only")
	require.Contains(t, climb("slab", "internal/nowhere"), "has no floor")
}

// Internal packages of a guest may be used by that guest alone; the go command
// enforces it. What it cannot know is that guests are guests.
func TestNobodyBuildsOnGuests(t *testing.T) {
	repo := load(t)
	for _, src := range repo.sources {
		if src.test || floors[src.pkg].number >= 20 {
			continue
		}
		for _, imported := range src.imports {
			folder := folderOf(imported)
			guest := folder == "bench" || folder == "fuzz" || strings.HasPrefix(folder, "bench/") || strings.HasPrefix(folder, "cmd/")
			if ours(imported) && guest {
				t.Errorf("%s imports %s, a guest", src.path, folder)
			}
		}
	}
}
