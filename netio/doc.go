// Package netio has targets over the kernel. Stream performs requests on a
// connection.
package netio
