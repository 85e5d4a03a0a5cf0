package cli

import (
	"context"
	"fmt"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// firstVideo is the first input that is a video file, opened before there are frames: what it is tells what a pipeline cannot do.
// The run goes on with the same reader.
type firstVideo struct {
	name, path string
	video      farm.Video // of Width 0 where there is none that can be opened
	reader     *farm.Reader
	err        error
}

// openFirst opens it, where there is one. What is wrong with it is the run's to tell, when its turn comes.
func openFirst(ctx context.Context, f *farm.Farm, inputs []media.Input) *firstVideo {
	for _, in := range inputs {
		if in.Kind != media.Video || in.Err != nil {
			continue
		}
		v := &firstVideo{name: in.Name, path: in.Path}
		if v.reader, v.err = f.OpenReader(ctx, in.Path); v.err == nil {
			v.video = v.reader.Video()
		}
		return v
	}
	return &firstVideo{}
}

// takes is what a variant takes, with the size of the video where it takes pixels.
func (v *firstVideo) takes(variant media.Variant) frame.Geometry {
	if variant.Takes.IsPixels() && v.video.Width > 0 {
		return v.video.Geometry
	}
	return variant.Takes
}

// open lends the reader to the first who asks for that video from its start, and opens others.
func (v *firstVideo) open(ctx context.Context, f *farm.Farm, path string, at int) (media.VideoReader, error) {
	if r := v.reader; r != nil && path == v.path && at == 0 {
		v.reader = nil
		return r, nil
	}
	return farmEngine{f}.open(ctx, path, at)
}

// close ends what nobody asked for.
func (v *firstVideo) close() {
	if v != nil && v.reader != nil {
		_ = v.reader.Close()
		v.reader = nil
	}
}

// checkVideo refuses a pipeline whose pictures a video cannot hold, as far as they are known.
func checkVideo(out media.Output, steps []farm.StepPlan) error {
	if out.Kind != media.ToVideo || len(steps) == 0 {
		return nil
	}
	g, why := steps[len(steps)-1].Out, ""
	switch {
	case !g.IsPixels():
		return nil // nothing is known, or another check has it
	case g.Depth != frame.U8:
		why = "convert depth=u8"
	case g.Format != frame.FormatBGR && g.Format != frame.FormatGray && g.Format != frame.FormatBGRA:
		why = "cvt_color to bgr or gray"
	case g.Width%2+g.Height%2 > 0:
		why = fmt.Sprintf("crop width=%d height=%d", g.Width&^1, g.Height&^1)
	default:
		return nil
	}
	return &farm.Error{Code: fault.Invalid, Step: len(steps), Op: steps[len(steps)-1].Op, Message: fmt.Sprintf(
		"it makes %v, and %s needs bgr, gray or bgra u8 with even sides: put %s behind it", g, out.Path, why)}
}
