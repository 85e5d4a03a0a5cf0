package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// flows runs the frames, those anew that died with an encoder: from the first on, or with --resume behind the segments that are
// complete. An encoder that dies --attempts times at one place, or whose frames cannot be read again, ends the run.
func (j *runJob) flows(ctx context.Context, f *flow) error {
	for deaths := 1; ; deaths++ {
		was := f.source.Start
		interrupted, err := j.flow(ctx, f)
		if !errors.Is(err, media.ErrEncoderDied) || interrupted || ctx.Err() != nil {
			return err
		}
		if in := j.gone(); in != "" {
			return fmt.Errorf("%w; what %s brought cannot be read again", err, in)
		}
		to := j.ledger.reached()
		if to != was {
			deaths = 1
		}
		if deaths == j.options.attempts {
			return fmt.Errorf("%w; that was attempt %d of --attempts %d", err, deaths, deaths)
		}
		fmt.Fprintf(j.notices, "%s; going back to frame %d\n", Plain(err.Error()), to.Index+1)
		if err := j.rewind(f, to); err != nil {
			return err
		}
	}
}

// gone names an input that can be read only once; empty where there is none.
func (j *runJob) gone() string {
	for _, in := range j.inputs {
		if in.Kind == media.Stream || in.Kind == media.Live {
			return in.Name
		}
	}
	return ""
}

// rewind takes the outputs and the counts back to a place up to which the outputs hold. What was found stays told.
func (j *runJob) rewind(f *flow, to media.Position) (err error) {
	f.sink.Abort()
	f.source.Start = to
	j.encoderRestarts++
	j.tally.rewind(to.Index, j.ledger.rewind())
	f.sink, err = f.reopen()
	return err
}
