// Package netio has targets over the kernel: a request that is sent to one is a
// system call on the request's own memory. What is written is read by the
// kernel where it lies, what is read lands where it is wanted, and ioreq's
// references keep all of it in its place until then.
//
// There is one such target: Stream, for connections of package net.
//
// # Nouns
//
//	stream    a connection that is a target: two lanes
//	lane      one direction: requests in the order of their Sends, one of them under way
//	vector    the parts of the request under way, and how far its transfer has come
//	try       a transfer that does not wait, made by Send itself
//	kick      a deadline that has passed, set to wake whoever waits in the kernel's poller
//
// # How a request is performed
//
//	1  Send calls Submit. A lane that works already gets the request as the last of its queue.
//	2  Otherwise Send tries: a write always, a read where the last one was filled, since more may be there. Most writes
//	   are over then, and their completion routines have run when Send returns; no goroutine was started.
//	3  What would have to wait goes to the lane's goroutine. It waits in Go's poller (RawConn.Read and RawConn.Write),
//	   like every Read and Write of package net, and begins again at the byte where the last call ended.
//	4  When the transfer is over the request is taken out of the lane, under its lock: nobody can cancel it any more.
//	5  Complete calls the routine, without a lock. Requests that it sends go to the end of the queue.
//	6  The next request; when there is none, the goroutine ends.
//
// One system call takes up to 1024 parts (IOV_MAX) and a gigabyte. A short
// transfer may end at any byte of any part.
//
// The goroutine is all that Stream starts, one for a lane, while requests wait:
// an idle Stream has none, and there is nothing left of a closed one when its
// last routine has returned. A round allocates nothing in steady state.
//
// Completion routines run one after the other for each direction, on the lane's
// goroutine or within Send. One that takes long delays its lane; one that waits
// for a later request of its lane waits for ever. Routines that send the next
// request from within run nested 32 times, then on the goroutine.
//
// Race builds tell the detector what the kernel reads and writes: it finds
// whoever fills memory that is being sent, or looks at memory that is being
// filled.
//
// # Two phases
//
// ioreq tells sent from completed: sent is when the bytes are accepted and the
// writer may go on, completed when the memory is free as well. Writev copies
// what it takes, so for Stream both are the moment in which it returns: OnSent's
// function is called right before the completion routine, and not at all after
// an error.
//
// Targets that do not copy tell them apart, with the same requests. For
// MSG_ZEROCOPY sent is when sendmsg returns, and completed when the socket's
// error queue says that the last skb with a page of the request is gone: ranges
// of numbers, out of order, coalesced, and lost when the socket is closed, which
// is why such a target has to empty the queue, or replace the pages, before it
// completes. For io_uring sent is the result of SEND_ZC, and completed its
// notification, told apart by IORING_CQE_F_MORE; cancelled sends that were sent
// in part are completed as such, after their notification. Code that calls
// Reuse and fills the memory again in OnComplete's function is right for all of
// them, code that does so in OnSent's for none.
//
// # What a result says
//
// A request that did all it was asked has no error. All other results have the
// number of bytes that were transferred, and an *Error around:
//
//	error                 when
//	io.EOF                a read at the end of the stream; this one bare, not in an *Error
//	io.ErrUnexpectedEOF   the end in the middle of a read of Full
//	ErrReset              the peer has reset the connection; the kernel says so once, to a read or a write
//	ErrPeerClosed         a write that nobody will read
//	ErrClosed             Close, or somebody closed the connection: all requests, those that waited with 0 bytes
//	ioreq.ErrCanceled     Cancel gave the request up
//	ioreq.ErrTimeout      its own time was up (bare, by ioreq), or SetDeadline's
//	ErrInvalid            the connection's Read or Write returned a number that cannot be
//	io.ErrShortWrite      its Write returned less without an error
//	io.ErrNoProgress      its Read returned nothing and no error, a hundred times
//	anything else         what the kernel or the connection said
//
// A write that failed, or was given up, in the middle has sent N bytes of its
// message and not the rest: what the next write sends follows them. Whoever
// cancels writes ends the connection, or knows how to go on from N.
//
// Cancel and timeouts set a deadline of the connection that has passed, and put
// back the one that SetDeadline gave the Stream. A deadline set on the connection
// itself is lost then. A connection without deadlines cannot be made to stop
// waiting, and Cancel says false.
//
// # Which connections
//
//	*net.TCPConn, *net.UnixConn (stream)    readv and writev
//	others with a SyscallConn of their own  readv and writev, on the descriptors that it gives
//	types that embed a connection           their Read and Write: they may count, delay or encrypt
//	TLS, net.Pipe and others                their Read and Write, part by part, on the goroutine
//	any on platforms other than Linux       their Read and Write; TCP and Unix writes as net.Buffers
//	UDP, IP, unixgram, unixpacket           ErrNotStream
//
// A descriptor must not block: who took it with File and called Fd has made it
// so, and nothing but its peer ends a transfer then.
//
// # Locks
//
// Each lane has a mutex: what waits, what is under way, who works. Under it
// requests are asked whether they are to be cancelled (ioreq's lock), and
// deadlines are set; no system call that transfers, and no function of anybody
// else's but a connection's SetDeadline, is called. The vector belongs to
// whoever works for the lane, without a lock.
package netio
