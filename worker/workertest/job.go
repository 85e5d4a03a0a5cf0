package workertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// canary is what the memory around a lent block holds.
const canary = 0xc3

// margin is how much of it is watched on either side.
const margin = 4096

// job is one to do.
type job struct {
	pipeline string
	in       frame.Frame
	lend     int  // bytes lent for the output
	refuse   bool // what it asks for beyond that
	plan     bool
}

// result is the worker's answer to a job.
type result struct {
	*workerpb.Result
	out   frame.Frame // a copy of the output; FormatNone for none
	asked uint64      // the most memory that it asked for
}

// block is lent memory, with canaries around.
type block struct {
	lease *shm.Lease
	n     int
}

func (h *host) lend(n int) *block {
	h.Helper()
	lease := h.out.TryLease(n + 2*margin)
	if lease == nil {
		h.Fatalf("it wants %d bytes for a result", n)
	}
	mem := lease.Bytes()
	for i := range mem {
		mem[i] = canary
	}
	return &block{lease, n}
}

func (b *block) wire() *workerpb.Block {
	return &workerpb.Block{Offset: uint64(b.lease.Offset()) + margin, Size: uint64(b.n)}
}

// intact reports whether nothing around the block was written.
func (b *block) intact() bool {
	mem := b.lease.Bytes()
	around := slices.Concat(mem[:margin], mem[margin+b.n:])
	return !slices.ContainsFunc(around, func(v byte) bool { return v != canary })
}

// program returns the number of a pipeline, and what has to be said of it beforehand: nothing where it is known.
func (h *host) program(text string) (uint32, []*workerpb.Program) {
	h.Helper()
	if id := h.programs[text]; id != 0 {
		return id, nil
	}
	h.lastProgram++
	h.programs[text] = h.lastProgram
	def := &workerpb.Program{Id: h.lastProgram, Pipeline: text}
	for name, f := range h.config.Inputs {
		lease := h.bring(f.Pix) // held to the end
		def.Inputs = append(def.Inputs, &workerpb.Input{Name: name, Geometry: workerpb.FromGeometry(f.Geometry), Block: blockOf(lease)})
	}
	return h.lastProgram, []*workerpb.Program{def}
}

// bring copies bytes into memory that the worker may read.
func (h *host) bring(data []byte) *shm.Lease {
	h.Helper()
	lease := h.in.TryLease(max(1, len(data)))
	if lease == nil {
		h.Fatalf("the inputs need more than %d bytes", memory)
	}
	copy(lease.Bytes(), data)
	return lease
}

func blockOf(l *shm.Lease) *workerpb.Block {
	return &workerpb.Block{Offset: uint64(l.Offset()), Size: uint64(l.Size())}
}

// do has a job done, and checks what can be told of any answer.
func (h *host) do(j job) result {
	h.Helper()
	h.doing = fmt.Sprintf("%s of %v", j.pipeline, j.in.Geometry)
	msg, define := h.message(j)
	var input *shm.Lease
	if !j.plan {
		input = h.bring(j.in.Pix)
		defer input.Release()
		msg.Input = &workerpb.Block{Offset: uint64(input.Offset()), Size: uint64(len(j.in.Pix))}
	}
	lent := h.lend(j.lend)
	if j.lend > 0 {
		msg.Output = lent.wire()
	}
	h.send(&workerpb.WorkRequest{Define: define, Jobs: []*workerpb.Job{msg}})
	r := result{}
	for r.Result == nil {
		lent = h.follow(j, &r, lent)
	}
	h.checkResult(j, r.Result)
	r.take(h, j, lent)
	if input != nil && !bytes.Equal(input.Bytes()[:len(j.in.Pix)], j.in.Pix) {
		h.Fatalf("%s of %v: it wrote to its input", j.pipeline, j.in.Geometry)
	}
	return r
}

