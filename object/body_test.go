package object

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"offheap.example/lookaside/internal/objtab"
)

var finished []string

var probe = objtab.Register("probe", func(buf []byte, _ any) { finished = append(finished, string(buf)) })

func TestBodyGoesBackOnce(t *testing.T) {
	finished = nil
	o := NewPlain([]byte("plain"), nil, probe, objtab.ReadOnly)
	require.Equal(t, "plain", string(Body(o, probe).Buf))
	require.Nil(t, Body(o, objtab.Kind{}), "the key is another kind's")
	require.Equal(t, "probe", o.Kind())
	require.NoError(t, o.Ref())
	require.NoError(t, o.Delete())
	require.Empty(t, finished)
	o.Unref()
	require.Equal(t, []string{"plain"}, finished)

	parent, err := New(Config{})
	require.NoError(t, err)
	body := objtab.Body{Buf: []byte("adorned"), Kind: probe}
	_, err = NewBody(&body, &Config{Parent: parent, Destroy: func(Object) { finished = append(finished, "destroy") }})
	require.NoError(t, err)
	require.NoError(t, parent.Delete())
	require.Equal(t, []string{"plain", "destroy", "adorned"}, finished)

	_, err = NewBody(&body, &Config{Parent: parent})
	require.ErrorIs(t, err, ErrDeleted)
	_, err = NewBody(&body, &Config{Context: 5})
	require.ErrorIs(t, err, ErrInvalid)
	require.Len(t, finished, 3, "what could not be made is not finished")
}

func TestClaim(t *testing.T) {
	o := NewPlain([]byte("x"), nil, probe, 0)
	_, _, err := Claim(o, objtab.Kind{})
	require.ErrorIs(t, err, ErrInvalid)
	_, _, err = Claim(Object{}, probe)
	require.ErrorIs(t, err, ErrInvalid)
	require.NoError(t, o.Ref())
	body, refs, err := Claim(o, probe)
	require.NoError(t, err)
	require.Nil(t, body)
	require.Equal(t, 2, refs)
	o.Unref()
	require.NoError(t, o.Delete())
	_, _, err = Claim(o, probe)
	require.ErrorIs(t, err, ErrDeleted)
}

// While one holder has the body alone, everybody else waits, whatever they
// want, and gets it afterwards.
func TestEverybodyWaitsForAClaim(t *testing.T) {
	for name, f := range map[string]func(Object) error{
		"ref": func(o Object) error {
			if err := o.Ref(); err != nil {
				return err
			}
			o.Unref()
			return o.Delete()
		},
		"delete": Object.Delete,
		"context": func(o Object) error {
			if _, err := AddContext[int](o, ContextConfig{}); err != nil {
				return err
			}
			return o.Delete()
		},
		"claim": func(o Object) error {
			if _, _, err := Claim(o, probe); err != nil {
				return err
			}
			Unclaim(o)
			return o.Delete()
		},
	} {
		for _, cfg := range []*Config{nil, {Kind: "adorned"}} {
			o, err := NewBody(&objtab.Body{Kind: probe}, cfg)
			require.NoError(t, err)
			body, _, err := Claim(o, probe)
			require.NoError(t, err)
			before := o.slot().word.Load()
			done := make(chan error)
			var wg sync.WaitGroup
			wg.Go(func() { done <- f(o) })
			for range 50 {
				require.Equal(t, before, o.slot().word.Load(), name)
				body.Flags++ // a race unless they wait
				runtime.Gosched()
				select {
				case err := <-done:
					t.Fatalf("%s did not wait: %v", name, err)
				default:
				}
			}
			Unclaim(o)
			require.NoError(t, <-done, name)
			wg.Wait()
			require.False(t, o.Valid())
		}
	}
}
