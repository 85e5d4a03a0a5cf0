package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// maxListed bounds the names that a dry run prints.
const maxListed = 10

// dryRun prints what a run would do, as far as that can be told without a frame. It writes nothing else.
func (j *runJob) dryRun(ctx context.Context, f *farm.Farm, plan *media.Plan) error {
	if err := j.printVideo(); err != nil {
		return err
	}
	variants, err := plan.Variants(j.inputs)
	if err != nil {
		return err
	}
	images := j.readHeaders(plan)
	images.print(j.Out)
	var misfit error
	for _, v := range variants {
		first := images.first[v]
		v.Takes = j.first.takes(v)
		steps, err := f.Plan(ctx, v.Pipeline, v.Takes)
		if err != nil {
			return j.refused(v, err)
		}
		if err := first.foresee(ctx, f, v, steps); err != nil {
			misfit = fmt.Errorf("%s: %w", first.name, err)
		}
		if err := j.printSteps(v, first, steps); err != nil {
			return err
		}
	}
	j.printOutputs(plan)
	if misfit != nil {
		return misfit
	}
	if bad := unreadable(j.inputs); bad > 0 {
		return fmt.Errorf("%d of %s cannot be read", bad, count(len(j.inputs), "input"))
	}
	return nil
}

func unreadable(inputs []media.Input) int {
	n := 0
	for _, in := range inputs {
		if in.Err != nil {
			n++
		}
	}
	return n
}

// printInputs counts the inputs by kind, and names those that cannot be read.
func (j *runJob) printInputs() {
	kinds := map[media.Kind]int{}
	for _, in := range j.inputs {
		if in.Err == nil {
			kinds[in.Kind]++
		}
	}
	var parts []string
	for _, kind := range []media.Kind{media.Image, media.Video, media.Live, media.Stream} {
		if n := kinds[kind]; n > 0 {
			parts = append(parts, count(n, kindNames[kind]))
		}
	}
	if bad := unreadable(j.inputs); bad > 0 {
		parts = append(parts, fmt.Sprintf("%d that cannot be read", bad))
	}
	fmt.Fprintln(j.Out, "inputs:", strings.Join(parts, ", "))
	for _, in := range j.inputs {
		if in.Err != nil {
			fmt.Fprintln(j.Out, " ", Plain(in.Err.Error()))
		}
	}
}

var kindNames = map[media.Kind]string{
	media.Image: "image", media.Video: "video", media.Live: "camera or URL", media.Stream: "pipe of images",
}

// printVideo says what the first video is.
func (j *runJob) printVideo() error {
	if v := j.first; v.err == nil && v.path != "" {
		fmt.Fprintf(j.Out, "  %s: %v, %s at %.4g fps\n", Plain(v.name), v.video.Geometry, count(int(v.video.Frames), "frame"), v.video.FPS)
	}
	return j.first.err
}

func (j *runJob) printSteps(v media.Variant, first imageFile, steps []farm.StepPlan) error {
	fmt.Fprintf(j.Out, "\npipeline: %s\n", Plain(v.Pipeline))
	own := len(j.script.Pipeline)
	return tabulate(j.Out, func(row func(...string)) {
		row("STEP", "OP", "MAKES", "PARAMETERS")
		row("", "(input)", cmp.Or(first.String(), shapeText(v.Takes)), "")
		for i, s := range steps {
			number := strconv.Itoa(i + 1 - v.Shift)
			if i < v.Shift || i >= v.Shift+own {
				number = "added"
			}
			args := make([]string, len(s.Args))
			for k, a := range s.Args {
				args[k] = a.String()
			}
			row(number, s.Op, shapeText(s.Out), Plain(strings.Join(args, " ")))
		}
	})
}

// shapeText says what is known of a picture.
func shapeText(g frame.Geometry) string {
	switch {
	case g.Format == frame.FormatNone:
		return "depends on the picture"
	case g.IsPixels() && g.Width == 0:
		return g.String() + ", any size"
	}
	return g.String()
}

func (j *runJob) printOutputs(plan *media.Plan) {
	names := j.output.Names(j.inputs, j.options.limit, plan, maxListed+1)
	switch {
	case len(names) == 0:
		fmt.Fprintln(j.Out, "\noutput: none")
	case len(names) == 1:
		fmt.Fprintln(j.Out, "\noutput:", Plain(names[0]))
	default:
		fmt.Fprintln(j.Out, "\noutputs:")
		for _, name := range names[:min(len(names), maxListed)] {
			fmt.Fprintln(j.Out, " ", Plain(name))
		}
		if len(names) > maxListed {
			fmt.Fprintln(j.Out, "  …")
		}
	}
	if j.options.data != "" {
		fmt.Fprintln(j.Out, "data:", Plain(j.options.data))
	}
}
