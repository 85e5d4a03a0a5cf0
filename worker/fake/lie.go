package fake

import (
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
type liar struct{ workerpb.WorkerServiceServer }

func lying(s workerpb.WorkerServiceServer) workerpb.WorkerServiceServer { return liar{s} }

func (l liar) Work(stream workerpb.WorkerService_WorkServer) error {
	return l.WorkerServiceServer.Work(lyingStream{stream})
}

type lyingStream struct {
	workerpb.WorkerService_WorkServer
}

func (s lyingStream) Send(r *workerpb.WorkResponse) error {
	if needs := needless(r); needs != nil {
		if err := s.WorkerService_WorkServer.Send(needs); err != nil {
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
	return s.WorkerService_WorkServer.Send(r)
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
