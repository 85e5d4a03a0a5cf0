package fake

import (
	"sync"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/workerpb"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// lie marks the result; the server around the honest one then falsifies it.
func lie(a step, in frame.Frame, out *serve.Output) error {
	if err := invert(a, in, out); err != nil {
		return err
	}
	return out.Value(lieMark, a.String("about"))
}

const lieMark = "lie"

// liar is a worker server that sends what serve never would.
type liar struct {
	workerpb.WorkerServiceServer
	moment *moment
}

func (l liar) Work(stream workerpb.WorkerService_WorkServer) error {
	s := lyingStream{stream, l.moment, new(sync.Mutex)}
	l.moment.speaks(s.send)
	return l.WorkerServiceServer.Work(s)
}

type lyingStream struct {
	workerpb.WorkerService_WorkServer
	moment *moment
	mu     *sync.Mutex // held by the one who sends
}

func (s lyingStream) send(r *workerpb.WorkResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.WorkerService_WorkServer.Send(r)
}

func (s lyingStream) Recv() (*workerpb.WorkRequest, error) {
	r, err := s.WorkerService_WorkServer.Recv()
	if err == nil {
		s.moment.received(r)
	}
	return r, err
}

func (s lyingStream) Send(r *workerpb.WorkResponse) error {
	if needs := needless(r); needs != nil {
		if err := s.send(needs); err != nil {
			return err
		}
	}
	for _, result := range r.Results {
		for _, v := range result.Values {
			if v.Op == lieMark {
				falsify(r, result, string(v.Json))
			}
		}
	}
	err := s.send(r)
	if err == nil {
		s.moment.replied(r)
	}
	return err
}

// needless asks for memory for jobs that are not being run: the two after the one whose answer follows.
func needless(r *workerpb.WorkResponse) *workerpb.WorkResponse {
	for _, result := range r.Results {
		for _, v := range result.Values {
			if v.Op == lieMark && string(v.Json) == `"prefetched"` {
				return &workerpb.WorkResponse{Needs: []*workerpb.Need{{Id: result.Id + 1, Size: 1}, {Id: result.Id + 2, Size: 1}}}
			}
		}
	}
	return nil
}

func falsify(r *workerpb.WorkResponse, result *workerpb.Result, about string) {
	switch about {
	case `"size"`:
		result.Size++
	case `"geometry"`:
		result.Geometry.Width += 1000
	case `"huge"`:
		result.Geometry.Width, result.Geometry.Height, result.Size = 1<<31, 1<<31, 1<<63
	case `"id"`:
		result.Id += 1 << 40
	case `"twice"`:
		r.Results = append(r.Results, result)
	}
}
