// Package arena reserves address space and hands out runs of pages.
package arena
