package farm

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// This file is where a worker's words are checked against what it was lent. Nothing that it says is believed.

// replied handles a message from the worker.
func (d *dispatcher) replied(reply *workerpb.WorkResponse) {
	if d.deaf {
		return // a result that crossed a kill comes too late: its job is retried
	}
	now := time.Now()
	for _, r := range reply.Results {
		fl := d.find(r.Id)
		if fl == nil {
			d.kill(lied, nil, fmt.Sprintf("it answered job %d, which it did not have", r.Id))
			return
		}
		if err := d.finish(fl, r, now); err != nil {
			d.kill(lied, fl, fmt.Sprintf("%v: %v", describe(fl), err))
			return
		}
	}
	d.begin(now)
	for _, n := range reply.Needs {
		if d.needed(n, now); d.ending {
			return
		}
	}
	if t := d.suspect; t != nil && len(d.inFlight) == 0 && !d.ending {
		d.suspect = nil
		d.send(t)
	}
}

// finish settles a flight by the worker's result, or returns what is wrong with that.
func (d *dispatcher) finish(fl *flight, r *workerpb.Result, now time.Time) error {
	if fl.need != nil {
		return errors.New("it answered while it waited for memory")
	}
	if fl.began.IsZero() {
		fl.began = now // it came with the answer before it
	}
	if r.Fault == nil {
		result, err := d.accept(fl, r, now)
		if err != nil {
			return err
		}
		d.measure(fl, r)
		d.remove(fl)
		d.freed()
		if result.Restarted = fl.left(d.farm, d.instance); result.Restarted {
			d.farm.events.send(Event{Kind: StreamRestarted, Worker: d.number, PID: d.worker.PID(), Stream: fl.stream.key})
		}
		restarted := result.Restarted // the result is the caller's afterwards
		if !fl.settle(d.farm, result, nil) && restarted {
			d.farm.streams.owe(fl.stream)
		}
		d.answeredOne(&fl.future)
		d.worked()
		d.reuse(fl)
		return nil
	}
	d.measure(fl, r)
	d.remove(fl)
	d.freed()
	d.dropOutput(fl)
	fl.left(d.farm, nil)
	what, said := fl.told(r.Fault)
	fl.failAt(d.farm, fates[what].code, said)
	d.worked()
	d.reuse(fl)
	return nil
}

// told is what a worker reports. Why there was no memory for its output is known here.
func (fl *flight) told(said *workerpb.Fault) (happening, *workerpb.Fault) {
	what := reported(fault.Code(said.Code))
	if what == noMemory && fl.denied != nil {
		return neverFits, &workerpb.Fault{Step: said.Step, Message: "its output: " + fl.denied.Error()}
	}
	return what, said
}

// freed counts the worker as idle where that was its last job, before the caller hears of the answer and submits the next.
func (d *dispatcher) freed() {
	if len(d.inFlight) == 0 && d.suspect == nil && !d.ending && !d.leaving() {
		d.waits(true)
	}
}

// accept makes a Result of the worker's, if it is consistent with the lease.
func (d *dispatcher) accept(fl *flight, r *workerpb.Result, now time.Time) (*Result, error) {
	result := &Result{
		Frame: fl.frame, Attempts: fl.tries + 1, Worker: d.number, PID: d.worker.PID(),
		Submitted: fl.since, Answered: now, Run: time.Duration(max(0, r.RunNs)),
		Values: make([]Value, 0, len(r.Values)), Steps: make([]time.Duration, 0, len(r.StepNs)),
	}
	for _, v := range r.Values {
		if !json.Valid(v.Json) {
			return nil, fmt.Errorf("op %.40q found what is not JSON", v.Op)
		}
		result.Values = append(result.Values, Value{Step: int(v.Step), Op: v.Op, JSON: v.Json})
	}
	for _, ns := range r.StepNs {
		result.Steps = append(result.Steps, time.Duration(max(0, ns)))
	}
	if fl.plan {
		return result, result.foreseen(r.Shapes)
	}
	lease, err := d.outputOf(fl, r)
	if err != nil {
		return nil, err
	}
	if !r.Same {
		result.Geometry = r.Geometry.Frame()
	}
	fl.program.learn(int(fl.input.Size()), lent(lease, r.Same))
	if lease != nil {
		result.Pix, result.Mem = lease.Bytes(), lease.Hold()
	}
	return result, nil
}

