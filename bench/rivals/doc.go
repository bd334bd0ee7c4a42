// Rivals runs the workloads of bench/work over other people's allocators. It is a
// module of its own, so that whoever uses the library never sees what it needs,
// and nothing imports it: allocstat bench builds it, once for each allocator,
// and gives it one workload as its argument.
//
//	go build -tags rival_mcache && ./rivals pair n=1000000 t=1 size=64
//
// The tag chooses the allocator, so that the algorithms call it directly and
// the compiler inlines what it can (see bench/work/loops):
//
//	rival_modernc          modernc.org/memory behind a mutex, as its users share it
//	rival_mcache           github.com/bytedance/gopkg/lang/mcache
//	rival_bytebufferpool   github.com/valyala/bytebufferpool
//	rival_gobufferpool     github.com/libp2p/go-buffer-pool
//	rival_arrow            github.com/apache/arrow-go, its Go allocator
//	rival_grpcmem          google.golang.org/grpc/mem, its default pool
//	rival_mimalloc         mimalloc by cgo
//	rival_jemalloc         jemalloc by cgo
//
// Without a tag it is make once more, so that go vet and go build have something
// to look at.
//
// The files rival_*.go are written by go generate in bench/work/loops.
package main
