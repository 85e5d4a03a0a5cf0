package workertest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// takesAnyPicture runs every pipeline on every sample, after its plan.
func takesAnyPicture(h *host) {
	made := false
	for _, text := range h.pipelines() {
		p, err := pipeline.Parse(text)
		if err == nil {
			err = h.ops.Check(p)
		}
		if err != nil {
			h.Errorf("%s is no pipeline of its catalogue: %v", text, err)
			continue
		}
		for _, in := range samples() {
			plan := h.do(job{pipeline: text, in: frame.Frame{Geometry: in.Geometry}, plan: true})
			got := h.do(job{pipeline: text, in: in, lend: len(in.Pix)})
			h.checkPlan(text, len(p), in, plan, got)
			made = made || got.asked > 0 || got.Size > 0
		}
	}
	if !made {
		h.Errorf("none of the pipelines %q made a picture of any sample: name some that do in Config.Pipelines", h.pipelines())
	}
}

// checkPlan checks that what was foreseen is what came.
func (h *host) checkPlan(text string, steps int, in frame.Frame, plan, got result) {
	h.Helper()
	switch {
	case plan.Fault != nil && got.Fault == nil:
		h.Errorf("%s of %v: the plan fails (%s) and the run does not", text, in.Geometry, plan.Fault.Message)
	case plan.Fault == nil && len(plan.Shapes) != 0 && len(plan.Shapes) != steps:
		h.Errorf("%s of %v: the plan tells of %d steps of %d", text, in.Geometry, len(plan.Shapes), steps)
	case plan.Fault != nil || got.Fault != nil || len(plan.Shapes) == 0:
		return
	}
	want, is := plan.Shapes[len(plan.Shapes)-1].Frame(), got.out.Geometry
	if want.Width == 0 {
		is.Width, is.Height = 0, 0
	}
	if want.Format != frame.FormatNone && want != is {
		h.Errorf("%s of %v: it made %v, and foresaw %v", text, in.Geometry, got.out.Geometry, want)
	}
}

// working returns a job that makes a picture, and what comes out.
func (h *host) working() (job, result) {
	h.Helper()
	for _, text := range h.pipelines() {
		for _, in := range samples() {
			j := job{pipeline: text, in: in}
			if r := h.do(j); r.Fault == nil && r.Size > 0 {
				return j, r
			}
		}
	}
	h.Fatal("no pipeline made a picture of any sample")
	return job{}, result{}
}

// stillWorks checks that a job that worked does so now.
func (h *host) stillWorks(j job, before result, after string) {
	h.Helper()
	if r := h.do(j); r.Fault != nil || r.out.Geometry != before.out.Geometry {
		h.Errorf("after %s, %s of %v gives %v, fault %v", after, j.pipeline, j.in.Geometry, r.out.Geometry, r.Fault)
	}
}

// answersInOrder sends many jobs at a time, every third of which fails.
func answersInOrder(h *host) {
	j, before := h.working()
	input := h.bring(j.in.Pix)
	defer input.Release()
	jobs, blocks := h.many(j, input, int(max(before.asked, before.Size)))
	h.send(&workerpb.WorkRequest{Jobs: jobs})
	if err := h.wire.CloseSend(); err != nil {
		h.Fatal(err)
	}
	n := 0
	for msg := h.hear(); msg != nil; msg = h.hear() {
		if len(msg.Needs) > 0 {
			h.Fatalf("it was lent what did last time, and asks for %d bytes for job %d", msg.Needs[0].Size, msg.Needs[0].Id)
		}
		for _, got := range msg.Results {
			if n == len(jobs) || got.Id != jobs[n].Id || (got.Fault != nil) != (n%3 == 2) {
				h.Fatalf("it answered job %d, fault %v, as the %dth of jobs %d to %d, every third of which fails", got.Id, got.Fault, n+1,
					jobs[0].Id, h.lastJob)
			}
			h.checkResult(j, got)
			r := result{Result: got}
			if r.take(h, j, blocks[n]); r.Fault == nil && r.out.Geometry != before.out.Geometry {
				h.Fatalf("%s of %v gives %v as one of many, and %v alone", j.pipeline, j.in.Geometry, r.out.Geometry, before.out.Geometry)
			}
			n++
		}
	}
	if n != len(jobs) {
		h.Fatalf("it closed its stream after %d of %d answers", n, len(jobs))
	}
}

// many makes as many jobs as the memory is for, up to 150; every third has no program. Each is lent a block.
func (h *host) many(j job, input *shm.Lease, lend int) (jobs []*workerpb.Job, blocks []*block) {
	h.Helper()
	for i := range min(150, max(3, memory/2/(lend+2*margin))) {
		msg, _ := h.message(j)
		if i%3 == 2 {
			msg.Program = 1 << 30 // was never defined
		}
		blocks = append(blocks, h.lend(lend))
		msg.Index, msg.Output = uint64(i), blocks[i].wire()
		msg.Input = &workerpb.Block{Offset: uint64(input.Offset()), Size: uint64(len(j.in.Pix))}
		jobs = append(jobs, msg)
	}
	return jobs, blocks
}

func asksForMemory(h *host) {
	j, before := h.working()
	if before.asked < before.Size {
		h.Errorf("%s of %v: it asked for %d bytes, and made %d", j.pipeline, j.in.Geometry, before.asked, before.Size)
	}
	small := j
	small.lend = int(before.Size) - 1
	h.stillWorks(small, before, "a block that is one byte too small")
	small.lend = int(before.asked)
	if r := h.do(small); r.asked > 0 {
		h.Errorf("%s of %v: it was lent %d bytes, which did last time, and asked for %d", j.pipeline, j.in.Geometry, small.lend, r.asked)
	}
	j.refuse = true
	if r := h.do(j); r.Fault == nil || r.Fault.Code != string(fault.Overloaded) {
		h.Errorf("it was refused memory, and answers %v, fault %v: the code is %s", r.out.Geometry, r.Fault, fault.Overloaded)
	}
	j.refuse = false
	h.stillWorks(j, before, "it was refused memory")
}

