package stats

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"offheap.example/lookaside/internal/statspage"
)

// linkPrefix begins the target of a descriptor that counters may be behind.
const linkPrefix = "/memfd:lookaside:"

func fdDir(pid int) string { return filepath.Join("/proc", strconv.Itoa(pid), "fd") }

// Find returns the sources in process pid, in the order of their descriptors;
// none is no error, unless something there has the name of counters and none
// could be read, as when they are of another version: then the error says why.
// It wraps fs.ErrNotExist when there is no such process and fs.ErrPermission
// when it may not be looked into.
func Find(pid int) ([]Source, error) {
	if pid <= 0 {
		return nil, fmt.Errorf("stats: find: process %d: must be positive: %w", pid, fs.ErrNotExist)
	}
	dir := fdDir(pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("stats: find: process %d: %w", pid, err)
	}
	var out []Source
	var unread error
	seen := make(map[[2]uint64]bool)
	for _, d := range list {
		fd, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		s := Source{PID: pid, FD: fd}
		if link, err := os.Readlink(s.path()); err != nil || !strings.HasPrefix(link, linkPrefix) {
			continue // closed meanwhile, or something else
		}
		r, err := Attach(s)
		if err != nil {
			if errors.Is(err, fs.ErrPermission) {
				return nil, err
			}
			if errors.Is(err, statspage.ErrFormat) {
				unread = err
			}
			continue
		}
		id := r.id()
		h, err := r.view.Header()
		r.Close()
		if err != nil || seen[id] {
			continue
		}
		seen[id] = true
		s.Name = h.Text()
		out = append(out, s)
	}
	if len(out) == 0 && unread != nil {
		return nil, unread
	}
	slices.SortFunc(out, func(a, b Source) int { return a.FD - b.FD })
	return out, nil
}

func (s Source) path() string { return filepath.Join(fdDir(s.PID), strconv.Itoa(s.FD)) }

// Attach opens the counters of a source. It fails when the process or its
// descriptor is gone, may not be opened, or is no page set of this version.
func Attach(s Source) (*Reader, error) {
	// Not blocking: the descriptor may be something else by now.
	f, err := os.OpenFile(s.path(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("stats: attach to %v: %w", s, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("descriptor %d is no regular file: %w", s.FD, statspage.ErrFormat)
	}
	var view *statspage.View
	if err == nil {
		view, err = statspage.NewView(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("stats: attach to %v: %w", s, err)
	}
	return &Reader{src: s, view: view, file: f}, nil
}

// id tells two files apart.
func (r *Reader) id() [2]uint64 {
	if f, ok := r.file.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				return [2]uint64{uint64(st.Dev), st.Ino}
			}
		}
	}
	return [2]uint64{}
}

// command is the process's name for itself.
func command(pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

// presentIn counts the resident bytes of the pages and the metadata that a
// header tells of.
func presentIn(pid int, h *statspage.Header) (pages, metadata int64, err error) {
	f, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "pagemap"))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	size := uint64(os.Getpagesize())
	if pages, err = present(f, &h.Pages, size); err != nil {
		return 0, 0, fmt.Errorf("pages: %w", err)
	}
	if metadata, err = present(f, &h.Books, size); err != nil {
		return 0, 0, fmt.Errorf("metadata: %w", err)
	}
	return pages, metadata, nil
}

// occupied is how many bytes the file of the counters occupies; -1 where it is
// no file. A memfd counts the pages that were ever touched in units of 512 bytes,
// those that are swapped out included.
func (r *Reader) occupied() int64 {
	if f, ok := r.file.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				return int64(st.Blocks) * 512
			}
		}
	}
	return -1
}
