package wire

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Guest is the worker's end.
type Guest struct {
	stream     workerpb.WorkerService_WorkServer
	down       *shm.RingReader
	buf        []byte
	next       *workerpb.WorkRequest // from the ring, not yet its turn; nil is none
	readStream uint64                // messages that came by the stream and were returned by Recv
	readRing   uint64                // and by the ring

	in      sync.Mutex // guards what follows
	arrived *sync.Cond
	waiting []*workerpb.WorkRequest
	ended   error

	out        sync.Mutex // guards what follows, and the stream's Send
	up         *shm.RingWriter
	sentStream uint64 // messages sent by the stream
	text       []byte
}

// NewGuest returns the end for a Work call. Listen must run beside it.
func NewGuest(stream workerpb.WorkerService_WorkServer, down *shm.RingReader, up *shm.RingWriter) *Guest {
	g := &Guest{stream: stream, down: down, up: up}
	g.arrived = sync.NewCond(&g.in)
	return g
}

// Listen takes what comes by the stream, until that ends.
func (g *Guest) Listen() {
	for ended := false; !ended; {
		r, err := g.stream.Recv()
		g.in.Lock()
		if err != nil {
			g.ended, ended = err, true
		} else {
			g.waiting = append(g.waiting, r)
		}
		g.arrived.Signal()
		g.in.Unlock()
		g.down.WakeFutex()
	}
}

// Recv blocks until there is a message, and returns them in the order in which they were sent. It fails with io.EOF when the
// coordinator sends no more, with another error when the stream broke. It is not safe for concurrent use, nor together with Empty.
func (g *Guest) Recv() (*workerpb.WorkRequest, error) {
	for {
		if r := g.streamed(); r != nil {
			g.readStream++
			return r, nil
		}
		if err := g.takeNext(); err != nil {
			return nil, err
		}
		switch r := g.next; {
		case r != nil && r.After <= g.readStream:
			g.next, g.readRing = nil, g.readRing+1
			return r, nil
		case r != nil:
			g.awaitStream()
		default:
			g.down.WaitFutex(g.hasMore)
		}
		if err := g.over(); err != nil {
			return nil, err
		}
	}
}

// streamed returns what came by the stream, if it is its turn, or nil.
func (g *Guest) streamed() *workerpb.WorkRequest {
	g.in.Lock()
	defer g.in.Unlock()
	if len(g.waiting) == 0 || g.waiting[0].After > g.readRing {
		return nil
	}
	r := g.waiting[0]
	g.waiting = g.waiting[1:]
	return r
}

// takeNext takes a message from the ring, where there is one and none waits for its turn.
func (g *Guest) takeNext() error {
	if g.next != nil {
		return nil
	}
	msg, ok, err := g.down.Take(g.buf[:0])
	if err != nil || !ok {
		return err
	}
	g.buf, g.next = msg, &workerpb.WorkRequest{}
	return proto.Unmarshal(msg, g.next)
}

// awaitStream waits for what a message in the ring said that comes before it.
func (g *Guest) awaitStream() {
	g.in.Lock()
	defer g.in.Unlock()
	for len(g.waiting) == 0 && g.ended == nil {
		g.arrived.Wait()
	}
}

func (g *Guest) hasMore() bool {
	g.in.Lock()
	defer g.in.Unlock()
	return len(g.waiting) > 0 || g.ended != nil
}

// over returns the stream's end where nothing is left.
func (g *Guest) over() error {
	g.in.Lock()
	defer g.in.Unlock()
	if len(g.waiting) > 0 || g.next == nil && !g.down.Empty() {
		return nil
	}
	return g.ended
}

// Empty reports whether Recv would block now.
func (g *Guest) Empty() bool { return g.next == nil && g.down.Empty() && !g.hasMore() }

// Send passes an answer on. The coordinator may see it only after Wake. It is safe for concurrent use.
func (g *Guest) Send(r *workerpb.WorkResponse) (err error) {
	g.out.Lock()
	defer g.out.Unlock()
	r.After = g.sentStream
	if g.text, err = (proto.MarshalOptions{}).MarshalAppend(g.text[:0], r); err != nil {
		return err
	}
	if g.up.Put(g.text) {
		return nil
	}
	g.text = nil // it is large
	g.sentStream++
	return g.stream.Send(r)
}

// Wake has the coordinator look, if it is not at it.
func (g *Guest) Wake() { g.up.Wake() }
