package serve

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Results are sent at once, unless the next job follows immediately and jobs are so short that the message costs more than the
// work: then up to maxBatch of them share a message, none of which is kept for longer than maxDelay.
const (
	maxBatch = 64
	maxDelay = 2 * time.Millisecond
)

// backlog is how many jobs the worker takes beforehand. The coordinator sends fewer.
const backlog = 4096

// session is one Work stream: the jobs that came through it and the results that go back.
type session struct {
	*server
	stream workerpb.WorkerService_WorkServer
	jobs   chan *workerpb.Job

	mu      sync.Mutex // guards what follows, and Send
	pending *workerpb.WorkResponse
	found   int         // bytes of data in pending
	oldest  time.Time   // since when the first of pending's results waits
	latest  *time.Timer // sends what is pending, if nobody did before
	grants  map[uint64]chan *workerpb.Block
}

// Work receives in the calling goroutine and runs jobs in one goroutine a lane. It returns when the coordinator has closed its
// side and all jobs are answered, or when the stream breaks.
func (s *server) Work(stream workerpb.WorkerService_WorkServer) error {
	ss := &session{
		server: s, stream: stream, jobs: make(chan *workerpb.Job, backlog),
		pending: &workerpb.WorkResponse{}, grants: map[uint64]chan *workerpb.Block{},
	}
	ss.latest = time.AfterFunc(time.Hour, func() { _ = ss.flush() }) // who sends next sees the same error
	defer ss.latest.Stop()
	var lanes errgroup.Group
	for i := range s.lanes {
		lanes.Go(func() error { return ss.runLane(i) })
	}
	err := ss.receive()
	close(ss.jobs)
	return errors.Join(err, lanes.Wait())
}

func (ss *session) receive() error {
	for {
		req, err := ss.stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for _, id := range req.Forget {
			if err := ss.drop(id); err != nil { // none of the jobs' business
				fmt.Fprintf(os.Stderr, "worker: a program that was forgotten: %v\n", err)
			}
		}
		for _, d := range req.Define {
			ss.put(d.Id, &compiled{text: d.Pipeline, inputs: d.Inputs})
		}
		for _, id := range req.EndStreams {
			ss.streams.end(id)
		}
		ss.deliver(req.Grants)
		for _, j := range req.Jobs {
			select {
			case ss.jobs <- j:
			case <-ss.stream.Context().Done():
				return ss.stream.Context().Err()
			}
		}
	}
}

func (ss *session) runLane(i int) error {
	for {
		j, ok := ss.next()
		if !ok {
			return ss.flush()
		}
		ss.view.Report(i, j.Id)
		result := ss.run(i, j)
		ss.view.Report(i, 0)
		if err := ss.answer(result); err != nil {
			return err
		}
	}
}

// next returns the next job. Before it waits for one, it sends what is pending.
func (ss *session) next() (*workerpb.Job, bool) {
	select {
	case j, ok := <-ss.jobs:
		return j, ok
	default:
	}
	if ss.flush() != nil {
		return nil, false
	}
	j, ok := <-ss.jobs
	return j, ok
}

func (ss *session) answer(r *workerpb.Result) error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.pending.Results = append(ss.pending.Results, r)
	now := time.Now()
	if len(ss.pending.Results) == 1 {
		ss.oldest = now
	}
	for _, v := range r.Values {
		ss.found += len(v.Json)
	}
	if len(ss.pending.Results) == maxBatch || ss.found > handshake.MaxData || now.Sub(ss.oldest)+time.Duration(r.RunNs) > maxDelay {
		return ss.send()
	}
	if len(ss.pending.Results) == 1 {
		ss.latest.Reset(maxDelay) // the next job may take long, or not return
	}
	return nil
}

func (ss *session) flush() error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.pending.Results)+len(ss.pending.Needs) == 0 {
		return nil
	}
	return ss.send()
}

func (ss *session) send() error {
	out := ss.pending
	ss.pending, ss.found = &workerpb.WorkResponse{}, 0
	return ss.stream.Send(out)
}

// run runs one job. Whatever goes wrong is the job's fault, not the session's.
func (ss *session) run(lane int, j *workerpb.Job) *workerpb.Result {
	start := time.Now()
	o, err := ss.tryRun(lane, j)
	r := &workerpb.Result{Id: j.Id, RunNs: int64(time.Since(start))}
	if err != nil {
		r.Fault = toFault(err)
		if len(o.steps) > 0 && r.Fault.Step == 0 {
			r.Fault.Step = uint32(o.current + 1)
		}
		return r
	}
	for _, g := range o.shapes {
		r.Shapes = append(r.Shapes, workerpb.FromGeometry(g))
	}
	o.finish(start.Add(time.Duration(r.RunNs)))
	r.Same, r.PtsNs = o.same, int64(o.out.PTS)
	if o.out.Pix != nil {
		r.Geometry, r.Size = workerpb.FromGeometry(o.out.Geometry), uint64(len(o.out.Pix))
	}
	for _, v := range o.values {
		r.Values = append(r.Values, &workerpb.Value{Step: uint32(v.Step), Op: strings.ToValidUTF8(v.Op, "?"), Json: v.JSON})
	}
	for _, d := range o.steps {
		r.StepNs = append(r.StepNs, int64(d))
	}
	return r
}

func (ss *session) tryRun(lane int, j *workerpb.Job) (*Output, error) {
	o := &Output{
		memory: memory{grow: func(n int) ([]byte, error) { return ss.ask(j.Id, n) }},
		step:   func(int) { ss.view.Report(lane, j.Id) },
	}
	program, err := ss.find(j.Program)
	if err != nil {
		return o, err
	}
	if j.Plan {
		return o, o.plan(program, j.Geometry.Frame())
	}
	in, err := ss.input(j)
	if err != nil {
		return o, err
	}
	o.out.PTS = in.PTS
	if j.Stream != 0 {
		o.state = func(step int) *State { return ss.streams.state(j.Stream, j.Program, step) }
	}
	if b := j.Output; b != nil {
		if o.block, err = ss.view.Out(b.Offset, b.Size); err != nil {
			return o, err
		}
	}
	return o, program.Run(in, o)
}

func (ss *session) input(j *workerpb.Job) (frame.Frame, error) {
	f := frame.Frame{Geometry: j.Geometry.Frame()}
	if j.Input != nil {
		var err error
		if f, err = ss.read(j.Geometry, j.Input); err != nil {
			return f, err
		}
	}
	f.Index, f.PTS = j.Index, time.Duration(j.PtsNs)
	return f, nil
}

// ask gets a larger output block from the coordinator.
func (ss *session) ask(id uint64, n int) ([]byte, error) {
	granted := make(chan *workerpb.Block, 1)
	ss.mu.Lock()
	ss.grants[id] = granted
	ss.pending.Needs = append(ss.pending.Needs, &workerpb.Need{Id: id, Size: uint64(n)})
	err := ss.send()
	ss.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case b := <-granted:
		if b == nil {
			return nil, fault.Errorf(fault.Overloaded, "the farm has no memory for an output of %d bytes", n)
		}
		return ss.view.Out(b.Offset, b.Size)
	case <-ss.stream.Context().Done():
		return nil, ss.stream.Context().Err()
	}
}

func (ss *session) deliver(grants []*workerpb.Grant) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, g := range grants {
		if granted, ok := ss.grants[g.Id]; ok {
			delete(ss.grants, g.Id)
			granted <- g.Output
		}
	}
}
