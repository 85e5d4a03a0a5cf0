package farm

import (
	"context"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// StepPlan is what a step of a pipeline will do.
type StepPlan struct {
	Op string
	// Args are the step's arguments in the order of the op's parameters, defaults filled in.
	Args []pipeline.Arg
	// Out is what comes out of the step: of Width and Height 0 where the size, and FormatNone where nothing is known without
	// the picture.
	Out frame.Geometry
}

// Check reports what is wrong with a pipeline as far as its text tells: fault.Invalid, with the step, the parameter, what is
// allowed and the nearest name. It takes microseconds and waits for no worker.
func (f *Farm) Check(pipeline string) error {
	p, err := f.programs.take(pipeline)
	if err != nil {
		return err
	}
	p.release()
	return nil
}

// Plan has a worker prepare a pipeline for frames of geometry in, and tells what each step will do. It fails with fault.Invalid
// where a step cannot take what comes to it, and as a job does. It waits as Submit does.
func (f *Farm) Plan(ctx context.Context, text string, in frame.Geometry) ([]StepPlan, error) {
	future, err := f.Submit(ctx, Job{Pipeline: text, Frame: frame.Frame{Geometry: in}, plan: true})
	if err != nil {
		return nil, err
	}
	result, err := future.Wait(ctx)
	if err != nil {
		future.Cancel()
		return nil, err
	}
	steps, err := pipeline.Parse(text)
	if err != nil {
		return nil, err
	}
	plan := make([]StepPlan, len(steps))
	for i, s := range steps {
		plan[i] = StepPlan{Op: s.Op, Args: f.Ops().Complete(s)}
		if i < len(result.shapes) {
			plan[i].Out = result.shapes[i]
		}
	}
	return plan, nil
}
