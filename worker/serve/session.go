package serve

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/wire"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Waking the coordinator costs as much as a short job. It is woken for each answer, unless more jobs are there than the worker
// does while the coordinator, once woken, sends the next: then up to maxBatch answers share a call, and none waits longer than
// maxDelay. The coordinator looks by itself where a call is overdue, so that none is kept from it for long where the next job takes
// long, or does not return.
const (
	maxBatch = 64
	maxDelay = handshake.Patience / 2
	refill   = 200 * time.Microsecond // from the call until more jobs are there, on a busy machine
)

// Wire is what messages from the coordinator come from and answers go into. See wire.Guest.
type Wire interface {
	Recv() (*workerpb.WorkRequest, error)
	Empty() bool
	Send(*workerpb.WorkResponse) error
	Wake()
}

// session is the jobs that come over one wire and the answers that go back.
type session struct {
	*server
	wire Wire
	intake

	mu     sync.Mutex // guards what follows
	unseen int        // answers since the coordinator was woken
	oldest time.Time  // when the first of them was given
}

// Work runs jobs in one thread a lane. It returns when the coordinator has closed its side and all jobs are answered, or when
// the stream breaks.
func (s *server) Work(stream workerpb.WorkerService_WorkServer) error {
	guest := wire.NewGuest(stream, s.down, s.up)
	go guest.Listen() // it ends with the stream, which ends when this returns
	ss := &session{server: s, wire: s.wrap(guest)}
	ss.intake.init(ss)
	var lanes errgroup.Group
	for i := range s.lanes {
		lanes.Go(func() error { return ss.runLane(i) })
	}
	return lanes.Wait()
}

// handle does what a message says besides its jobs and grants.
func (ss *session) handle(r *workerpb.WorkRequest) {
	for _, id := range r.Forget {
		if err := ss.drop(id); err != nil { // none of the jobs' business
			fmt.Fprintf(os.Stderr, "worker: a program that was forgotten: %v\n", err)
		}
	}
	for _, d := range r.Define {
		ss.put(d.Id, &compiled{text: d.Pipeline, inputs: d.Inputs})
	}
	for _, id := range r.EndStreams {
		ss.streams.end(id)
	}
}

// runLane stays on one thread: what OpenCV and the allocator keep for each, the processor has in its caches.
func (ss *session) runLane(i int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	preciseTimers()
	for {
		j, err := ss.next()
		if err != nil || j == nil {
			return err
		}
		if j.Claim != 0 && !ss.view.Claims().Take(int(j.Claim-1), j.Id) {
			continue // it was recalled
		}
		ss.view.Report(i, j.Id)
		result := ss.run(i, j)
		ss.view.Report(i, 0)
		if err := ss.answer(result); err != nil {
			return err
		}
	}
}

func (ss *session) answer(r *workerpb.Result) error {
	if err := ss.wire.Send(&workerpb.WorkResponse{Results: []*workerpb.Result{r}}); err != nil {
		return err
	}
	if run := max(time.Duration(r.RunNs), time.Microsecond); ss.mayWait(run) && ss.follow(ss.lanes*(2+int(refill/run))) {
		return nil
	}
	ss.wake()
	return nil
}

// mayWait counts an answer in, and reports whether the coordinator need not see it at once, if enough jobs follow.
func (ss *session) mayWait(run time.Duration) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	now := time.Now()
	if ss.unseen++; ss.unseen == 1 {
		ss.oldest = now
	}
	return ss.unseen < maxBatch && now.Sub(ss.oldest)+run <= maxDelay
}

// wake shows the coordinator all answers.
func (ss *session) wake() {
	ss.mu.Lock()
	ss.unseen = 0
	ss.mu.Unlock()
	ss.wire.Wake()
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
	err := ss.wire.Send(&workerpb.WorkResponse{Needs: []*workerpb.Need{{Id: id, Size: uint64(n)}}})
	if err != nil {
		return nil, err
	}
	ss.wake()
	b, err := ss.granted(id)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fault.Errorf(fault.Overloaded, "the farm has no memory for an output of %d bytes", n)
	}
	return ss.view.Out(b.Offset, b.Size)
}
