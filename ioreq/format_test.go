package ioreq_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/ioreq"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
	"offheap.example/lookaside/object"
)

// Every span of small memory, against the rules told one by one.
func TestSpans(t *testing.T) {
	const size = 4
	m, h := wrapped(t, size), &hand{}
	require.NoError(t, m.CopyIn(0, []byte("abcd")))
	r := fresh(t)
	edges := []int{math.MinInt, -1, 0, 1, 2, 3, 4, 5, math.MaxInt - 1, math.MaxInt}
	for _, off := range edges {
		for _, n := range edges {
			span := ioreq.Span{Off: off, Len: n}
			want := n
			if n == 0 {
				want = size - off
			}
			good := off >= 0 && n >= 0 && off <= size && n <= size-off
			err := r.Format(h, ioreq.Write, m, span)
			if !good {
				var bounds *memory.BoundsError
				require.ErrorIs(t, err, ioreq.ErrSpan, "%+v", span)
				require.ErrorIs(t, err, ioreq.ErrInvalid)
				require.ErrorAs(t, err, &bounds)
				require.Equal(t, memory.BoundsError{Op: "span", Off: off, Len: n, Cap: size, Err: ioreq.ErrSpan}, *bounds)
				continue
			}
			require.NoError(t, err, "%+v", span)
			b, ok := r.Bytes()
			require.True(t, ok)
			require.Equal(t, "abcd"[off:off+want], string(b))
			require.Equal(t, want, r.Len())
			require.Equal(t, 2, m.Refs())
		}
	}
	require.NoError(t, r.Delete())
	require.Equal(t, 1, m.Refs())
}

// What Format refuses changes nothing: the earlier format stands, and can be
// sent.
func TestFormatRefuses(t *testing.T) {
	h, m, other := &hand{}, wrapped(t, 8), wrapped(t, 8)
	gone := wrapped(t, 8)
	require.NoError(t, gone.Delete())
	readOnly := wrapped(t, 8, memory.ReadOnly())
	plain, err := object.New(object.Config{})
	require.NoError(t, err)
	released := mdl.New()
	released.Release()
	readOnlyList, err := mdl.Of(readOnly)
	require.NoError(t, err)
	mixed := mdl.New()
	require.NoError(t, mixed.Append(other, 0, 4))
	require.NoError(t, mixed.Append(readOnly, 0, 4))
	r := fresh(t)
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{Off: 2}))

	for name, c := range map[string]struct {
		err error
		try func() error
	}{
		"operation":        {ioreq.ErrInvalid, func() error { return r.Format(h, 0, other, ioreq.Span{}) }},
		"operation beyond": {ioreq.ErrInvalid, func() error { return r.FormatList(h, 3, mixed) }},
		"target":           {ioreq.ErrInvalid, func() error { return r.Format(nil, ioreq.Read, other, ioreq.Span{}) }},
		"memory":           {ioreq.ErrInvalid, func() error { return r.Format(h, ioreq.Read, memory.Object{}, ioreq.Span{}) }},
		"stale memory":     {object.ErrDeleted, func() error { return r.Format(h, ioreq.Read, gone, ioreq.Span{}) }},
		"no memory":        {ioreq.ErrInvalid, func() error { return r.Format(h, ioreq.Read, memory.Object{Object: plain}, ioreq.Span{}) }},
		"span":             {ioreq.ErrSpan, func() error { return r.Format(h, ioreq.Read, other, ioreq.Span{Off: 9}) }},
		"read-only":        {memory.ErrReadOnly, func() error { return r.Format(h, ioreq.Read, readOnly, ioreq.Span{}) }},
		"list":             {ioreq.ErrInvalid, func() error { return r.FormatList(h, ioreq.Read, nil) }},
		"released list":    {object.ErrDeleted, func() error { return r.FormatList(h, ioreq.Read, released) }},
		"read-only list":   {memory.ErrReadOnly, func() error { return r.FormatList(h, ioreq.Read, readOnlyList) }},
		"read-only part":   {memory.ErrReadOnly, func() error { return r.FormatList(h, ioreq.Read, mixed) }},
	} {
		require.ErrorIs(t, c.try(), c.err, name)
		require.Equal(t, ioreq.Formatted, r.State(), name)
		require.Equal(t, ioreq.Read, r.Op(), name)
		require.Equal(t, 6, r.Len(), name)
		require.Equal(t, 2, m.Refs(), name)
		require.Equal(t, 2, other.Refs(), name) // the list's
		require.Equal(t, 3, readOnly.Refs(), name)
		require.Equal(t, 1, plain.Refs(), name)
	}
	require.NoError(t, r.Send())
	h.finish(t, ioreq.Result{N: 6})
	require.NoError(t, r.Delete())
	require.Equal(t, 1, m.Refs())
}

