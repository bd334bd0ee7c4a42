module offheap.example/lookaside/bench/rivals

go 1.26.0

replace offheap.example/lookaside => ../..

require (
	github.com/apache/arrow-go/v18 v18.8.0
	github.com/bytedance/gopkg v0.1.4
	github.com/libp2p/go-buffer-pool v0.1.0
	github.com/valyala/bytebufferpool v1.0.0
	google.golang.org/grpc v1.85.0
	gvisor.dev/gvisor v0.0.0-20250503011706-39ed1f5ac29c
	modernc.org/memory v1.12.1
	offheap.example/lookaside v0.0.0
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/time v0.7.0 // indirect
)
