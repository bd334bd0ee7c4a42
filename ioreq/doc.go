// Package ioreq has requests: one I/O each, on memory that stays where it is
// until the I/O is over, whoever deletes it meanwhile. It is what WDFREQUEST and
// WDFIOTARGET are to a Windows driver.
//
// # Nouns
//
//	request     one I/O: an operation on memory by a target, used round after round
//	own         a request that New made: formatted, sent, reused, deleted; completed by its target only
//	received    a request that came from somebody: its owner answers it by Complete, and may send it on before
//	target      who performs requests: Submit, Cancel
//	format      what a request is to do, and the references that it holds for it
//	round       format, send, completion, reuse
//	flight      the part of a round from Send until the completion routine has returned
//	sent        the target has accepted the bytes; their writer may go on
//	completed   the target is done with the memory, too: what zero-copy calls released
//	descriptor  where bytes are: a buffer, a part of a memory object, a list
//	embedded    the memory object over what a received request came with
//
// # Who holds a reference on memory, and until when
//
// A request takes one reference on every memory object that it is formatted
// with, under the name "request" with its number and operation. It drops them
// all, once, at the first of these:
//
//	Format or FormatList again   when the new ones are taken
//	Format that a target refuses
//	Reuse
//	Delete, or the deletion of its parent; while it is in flight, when the completion routine has returned
//	Complete of a received request by its owner
//
// So it still holds them while the completion routine runs, and afterwards,
// until somebody says that the round is over. In flight there is a reference on
// the request, too, and one more I/O at a target that is Gated; both end when
// the routine has returned.
//
// What came with a received request is its sender's. InputMemory and
// OutputMemory make a memory object of it, and Complete takes that back: it
// refuses as long as somebody else holds a reference, and names him.
//
// # States
//
// What every call does in every state. A cell has the state that follows, or
// the error; "-" means that the call changes nothing. Tests try every cell. The
// column "memory" is how many references the request holds on what it is
// formatted with.
//
//	own          memory  Format       Send             Sent        Complete    Reuse       Delete      Cancel
//	created      0       formatted    ErrNotFormatted  ErrNotSent  ErrNotSent  reused      gone        bit
//	formatted    1       formatted    sent             ErrNotSent  ErrNotSent  reused      gone        bit
//	preparing    1       ErrBusy      ErrBusy          ErrNotSent  ErrNotSent  ErrBusy     deleted     bit
//	sent         1       ErrSent      ErrSent          sent        completed   ErrSent     leaving     bit,told
//	completed    1       reformatted  ErrNotReused     ErrNotSent  ErrNotSent  reused      gone        -
//	reformatted  1       reformatted  ErrNotReused     ErrNotSent  ErrNotSent  reused      gone        -
//	reused       0       formatted    ErrNotFormatted  ErrNotSent  ErrNotSent  reused      gone        bit
//	leaving      1       ErrDeleted   ErrDeleted       leaving     gone        ErrDeleted  ErrDeleted  bit,told
//	deleted      0       ErrDeleted   ErrDeleted       ErrDeleted  ErrDeleted  ErrDeleted  ErrDeleted  -
//	gone         0       ErrDeleted   ErrDeleted       ErrDeleted  ErrDeleted  ErrDeleted  ErrDeleted  -
//
// Created is what New makes. Preparing is while Format asks the target.
// Reformatted is a completed request that was formatted without Reuse: it has
// let go of the memory of its round, holds the new, and cannot be sent. Leaving
// is deleted while with its target; deleted is with nothing but references left.
// State calls the last three deleted. Sent and Complete are the target's.
//
//	received     memory  Format        Send             Complete      arrive      Reuse         Delete        Cancel    InputMemory
//	created      0       formatted     ErrNotFormatted  gone          -           reused        ErrReceived   bit       yes
//	formatted    1       formatted     sent             gone          -           reused        ErrReceived   bit       yes
//	sent         1       ErrSent       ErrSent          ErrSent       completed   ErrSent       ErrReceived   bit,told  yes
//	completed    1       reformatted   ErrNotReused     gone          -           reused        ErrReceived   -         yes
//	reformatted  1       reformatted   ErrNotReused     gone          -           reused        ErrReceived   -         yes
//	reused       0       formatted     ErrNotFormatted  gone          -           reused        ErrReceived   bit       yes
//	answered     0       ErrCompleted  ErrCompleted     ErrCompleted  -           ErrCompleted  ErrCompleted  -         ErrCompleted
//	gone         0       ErrCompleted  ErrCompleted     ErrCompleted  -           ErrCompleted  ErrCompleted  -         ErrCompleted
//
// Here Complete is the owner's, and arrive the target's, which has a *Request
// of its own for every flight. Answered is completed with references left.
//
// # What happens in a flight
//
//	1  Send checks, takes a reference on the request, starts the clock, enters the gate
//	2  Submit: the target has it
//	3  the target calls Sent, if it tells sent from completed: OnSent's function is called
//	4  the target calls Complete: the clock stops; a cancellation of ours for lack of time becomes ErrTimeout;
//	   OnSent's function is called if it was not and there is no error
//	5  the request is completed: the completion routine is called, and may begin the next round
//	6  the reference on the request is dropped, then the gate is left: who waits there finds everything done
//
// Steps 3 to 6 run in the goroutine that calls Sent and Complete, which may be
// within Submit or Cancel. When Complete comes while OnSent's function still
// runs, Sent does 5 and 6 after it: functions of one round never overlap.
//
// A *Request is a small record that points to the request's body. The body is
// used again at once, the record not before 4096 others are gone, so that late
// use is found and does not hit another request. In steady state neither a
// request's birth and end nor a round allocates.
//
// # Locks
//
// Every request has a mutex. No function of anybody else's is called under it:
// targets, callbacks and completion routines may do with the request what they
// like. Under it may be taken the locks of package object (references, embedded
// memory). A target may take it, by any method of *Request but Sent and
// Complete, while it holds its own locks.
//
// # What has no counterpart here
//
// Failures of the Windows contract that cannot happen in Go, and why:
//
//	WDFMEMORY_OFFSET NULL; captured late      a Span is a value, and {0, 0} is the whole
//	descriptor NULL                           a Descriptor is a value; the zero one is the unknown type
//	NULL pointer or MDL with a length         a nil slice has none, a list knows its own
//	create for a target                       targets are named by Format
//	METHOD_NEITHER, mapping failures          there is one address space; memory in parts is ErrScattered
//	device control formats                    there are Read and Write
//	transfer types, double buffering          targets work on the memory itself
//	GetStatus after a Send that failed        Send returns the error
//	stopped targets that queue, start, purge  a target that queues does so in Submit
//	bad sizes and flags of options, of Reuse  there are none
//	send and forget                           whoever received a request answers it
//	SET_NEW_IRP                               a received request is what it came with
//	completing a request still cancelable     cancellation is a bit and a call; nothing is marked
//	synchronous send without a timeout        a context says how long
//
// # Glossary
//
//	here                     Windows
//	Request, Target          WDFREQUEST, WDFIOTARGET
//	New, Receive             WdfRequestCreate; EvtIoRead and EvtIoWrite get theirs
//	Format, FormatList       WdfIoTargetFormatRequestForRead, …ForWrite
//	OnComplete               WdfRequestSetCompletionRoutine
//	Send, SendSync           WdfRequestSend, WdfIoTargetSendReadSynchronously, …Write…
//	Cancel                   WdfRequestCancelSentRequest
//	Complete, Reuse          WdfRequestCompleteWithInformation, WdfRequestReuse
//	InputMemory, InputBuffer WdfRequestRetrieveInputMemory, …InputBuffer
//	Descriptor, Span         WDF_MEMORY_DESCRIPTOR, WDFMEMORY_OFFSET
//	Gate                     the I/O count of a target
package ioreq