// A target that refuses a format: the references are dropped again, the
// earlier ones too, and the next format works.
func TestTargetRefusesFormat(t *testing.T) {
	h, first, m := &hand{}, wrapped(t, 8), wrapped(t, 8)
	list := mdl.New()
	require.NoError(t, list.Append(m, 0, 4))
	refusal := errors.New("not today")
	for name, format := range map[string]func(*ioreq.Request) error{
		"memory": func(r *ioreq.Request) error { return r.Format(h, ioreq.Write, m, ioreq.Span{Len: 4}) },
		"list":   func(r *ioreq.Request) error { return r.FormatList(h, ioreq.Write, list) },
	} {
		r := fresh(t)
		require.NoError(t, r.Format(h, ioreq.Write, first, ioreq.Span{}))
		h.prepare = func(seen *ioreq.Request) error {
			require.Equal(t, 4, seen.Len())
			require.Equal(t, 3, m.Refs(), "the reference is taken when the target is asked")
			return refusal
		}
		require.ErrorIs(t, format(r), refusal, name)
		require.Equal(t, ioreq.Created, r.State())
		require.Equal(t, 1, first.Refs())
		require.Equal(t, 2, m.Refs())
		require.ErrorIs(t, r.Send(), ioreq.ErrNotFormatted)
		h.prepare = nil
		require.NoError(t, format(r), name)
		require.NoError(t, r.Send())
		h.finish(t, ioreq.Result{N: 4})
		h.prepare = func(*ioreq.Request) error { return ioreq.ErrClosed }
		require.ErrorIs(t, format(r), ioreq.ErrClosed, "after it completed")
		require.Equal(t, ioreq.Completed, r.State())
		require.Equal(t, 2, m.Refs())
		h.prepare = nil
		require.NoError(t, r.Reuse())
		require.NoError(t, r.Delete())
	}
}

// A request that is deleted while its target looks at it.
func TestDeletedWhilePreparing(t *testing.T) {
	for _, refusal := range []error{nil, ioreq.ErrClosed} {
		h, m, r := &hand{}, wrapped(t, 8), fresh(t)
		h.prepare = func(seen *ioreq.Request) error {
			require.NoError(t, r.Delete())
			require.Equal(t, 2, m.Refs())
			b, ok := seen.Bytes()
			require.True(t, ok)
			require.Len(t, b, 8)
			return refusal
		}
		require.ErrorIs(t, r.Format(h, ioreq.Write, m, ioreq.Span{}), refusal)
		require.Equal(t, 1, m.Refs())
		require.Equal(t, object.Object{}, r.Object())
	}
}