// message is a job without its memory, and what has to be said of its program beforehand.
func (h *host) message(j job) (*workerpb.Job, []*workerpb.Program) {
	h.Helper()
	id, define := h.program(j.pipeline)
	h.lastJob++
	msg := &workerpb.Job{Id: h.lastJob, Program: id, Geometry: workerpb.FromGeometry(j.in.Geometry), Plan: j.plan}
	if p, err := pipeline.Parse(j.pipeline); err == nil && h.ops.Stateful(p) > 0 {
		msg.Stream = uint64(id)
	}
	return msg, define
}

func (h *host) send(r *workerpb.WorkRequest) {
	h.Helper()
	if err := h.wire.Send(r); err != nil {
		h.hear() // it tells why
		h.Fatalf("it takes no more messages: %v", err)
	}
}

// follow hears one message about the job. It returns the block that is lent then.
func (h *host) follow(j job, r *result, lent *block) *block {
	h.Helper()
	msg := h.hear()
	if msg == nil {
		h.Fatalf("%s: it closed its stream in the middle of a job", j.pipeline)
	}
	for _, n := range msg.Needs {
		if n.Id != h.lastJob {
			h.Fatalf("it asks for memory for job %d, and is at job %d", n.Id, h.lastJob)
		}
		r.asked = max(r.asked, n.Size)
		grant := &workerpb.Grant{Id: n.Id}
		if !j.refuse {
			h.checkAround(j, lent)
			lent.lease.Release()
			lent = h.lend(int(min(n.Size, memory)))
			grant.Output = lent.wire()
		}
		h.send(&workerpb.WorkRequest{Grants: []*workerpb.Grant{grant}})
	}
	for _, got := range msg.Results {
		if got.Id != h.lastJob || r.Result != nil {
			h.Fatalf("it answered job %d, and was at job %d", got.Id, h.lastJob)
		}
		r.Result = got
	}
	return lent
}

func (h *host) checkAround(j job, lent *block) {
	h.Helper()
	if !lent.intact() {
		h.Fatalf("%s of %v: it wrote beyond the %d bytes that it was lent", j.pipeline, j.in.Geometry, lent.n)
	}
}

// take checks the output against the block, and copies it.
func (r *result) take(h *host, j job, lent *block) {
	h.Helper()
	h.checkAround(j, lent)
	defer lent.lease.Release()
	switch {
	case r.Fault != nil || j.plan:
	case r.Same:
		r.out = j.in
	case r.Geometry != nil:
		if r.Size > uint64(lent.n) {
			h.Fatalf("%s of %v: its result has %d bytes, and %d were lent", j.pipeline, j.in.Geometry, r.Size, lent.n)
		}
		r.out = frame.Frame{Geometry: r.Geometry.Frame(), Pix: bytes.Clone(lent.lease.Bytes()[margin : margin+r.Size])}
		if err := r.out.Validate(); err != nil {
			h.Fatalf("%s of %v: its result is none: %v", j.pipeline, j.in.Geometry, err)
		}
	}
}

// codes are what a worker may answer.
var codes = []fault.Code{fault.Invalid, fault.Undecodable, fault.Unreadable, fault.Overloaded}

// checkResult checks what must be so of any answer.
func (h *host) checkResult(j job, r *workerpb.Result) {
	h.Helper()
	p, _ := pipeline.Parse(j.pipeline)
	if f := r.Fault; f != nil {
		if !slices.Contains(codes, fault.Code(f.Code)) || f.Message == "" || int(f.Step) > len(p) {
			h.Errorf("%s of %v: fault %q of step %d with the message %q: the codes are %v", j.pipeline, j.in.Geometry, f.Code, f.Step, f.Message, codes)
		}
		return
	}
	for _, v := range r.Values {
		if int(v.Step) >= len(p) || v.Op == "" || !json.Valid(v.Json) {
			h.Errorf("%s of %v: step %d, %s found what is not JSON of a step: %.100q", j.pipeline, j.in.Geometry, v.Step, v.Op, v.Json)
		}
	}
	if len(r.StepNs) > len(p) || r.RunNs < 0 {
		h.Errorf("%s of %v: it tells the times of %d steps, and %d ns in all", j.pipeline, j.in.Geometry, len(r.StepNs), r.RunNs)
	}
}
