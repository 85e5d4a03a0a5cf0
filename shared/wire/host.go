package wire

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Host is the coordinator's end. It and what it is made of must not be used after the region was retired.
type Host struct {
	stream workerpb.WorkerService_WorkClient
	bell   *shm.Waiter
	down   *shm.RingWriter
	up     *shm.RingReader

	sentStream uint64 // messages sent by the stream
	sentRing   uint64 // and by the ring
	message    workerpb.WorkRequest
	buf        []byte

	in         sync.Mutex             // guards what follows: of Receive
	readStream uint64                 // messages that came by the stream
	next       *workerpb.WorkResponse // from the ring, not yet its turn; nil is none
	text       []byte
}

// NewHost returns the end for a worker that owns the region and rings the bell, which the Host takes over.
func NewHost(stream workerpb.WorkerService_WorkClient, region *shm.Region, bell *shm.Waiter) *Host {
	down, up := region.Rings()
	return &Host{stream: stream, bell: bell, down: down, up: up}
}

// Send passes a message on, and does not keep it. It is not safe for concurrent use. It blocks only while the stream's buffers
// are full. ErrRing says that the worker has to be killed, any other error that it is ending.
func (h *Host) Send(r *workerpb.WorkRequest) error {
	if len(r.Define)+len(r.Forget)+len(r.EndStreams) > 0 {
		h.sentStream++
		rare := &workerpb.WorkRequest{Define: r.Define, Forget: r.Forget, EndStreams: r.EndStreams, After: h.sentRing}
		if err := h.stream.Send(rare); err != nil {
			return err
		}
	}
	if len(r.Jobs)+len(r.Grants) == 0 {
		return nil
	}
	return h.put(r)
}

// CloseSend says that no more messages come.
func (h *Host) CloseSend() error { return h.stream.CloseSend() }

// Look has Receive pass on what the worker put into the ring and has not called for. It is safe for concurrent use.
func (h *Host) Look() { h.bell.Look() }

// Unseen reports whether there is something for Look. It is safe for concurrent use.
func (h *Host) Unseen() bool { return !h.up.Empty() }

// ErrRing says that the worker broke its ring.
var ErrRing = errors.New("it broke its ring")

// Crowded reports whether jobs had better wait: much lies in the ring that the worker has not read. Jobs that were recalled are
// among it.
func (h *Host) Crowded() bool { return h.down.Crowded() }

// put writes jobs and grants into the ring. Who heeds Crowded finds room there: where it has none, the worker broke it.
func (h *Host) put(r *workerpb.WorkRequest) (err error) {
	m := &h.message
	m.Jobs, m.Grants, m.After = r.Jobs, r.Grants, h.sentStream
	if h.buf, err = (proto.MarshalOptions{}).MarshalAppend(h.buf[:0], m); err != nil {
		return err
	}
	if !h.down.Put(h.buf) {
		return fmt.Errorf("%w: it has no room for a message of %d bytes", ErrRing, len(h.buf))
	}
	h.sentRing++
	h.down.Wake()
	return nil
}

// Receive passes on what comes, in the order in which it was sent, until the stream has ended and the ring is empty. It is to be
// called once, and blocks; somebody must read to until it has returned. The error is io.EOF after a drain, or the stream's.
// Where the worker breaks its ring, broken is told at once: the stream of a worker that is not killed then may go on.
func (h *Host) Receive(to chan<- *workerpb.WorkResponse, broken func(error)) error {
	var bell errgroup.Group
	bell.Go(func() error {
		for {
			waited := h.bell.Wait(h.up)
			if err := h.drain(to); err != nil {
				broken(err)
				return err
			}
			if waited != nil {
				return waited
			}
		}
	})
	err := h.receiveStream(to)
	if errors.Is(err, ErrRing) {
		broken(err)
	}
	h.bell.Close() // the ring is read once more
	if ringErr := bell.Wait(); errors.Is(ringErr, ErrRing) {
		return ringErr
	}
	return err
}

func (h *Host) receiveStream(to chan<- *workerpb.WorkResponse) error {
	for {
		r, err := h.stream.Recv()
		if err != nil {
			return err
		}
		if err := h.drain(to); err != nil { // what was put there before
			return err
		}
		h.in.Lock()
		to <- r
		h.readStream++
		h.in.Unlock()
		if err := h.drain(to); err != nil { // what waited for it
			return err
		}
	}
}

// maxJoined bounds how many answers from the ring are passed on as one message.
const maxJoined = 128

// drain passes on what is in the ring and may be heard now. It fails with ErrRing.
func (h *Host) drain(to chan<- *workerpb.WorkResponse) error {
	h.in.Lock()
	defer h.in.Unlock()
	for {
		r, err := h.take()
		if err != nil {
			return fmt.Errorf("%w: %v", ErrRing, err)
		}
		if r == nil {
			return nil
		}
		to <- r
	}
}

// take returns what is in the ring as one message, up to the first wish for memory: what comes before that and after it must
// not change places. It returns nil where nothing may be heard now.
func (h *Host) take() (joined *workerpb.WorkResponse, err error) {
	for joined == nil || len(joined.Needs) == 0 && len(joined.Results) < maxJoined {
		r, err := h.peek()
		if err != nil || r == nil || r.After > h.readStream {
			return joined, err
		}
		h.next = nil
		if joined == nil {
			joined = r
			continue
		}
		joined.Results = append(joined.Results, r.Results...)
		joined.Needs = r.Needs
	}
	return joined, nil
}

// peek returns the next message in the ring, or nil.
func (h *Host) peek() (*workerpb.WorkResponse, error) {
	if h.next != nil {
		return h.next, nil
	}
	text, ok, err := h.up.Take(h.text[:0])
	if err != nil || !ok {
		return nil, err
	}
	h.text = text
	r := &workerpb.WorkResponse{}
	if err := proto.Unmarshal(text, r); err != nil {
		return nil, err
	}
	h.next = r
	return r, nil
}
