package fuzz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"offheap.example/lookaside/align"
	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/internal/invariant"
	"offheap.example/lookaside/internal/model"
	"offheap.example/lookaside/internal/testkit"
	"offheap.example/lookaside/slab"
)

// target is one fuzz target of this package: what it does with an input, and how TestSmoke feeds it.
type target struct {
	name   string
	run    func(data []byte) error
	inputs int // for TestSmoke
	bytes  int // of each input, at most
}

var targets = []target{
	{"FuzzAllocator", allocator, 160, 3000},
	{"FuzzLookaside", lookaside, 160, 1500},
	{"FuzzConcurrent", concurrent, 30, 12_000},
}

// fuzz makes a fuzz target of a row of the table.
func fuzz(f *testing.F, name string, corpus [][]byte) {
	for _, data := range corpus {
		f.Add(data)
	}
	for _, x := range targets {
		if x.name == name {
			f.Fuzz(func(t *testing.T, data []byte) {
				if err := x.run(data); err != nil {
					t.Fatal(err)
				}
			})
			return
		}
	}
	f.Fatalf("%s is not in the table of targets", name)
}

func FuzzAllocator(f *testing.F) {
	f.Add([]byte{})
	fuzz(f, "FuzzAllocator", programs())
}

func FuzzLookaside(f *testing.F) {
	f.Add([]byte{})
	fuzz(f, "FuzzLookaside", configurations())
}

func FuzzConcurrent(f *testing.F) {
	f.Add([]byte{})
	fuzz(f, "FuzzConcurrent", programs())
}

// allocator runs a program of the model.
func allocator(data []byte) error {
	if f := model.Check(model.Decode(data), model.Open); f != nil {
		return f
	}
	return nil
}

// concurrent deals a program to two to five goroutines while GOMAXPROCS changes.
func concurrent(data []byte) error {
	workers := 2 + len(data)%4
	defer testkit.FlapProcs(workers + 1)()
	if f := model.RunTogether(model.Decode(data), workers, model.Open); f != nil {
		return fmt.Errorf("%d goroutines, operation %d: %w", workers, f.At, f.Reason) // the program is too long to read
	}
	return nil
}

// configBytes is how much of an input describes the list.
const configBytes = 16

// lookaside opens a list of any configuration. One that makes no sense must be refused; one that does runs a program
// in which most operations are the list's.
func lookaside(data []byte) error {
	head := make([]byte, configBytes)
	data = data[copy(head, data):]
	cfg := configOf(head)
	p := model.Decode(data)
	p.Setup.Limit, p.Setup.Lists[0] = 16<<20, cfg
	for i, o := range p.Ops {
		switch o.Do {
		case model.Alloc, model.AllocZeroed:
			p.Ops[i].Do, p.Ops[i].Who = model.Get, o.Who%4/3 // three of four from the list in question
		case model.AllocBatch:
			p.Ops[i].Do, p.Ops[i].Who = model.GetBatch, 0
		case model.FreeBatch:
			p.Ops[i].Do, p.Ops[i].Who = model.PutBatch, 0
		}
	}
	if makesSense(cfg) {
		if f := model.Check(p, model.Open); f != nil {
			return f
		}
		return nil
	}
	_, err := model.Open(p.Setup)
	if !errors.Is(err, slab.ErrInvalid) {
		return fmt.Errorf("%+v makes no sense, and New says %v", cfg, err)
	}
	return nil
}

// configOf is a configuration in bytes: often one that makes sense.
func configOf(b []byte) slab.Config {
	word := func(at int) int { return int(int16(binary.LittleEndian.Uint16(b[at:]))) }
	cfg := slab.Config{
		Name:  "list",
		Size:  word(0) << (b[2] % 6),
		Depth: slab.Depth{Min: word(4) >> (b[6] % 16), Max: word(7) >> (b[9] % 16)},
		Debug: slab.Debug(b[10]),
		Zero:  b[11]&1 != 0,
	}
	if b[11]&2 != 0 {
		cfg.Debug &= slab.Poison | slab.Redzone | slab.Shuffle
	}
	if b[11]&4 != 0 {
		copy(cfg.Tag[:], b[12:])
	}
	switch align := b[3]; {
	case align < 16:
		cfg.Align = 1 << align
	case align < 32:
		cfg.Align = int(align) - 20
	}
	return cfg
}

// makesSense is the contract of slab.Config, written once more.
func makesSense(c slab.Config) bool {
	most := c.Depth.Max
	if most == 0 {
		most = max(256, c.Depth.Min)
	}
	ended := false
	for _, b := range c.Tag {
		if b != 0 && (ended || b < 0x20 || b > 0x7E) {
			return false
		}
		ended = ended || b == 0
	}
	return c.Size >= 1 && c.Size <= slab.MaxSize &&
		(c.Align == 0 || c.Align > 0 && c.Align <= arena.Granule && align.IsPow2(c.Align)) &&
		c.Depth.Min >= 0 && c.Depth.Min <= most && c.Depth.Max >= 0 && c.Depth.Max <= slab.MaxDepth &&
		c.Debug&^(slab.Poison|slab.Redzone|slab.Shuffle) == 0
}

// TestSmoke gives each target random inputs: a few seconds in all, so that every run of the tests fuzzes a little.
func TestSmoke(t *testing.T) {
	seed := testkit.Seed(t)
	for i, x := range targets {
		t.Run(x.name, func(t *testing.T) {
			n := x.inputs
			if testing.Short() || invariant.Enabled {
				n /= 8
			}
			for j := range n {
				rnd := testkit.Rand(seed, uint64(i)<<32|uint64(j))
				data := testkit.Bytes(rnd, rnd.IntN(x.bytes))
				if err := x.run(data); err != nil {
					t.Fatalf("input %d: %v", j, err)
				}
			}
		})
	}
}

// The corpora run whole as part of the tests, since they are the seeds of the targets; here only that they are worth
// something: each program has operations, and lists that make sense and that do not both occur.
func TestCorpora(t *testing.T) {
	for _, data := range programs() {
		if len(model.Decode(data).Ops) == 0 {
			t.Fatalf("%x is an empty program", data)
		}
	}
	sense := map[bool]int{}
	for _, data := range configurations() {
		sense[makesSense(configOf(data))]++
	}
	if sense[true] < 5 || sense[false] < 5 {
		t.Fatalf("lists that make sense, and that do not: %v", sense)
	}
}