// refusesPipelines asks for what a coordinator would have refused itself.
func refusesPipelines(h *host) {
	j, before := h.working()
	wrong := []string{"no_such_op_of_mine", "|", ""}
	for _, op := range h.ops {
		step := pipeline.Step{Op: op.Name, Args: required(op)}
		wrong = append(wrong, pipeline.Step{Op: op.Name, Args: append(required(op), pipeline.Arg{Name: "no_such_parameter", Value: "1"})}.String())
		for _, p := range op.Params {
			if p.Type == pipeline.TypeInt && p.Max != nil {
				step.Args = append(others(op, p.Name), pipeline.Arg{Name: p.Name, Value: fmt.Sprintf("%.0f", *p.Max+1)})
				wrong = append(wrong, step.String())
			}
		}
	}
	for _, text := range wrong {
		if r := h.do(job{pipeline: text, in: j.in}); r.Fault == nil || r.Fault.Code != string(fault.Invalid) {
			h.Errorf("%q is answered with %v, fault %v: the code is %s", text, r.out.Geometry, r.Fault, fault.Invalid)
		}
	}
	h.stillWorks(j, before, "wrong pipelines")
}

// bearsNonsense sends what only a broken coordinator would.
func bearsNonsense(h *host) {
	j, before := h.working()
	id, _ := h.program(j.pipeline)
	input := h.bring(j.in.Pix)
	defer input.Release()
	geometry, whole := workerpb.FromGeometry(j.in.Geometry), &workerpb.Block{Offset: uint64(input.Offset()), Size: uint64(len(j.in.Pix))}
	cases := []struct {
		name string
		job  *workerpb.Job
	}{
		{"a program that was never defined", &workerpb.Job{Program: 1 << 30, Geometry: geometry, Input: whole}},
		{"an input beyond the memory", &workerpb.Job{Program: id, Geometry: geometry, Input: &workerpb.Block{Offset: 1 << 62, Size: whole.Size}}},
		{"an input of more than the memory", &workerpb.Job{Program: id, Geometry: geometry, Input: &workerpb.Block{Offset: whole.Offset, Size: 1 << 63}}},
		{"a picture that is larger than its bytes", &workerpb.Job{
			Program: id, Geometry: &workerpb.Geometry{Width: 4096, Height: 4096, Format: uint32(frame.FormatBGR)}, Input: whole,
		}},
		{"no input", &workerpb.Job{Program: id}},
		{"a picture of no known format", &workerpb.Job{Program: id, Geometry: &workerpb.Geometry{Width: 1, Height: 1, Format: 1 << 20}, Input: whole}},
		{"an output that is not its own", &workerpb.Job{Program: id, Geometry: geometry, Input: whole, Output: &workerpb.Block{Offset: 1 << 62, Size: 1 << 20}}},
	}
	for _, c := range cases {
		h.lastJob++
		c.job.Id = h.lastJob
		h.send(&workerpb.WorkRequest{Jobs: []*workerpb.Job{c.job}})
		r, lent := result{}, h.lend(0)
		for r.Result == nil {
			lent = h.follow(j, &r, lent)
		}
		lent.lease.Release()
		if r.Fault == nil {
			h.Errorf("%s: it answers with a result", c.name)
		}
		h.checkResult(j, r.Result)
	}
	h.stillWorks(j, before, "nonsense")
}

func forgets(h *host) {
	j, before := h.working()
	id, _ := h.program(j.pipeline)
	h.send(&workerpb.WorkRequest{Forget: []uint32{id, 1 << 20}, Define: []*workerpb.Program{{Id: id, Pipeline: "no_such_op_of_mine"}}})
	if r := h.do(j); r.Fault == nil {
		h.Error("a program that was forgotten, and defined anew as another, is still the old one")
	}
	h.send(&workerpb.WorkRequest{Forget: []uint32{id}})
	if r := h.do(j); r.Fault == nil {
		h.Error("a program that was forgotten still runs")
	}
	delete(h.programs, j.pipeline)
	h.stillWorks(j, before, "its program was forgotten")
}

func beats(h *host) {
	tick := time.NewTicker(handshake.Heartbeat / 4)
	defer tick.Stop()
	late := time.After(h.config.Patience)
	for begin := h.out.Beats(); h.out.Beats() < begin+3; {
		select {
		case <-tick.C:
		case <-late:
			h.Fatalf("it showed %d heartbeats within %v: there is one every %v", h.out.Beats()-begin, h.config.Patience, handshake.Heartbeat)
		}
	}
}

func endsWithCoordinator(h *host) {
	h.working()
	h.lifeline.Close()
	if !h.awaitEnd() {
		h.Fatalf("it still runs %v after the coordinator's end", h.config.Patience)
	}
}

// byHand starts the worker without a coordinator.
func byHand(t *testing.T, c Config) {
	ctx, cancel := context.WithTimeout(t.Context(), c.Patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.Worker).CombinedOutput()
	if err == nil || ctx.Err() != nil || len(strings.TrimSpace(string(out))) == 0 {
		t.Errorf("it ended with %v and said %q: it must fail and say why", err, out)
	}
}
