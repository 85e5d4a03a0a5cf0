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

// liar sends what serve never would.
type liar struct {
	serve.Wire
	moment *moment
}

func newLiar(w serve.Wire, m *moment) liar {
	l := liar{w, m}
	m.speaks(l.send)
	return l
}

// send lets it be heard at once, whoever has something else to do.
func (l liar) send(r *workerpb.WorkResponse) error {
	err := l.Wire.Send(r)
	l.Wake()
	return err
}

func (l liar) Recv() (*workerpb.WorkRequest, error) {
	r, err := l.Wire.Recv()
	if err == nil {
		l.moment.received(r)
	}
	return r, err
}

func (l liar) Send(r *workerpb.WorkResponse) error {
	if needs := needless(r); needs != nil {
		if err := l.send(needs); err != nil {
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
	err := l.Wire.Send(r)
	if err == nil {
		l.moment.replied(l, r)
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
