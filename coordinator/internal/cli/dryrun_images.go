package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// imageFile is an image of which the header was read; the zero imageFile is none.
type imageFile struct {
	name string
	media.Header
}

// String is such as "640x480 JPEG"; empty of none.
func (i imageFile) String() string {
	if i.Size.X == 0 {
		return ""
	}
	return fmt.Sprintf("%dx%d %s", i.Size.X, i.Size.Y, i.Format)
}

// imageFiles is what the headers of all images say.
type imageFiles struct {
	first         map[media.Variant]imageFile // the first of each variant
	shown         imageFile                   // the first of all
	others, known int
}

// readHeaders reads those of all image files. Sizes are compared with the first one's.
func (j *runJob) readHeaders(plan *media.Plan) imageFiles {
	images := imageFiles{first: map[media.Variant]imageFile{}}
	for i := range j.inputs {
		in := &j.inputs[i]
		if in.Kind != media.Image || in.Err != nil {
			continue
		}
		header, ok := media.ReadHeader(in.Path)
		if !ok {
			continue
		}
		image := imageFile{in.Name, header}
		if v := plan.Of(in); images.first[v].name == "" {
			images.first[v] = image
		}
		if images.known++; images.known == 1 {
			images.shown = image
		}
		if header.Size != images.shown.Size {
			images.others++
		}
	}
	return images
}

func (i imageFiles) print(w io.Writer) {
	if i.known == 0 {
		return
	}
	differ := ""
	if i.others > 0 {
		differ = fmt.Sprintf("; %d of %d images have another size", i.others, i.known)
	}
	fmt.Fprintf(w, "  %s: %v%s\n", Plain(i.shown.name), i.shown, differ)
}

// foresee fills in what follows from the header of the file, which the steps after decode do not know. It fails where one of them
// will not take what comes to it.
func (i imageFile) foresee(ctx context.Context, f *farm.Farm, v media.Variant, steps []farm.StepPlan) error {
	if i.name == "" || len(steps) == 0 || steps[0].Op != "decode" {
		return nil
	}
	out := i.decoded(steps[0])
	if !out.IsPixels() {
		return nil
	}
	steps[0].Out = out
	parsed, err := pipeline.Parse(v.Pipeline)
	if err != nil || len(parsed) == 1 {
		return err
	}
	rest, err := f.Plan(ctx, parsed[1:].String(), out)
	if err != nil {
		v.Shift--
		return v.Unshift(err)
	}
	copy(steps[1:], rest)
	return nil
}

// decoded is what the step that decodes makes of the file.
func (i imageFile) decoded(decode farm.StepPlan) frame.Geometry {
	g, value := decode.Out, map[string]string{}
	for _, a := range decode.Args {
		value[a.Name] = a.Value
	}
	if value["anydepth"] == "true" {
		g.Format, g.Depth = map[string]frame.Format{"color": frame.FormatBGR, "grayscale": frame.FormatGray}[value["flags"]], i.Depth
	}
	g.Width, g.Height = i.Size.X, i.Size.Y
	if i.Turned && value["ignore_orientation"] != "true" {
		g.Width, g.Height = g.Height, g.Width
	}
	return g
}
