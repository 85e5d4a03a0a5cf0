package wire

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Host is the coordinator's end.
type Host struct {
	stream workerpb.WorkerService_WorkClient
	bell   *shm.Waiter
	down   *shm.RingWriter
	up     *shm.RingReader
	rings  bool

	streamed uint64 // messages sent on the stream
	ringed   uint64 // and by the ring
	message  workerpb.WorkRequest
	buf      []byte

	answers []byte // of Receive
}

// NewHost returns the end for a worker that owns the region and rings the bell, which the Host takes over. A worker that says
// that it knows no rings gets everything by the stream.
func NewHost(stream workerpb.WorkerService_WorkClient, region *shm.Region, bell *shm.Waiter, rings bool) *Host {
	down, up := region.Rings()
	return &Host{stream: stream, bell: bell, down: down, up: up, rings: rings}
}

// Send passes a message on, and does not keep it. It is not safe for concurrent use. It blocks only while the stream's buffers
// are full. ErrRing says that the worker has to be killed, any other error that it is ending.
func (h *Host) Send(r *workerpb.WorkRequest) error {
	if !h.rings {
		return h.stream.Send(r)
	}
	if len(r.Define)+len(r.Forget)+len(r.EndStreams) > 0 {
		h.streamed++
		rare := &workerpb.WorkRequest{Define: r.Define, Forget: r.Forget, EndStreams: r.EndStreams, After: h.ringed}
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

// put writes jobs and grants into the ring. It has room for all that a worker may have: where it has none, the worker broke it.
func (h *Host) put(r *workerpb.WorkRequest) (err error) {
	m := &h.message
	m.Jobs, m.Grants, m.After = r.Jobs, r.Grants, h.streamed
	if h.buf, err = (proto.MarshalOptions{}).MarshalAppend(h.buf[:0], m); err != nil {
		return err
	}
	if !h.down.Put(h.buf) {
		return fmt.Errorf("%w: it has no room for a message of %d bytes", ErrRing, len(h.buf))
	}
	h.ringed++
	h.down.Wake()
	return nil
}

// Receive passes on what comes, until the stream has ended and the ring is empty. It is to be called once, and blocks; somebody
// must read to until it has returned. The error is io.EOF after a drain, ErrRing, or the stream's.
func (h *Host) Receive(to chan<- *workerpb.WorkResponse) error {
	var both errgroup.Group
	both.Go(func() error {
		defer h.bell.Close() // the ring is read once more
		for {
			r, err := h.stream.Recv()
			if err != nil {
				return err
			}
			to <- r
		}
	})
	err := h.receiveRing(to)
	if ended := both.Wait(); err == nil {
		err = ended
	}
	return err
}

func (h *Host) receiveRing(to chan<- *workerpb.WorkResponse) error {
	for {
		waited := h.bell.Wait(h.up)
		for !h.up.Empty() {
			r, err := h.take()
			if err != nil {
				return fmt.Errorf("%w: %v", ErrRing, err)
			}
			to <- r
		}
		if errors.Is(waited, os.ErrClosed) {
			return nil
		}
		if waited != nil {
			return waited
		}
	}
}

// take returns what is in the ring as one message, up to the first wish for memory: what comes before that and after it must
// not change places.
func (h *Host) take() (r *workerpb.WorkResponse, err error) {
	r = &workerpb.WorkResponse{}
	for len(r.Needs) == 0 {
		var ok bool
		if h.answers, ok, err = h.up.Take(h.answers[:0]); err != nil || !ok {
			return r, err
		}
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(h.answers, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}
