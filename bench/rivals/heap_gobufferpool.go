//go:build rival_gobufferpool

package main

import pool "github.com/libp2p/go-buffer-pool"

const rivalModule = "github.com/libp2p/go-buffer-pool"

func rivalVersion() string { return "" }

// rivalHeap is one pool.
type rivalHeap struct{ pool pool.BufferPool }

func openRival() *rivalHeap { return new(rivalHeap) }

func (h *rivalHeap) Alloc(n int) (rivalBlock, error) { return h.pool.Get(n), nil }

func (h *rivalHeap) Free(b rivalBlock) { h.pool.Put(b) }

func (*rivalHeap) close() error { return nil }