// foreseen takes the shapes of a plan.
func (r *Result) foreseen(shapes []*workerpb.Geometry) error {
	for _, s := range shapes {
		g := s.Frame()
		if _, err := g.Size(); err != nil && g.Width+g.Height != 0 {
			return fmt.Errorf("it foresees what cannot be: %w", err)
		}
		r.shapes = append(r.shapes, g)
	}
	return nil
}

// lent is how much the next run will need an own output for.
func lent(l *shm.Lease, same bool) int {
	if l == nil || same {
		return 0
	}
	return int(l.Size())
}

// outputOf returns the lease with the output, held for the result, or what is wrong.
func (d *dispatcher) outputOf(fl *flight, r *workerpb.Result) (*shm.Lease, error) {
	if r.Same {
		d.dropOutput(fl)
		fl.input.Retain()
		return fl.input, nil
	}
	g := r.Geometry.Frame()
	if g.Format == frame.FormatNone && r.Size == 0 {
		d.dropOutput(fl)
		return nil, nil
	}
	if fl.output == nil || r.Size < 1 || r.Size > uint64(fl.output.Size()) {
		return nil, fmt.Errorf("its output has %d bytes, it was lent %d", r.Size, sizeOf(fl.output))
	}
	if n, err := g.Size(); g.Format != frame.FormatEncoded && (err != nil || uint64(n) != r.Size) {
		return nil, fmt.Errorf("its output of %d bytes cannot be %v", r.Size, g)
	}
	out := fl.output
	fl.output = nil
	out.Shrink(int(r.Size))
	return out, nil
}

func (d *dispatcher) dropOutput(fl *flight) {
	if fl.output != nil {
		fl.output.Release()
		fl.output = nil
	}
}

// measure keeps the program's pace, by the worker's word: of answers that come together nothing else tells how long each took.
// It bounds what the worker is given beforehand, and no more.
func (d *dispatcher) measure(fl *flight, r *workerpb.Result) {
	if !fl.plan {
		fl.program.took(min(max(0, time.Duration(r.RunNs)), fl.timeout))
	}
}

func (d *dispatcher) worked() {
	d.jobs++
	if !d.answered {
		d.answered = true
		d.breaker.Answered()
		d.showBreaker(nil)
	}
	if d.jobs == d.limit {
		d.recycle(fmt.Sprintf("%d jobs", d.jobs))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.Jobs++
}

// needed handles a running job's wish for a larger output.
func (d *dispatcher) needed(n *workerpb.Need, now time.Time) {
	fl := d.find(n.Id)
	if fl == nil || fl.need != nil || fl.began.IsZero() || n.Size < 1 || n.Size > frame.MaxBytes {
		d.kill(lied, fl, fmt.Sprintf("it asked for %d bytes for job %d", n.Size, n.Id))
		return
	}
	d.dropOutput(fl)
	req, err := d.region.Request(int(n.Size), d.granted)
	if err != nil {
		d.refuseMemory(fl, now, never(err))
		return
	}
	fl.need, fl.asked, fl.denied = req, now, nil
}

// grant passes on a lease that came for a flight, if that is still there.
func (d *dispatcher) grant(g shm.Granted) {
	for _, fl := range d.inFlight {
		if fl.need == g.Request {
			now := time.Now()
			fl.need, fl.output = nil, g.Lease
			fl.began = fl.began.Add(now.Sub(fl.asked)) // the wait was not the worker's
			due, _ := fl.due()
			d.arm(now, due)
			_ = d.worker.Send(&workerpb.WorkRequest{Grants: []*workerpb.Grant{{Id: fl.id, Output: toBlock(g.Lease)}}})
			return
		}
	}
	g.Lease.Release()
}

// refuseMemory lets the job fail in the worker, which goes on. why is nil where there may be memory later.
func (d *dispatcher) refuseMemory(fl *flight, now time.Time, why error) {
	fl.need, fl.began, fl.denied = nil, now, why
	d.arm(now, now.Add(fl.timeout))
	_ = d.worker.Send(&workerpb.WorkRequest{Grants: []*workerpb.Grant{{Id: fl.id}}})
}

func sizeOf(l *shm.Lease) int64 {
	if l == nil {
		return 0
	}
	return l.Size()
}

func toBlock(l *shm.Lease) *workerpb.Block {
	if l == nil {
		return nil
	}
	return &workerpb.Block{Offset: uint64(l.Offset()), Size: uint64(l.Size())}
}