// The same for a request that was received: whoever sent it hears of it.
func TestAbandonedWhilePreparing(t *testing.T) {
	for _, refusal := range []error{nil, ioreq.ErrClosed} {
		parent, err := object.New(object.Config{})
		require.NoError(t, err)
		h, m := &hand{}, wrapped(t, 8)
		r, err := ioreq.Receive(object.Config{Parent: parent}, ioreq.Write, ioreq.Memory(m, ioreq.Span{}))
		require.NoError(t, err)
		var answers []error
		require.NoError(t, r.Notify(func(res ioreq.Result) { answers = append(answers, res.Err) }))
		h.prepare = func(*ioreq.Request) error {
			require.NoError(t, parent.Delete())
			require.Equal(t, 3, m.Refs())
			require.Empty(t, answers)
			return refusal
		}
		require.ErrorIs(t, r.Format(h, ioreq.Write, m, ioreq.Span{}), refusal)
		require.Equal(t, []error{ioreq.ErrDeleted}, answers)
		require.Equal(t, 1, m.Refs())
		require.Equal(t, object.Object{}, r.Object())
	}
}

// One reference on every object, however often it is in the list, and the list
// can go.
func TestFormatList(t *testing.T) {
	h := &hand{}
	for _, parts := range []int{1, 2, 15, 16, 17, 40} {
		a, b := wrapped(t, 64), wrapped(t, 64)
		require.NoError(t, a.CopyIn(0, []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/")))
		require.NoError(t, b.CopyIn(0, []byte("zyxwvutsrqponmlkjihgfedcba9876543210/+ZYXWVUTSRQPONMLKJIHGFEDCBA")))
		list, want := mdl.New(), ""
		for i := range parts {
			m := a
			if i%3 == 2 {
				m = b
			}
			require.NoError(t, list.Append(m, i, 2))
			want += string(m.Bytes()[i : i+2])
		}
		lists := a.Refs()
		r := fresh(t)
		require.NoError(t, r.FormatList(h, ioreq.Write, list))
		require.Equal(t, lists+1, a.Refs())
		list.Release()
		require.Equal(t, 2, a.Refs())
		require.NoError(t, a.Delete())
		require.Equal(t, 2*parts, r.Len())
		require.Equal(t, parts, r.Parts())
		_, ok := r.Bytes()
		require.Equal(t, parts == 1, ok)
		got := ""
		for p := range r.Segments() {
			got += string(p)
		}
		require.Equal(t, want, got)
		for off := range 2*parts + 1 {
			rest := ""
			for _, p := range r.AppendSegments(nil, off) {
				require.NotEmpty(t, p)
				rest += string(p)
			}
			require.Equal(t, want[off:], rest)
			n := 0
			for _, v := range r.AppendIovecs(nil, off) {
				n += int(v.Len)
			}
			require.Equal(t, len(want)-off, n)
		}
		require.NoError(t, r.Send())
		require.True(t, a.Valid())
		h.finish(t, ioreq.Result{N: 1})
		require.NoError(t, r.Reuse())
		require.False(t, a.Valid())
		require.Equal(t, 1, b.Refs())
		require.NoError(t, r.Delete())
	}
}

// What one long list held is not taken for held by the next.
func TestFormatListsOneAfterTheOther(t *testing.T) {
	h, r := &hand{}, fresh(t)
	a, b := wrapped(t, 8), wrapped(t, 8)
	for range 3 {
		for _, last := range []memory.Object{a, b} {
			list := mdl.New()
			for range 20 {
				require.NoError(t, list.Append(a, 0, 1))
			}
			require.NoError(t, r.FormatList(h, ioreq.Write, list))
			list.Release()
			require.NoError(t, r.Reuse())
			list = mdl.New()
			first := a
			if last == a {
				first = b
			}
			for range 20 {
				require.NoError(t, list.Append(first, 0, 1))
			}
			require.NoError(t, list.Append(last, 0, 1))
			require.NoError(t, r.FormatList(h, ioreq.Write, list))
			list.Release()
			require.Equal(t, []int{2, 2}, []int{a.Refs(), b.Refs()})
			require.NoError(t, r.Reuse())
		}
	}
	require.NoError(t, r.Delete())
}

func TestIovecsEndAtTheKernelsLimit(t *testing.T) {
	m, list, r := wrapped(t, 8), mdl.New(), fresh(t)
	for range 1025 {
		require.NoError(t, list.Append(m, 0, 3))
	}
	require.NoError(t, r.FormatList(&hand{}, ioreq.Write, list))
	list.Release()
	require.Len(t, r.AppendIovecs(nil, 0), 1024)
	require.Len(t, r.AppendIovecs(nil, 2), 1024)
	require.Len(t, r.AppendIovecs(nil, 3), 1024)
	require.Len(t, r.AppendIovecs(nil, 6), 1023)
	require.Len(t, r.AppendSegments(nil, 0), 1025)
	require.NoError(t, r.Delete())
	require.Equal(t, 1, m.Refs())
}

// An empty list and an empty span are requests for no bytes.
func TestNoBytes(t *testing.T) {
	h, m, list, r := &hand{}, wrapped(t, 8), mdl.New(), fresh(t)
	for name, format := range map[string]func() error{
		"span": func() error { return r.Format(h, ioreq.Write, m, ioreq.Span{Off: 8}) },
		"list": func() error { return r.FormatList(h, ioreq.Write, list) },
	} {
		require.NoError(t, format(), name)
		require.Zero(t, r.Len())
		require.Zero(t, r.Parts())
		b, ok := r.Bytes()
		require.True(t, ok)
		require.Empty(t, b)
		require.Empty(t, r.AppendSegments(nil, 0))
		require.Empty(t, r.AppendIovecs(nil, 0))
		for range r.Segments() {
			t.Fatal("a part of nothing")
		}
		require.NoError(t, r.Send())
		h.finish(t, ioreq.Result{})
		require.NoError(t, r.Reuse())
	}
}

// Formatting again lets go of what an earlier format held, whatever state it
// is from, and memory that only the earlier format kept survives being
// formatted again.
func TestFormatDropsTheEarlierOne(t *testing.T) {
	h, a, b, r := &hand{}, wrapped(t, 8), wrapped(t, 8), fresh(t)
	require.NoError(t, r.Format(h, ioreq.Read, a, ioreq.Span{}))
	require.NoError(t, a.Delete())
	require.NoError(t, r.Format(h, ioreq.Write, a, ioreq.Span{Off: 1}))
	require.True(t, a.Valid())
	require.Equal(t, 7, r.Len())
	require.NoError(t, r.Format(h, ioreq.Write, b, ioreq.Span{}))
	require.False(t, a.Valid())
	require.Equal(t, 2, b.Refs())
	require.NoError(t, r.Format(h, ioreq.Write, b, ioreq.Span{}))
	require.Equal(t, 2, b.Refs())
	require.NoError(t, r.Send())
	h.finish(t, ioreq.Result{N: 8})
	c := wrapped(t, 4)
	require.NoError(t, r.Format(h, ioreq.Write, c, ioreq.Span{}))
	require.Equal(t, 1, b.Refs())
	require.ErrorIs(t, r.Send(), ioreq.ErrNotReused)
	require.NoError(t, r.Reuse())
	require.Equal(t, 1, c.Refs())
	require.NoError(t, r.Delete())
}

// Callbacks of memory that a request was the last to hold may use the request.
func TestCallbacksMayUseTheRequest(t *testing.T) {
	h, r := &hand{}, fresh(t)
	var seen []ioreq.State
	m := wrapped(t, 8, memory.WithDestroy(func(object.Object) { seen = append(seen, r.State()) }))
	require.NoError(t, r.Format(h, ioreq.Read, m, ioreq.Span{}))
	require.NoError(t, m.Delete())
	require.Empty(t, seen)
	require.NoError(t, r.Reuse())
	require.Equal(t, []ioreq.State{ioreq.Reused}, seen)
	require.NoError(t, r.Delete())
}

func TestOpNames(t *testing.T) {
	require.Equal(t, "read write op(0)", ioreq.Read.String()+" "+ioreq.Write.String()+" "+ioreq.Op(0).String())
}
