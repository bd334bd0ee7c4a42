package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"offheap.example/lookaside/arena"
	"offheap.example/lookaside/mdl"
	"offheap.example/lookaside/memory"
)

// socketVariable tells the child where to connect.
const socketVariable = "HANDOVER_SOCKET"

func main() {
	err := error(nil)
	if path := os.Getenv(socketVariable); path != "" {
		err = child(path, os.Stdout)
	} else {
		err = parent(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parent makes lists and sends them.
func parent(out io.Writer) error {
	a, err := arena.Open(arena.Config{Name: "handover", Shared: true, Reserve: 1 << 20})
	if err != nil {
		return err
	}
	defer a.Close()
	if _, ok := a.Fd(); !ok {
		fmt.Fprintln(out, "no memory files here")
		return nil
	}
	conn, process, err := startChild(out)
	if err != nil {
		return err
	}
	defer func() {
		_ = process.Process.Kill() // unless it is dead already
		_ = process.Wait()
	}()
	s, err := mdl.NewSender(conn, a)
	if err != nil {
		return err
	}
	defer s.Close()

	list, err := words(a, "pages of one process", "become pages of another", "and nothing is copied")
	if err != nil {
		return err
	}
	defer list.Release()
	fmt.Fprintf(out, "parent: %d pages in %d parts\n", list.PageCount(), list.Segments())
	for _, access := range []mdl.Prot{mdl.ReadWrite, mdl.ReadOnly} {
		fmt.Fprintln(out, "parent: sending for", access)
		if err := s.Send(list, access); err != nil {
			return err
		}
		if err := waitFor(s, 0); err != nil {
			return err
		}
		for part := range list.All() {
			fmt.Fprintf(out, "parent: %s\n", text(part))
		}
	}

	fmt.Fprintln(out, "parent: sending to a child that dies")
	if err := s.Send(list, mdl.ReadOnly); err != nil {
		return err
	}
	if err := process.Process.Kill(); err != nil {
		return err
	}
	err = waitFor(s, 0)
	fmt.Fprintln(out, "parent: the peer is gone:", errors.Is(err, mdl.ErrPeerGone), "- lists outstanding:", s.Outstanding())
	return nil
}

// startChild runs this program again, and waits until it has connected.
func startChild(out io.Writer) (*net.UnixConn, *exec.Cmd, error) {
	folder, err := os.MkdirTemp("", "handover")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "socket")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	process := exec.Command(self)
	process.Env = append(os.Environ(), socketVariable+"="+path)
	process.Stdout, process.Stderr = out, os.Stderr
	if err := process.Start(); err != nil {
		return nil, nil, err
	}
	if err := ln.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, nil, err
	}
	conn, err := ln.AcceptUnix()
	if err != nil {
		_ = process.Process.Kill()
		_ = process.Wait()
		return nil, nil, err
	}
	return conn, process, nil
}

// words makes a list of one page for each line, the last line's page first, so
// that no two parts are adjacent.
func words(a *arena.Arena, lines ...string) (*mdl.List, error) {
	pages, err := mdl.AllocatePages(a, int64(len(lines)*a.PageSize()), mdl.FullyRequired|mdl.RequireContiguous)
	if err != nil {
		return nil, err
	}
	defer pages.Release() // the list that we return has references of its own
	list := mdl.New()
	for m, b := range pages.Parts() {
		for i := len(lines) - 1; i >= 0; i-- {
			at := i * a.PageSize()
			copy(b[at:], lines[len(lines)-1-i])
			if err := list.Append(m, at, a.PageSize()); err != nil {
				list.Release()
				return nil, err
			}
		}
	}
	return list, nil
}

// waitFor waits until the peer has at most so many lists.
func waitFor(s *mdl.Sender, most int) error {
	for {
		out, err := s.Reap()
		if err != nil || out <= most {
			return err
		}
		time.Sleep(time.Millisecond) // a program that does more would call Serve
	}
}

// text is what a page says.
func text(page []byte) []byte {
	line, _, _ := bytes.Cut(page, []byte{0})
	return line
}

// child receives lists until there are no more.
func child(path string, out io.Writer) error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	r, err := mdl.NewReceiver(conn)
	if err != nil {
		return err
	}
	defer r.Close()
	for range 2 {
		list, err := r.Receive()
		if err != nil {
			return err
		}
		if err := shout(list, out); err != nil {
			return err
		}
		list.Release() // tells the parent
	}
	list, err := r.Receive()
	if err != nil {
		return err
	}
	defer list.Release()
	select {} // until we are killed, with the list
}

// shout puts a list into capitals, in place, if it may.
func shout(list *mdl.List, out io.Writer) error {
	b := make([]byte, list.Len())
	if err := list.CopyOut(0, b); err != nil {
		return err
	}
	err := list.CopyIn(0, bytes.ToUpper(b))
	if errors.Is(err, memory.ErrReadOnly) {
		fmt.Fprintf(out, "child: %d bytes, for reading only\n", list.Len())
		return nil
	}
	fmt.Fprintf(out, "child: %d bytes in capitals\n", list.Len())
	return err
}
