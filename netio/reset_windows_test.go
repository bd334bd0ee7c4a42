package netio_test

import "syscall"

// aborted is what a connection that the peer has reset says.
const aborted = syscall.Errno(10053)
