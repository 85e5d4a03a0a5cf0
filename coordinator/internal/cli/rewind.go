package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// flows makes as many attempts as it takes: where an encoder died, the frames that died with it are run again, all, or with --resume
// those behind the segments that are complete. An encoder that dies --attempts times (at one place, with --resume), or whose frames
// cannot be read again, ends the run.
func (j *runJob) flows(ctx context.Context, f *flow) error {
	for deaths := 1; ; deaths++ {
		err := j.attempt(ctx, f)
		if !errors.Is(err, media.ErrEncoderDied) || ctx.Err() != nil || j.interrupted && j.ledger != nil {
			return err
		}
		if in := j.gone(); in != "" {
			return fmt.Errorf("%w; what %s brought cannot be read again", err, in)
		}
		to := j.ledger.reached()
		if to != f.source.Start {
			deaths = 1
		}
		if deaths == j.options.attempts {
			return fmt.Errorf("%w; that was attempt %d of --attempts %d", err, deaths, deaths)
		}
		if j.interrupted { // what was in flight then is still finished
			f.source.Limit = int(j.tally.in.Load())
		}
		fmt.Fprintf(j.notices, "%s; going back to frame %d\n", Plain(err.Error()), to.Index+1)
		if again := j.rewind(f, to); again != nil { // %v: it is no mistake of usage any more
			return fmt.Errorf("%w; and it cannot be begun again: %v", err, again)
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

// rewind takes the outputs and the counts back to a place that the outputs have reached for good.
func (j *runJob) rewind(f *flow, to media.Position) error {
	if j.ledger != nil {
		j.ledger.rewind()
	} else {
		f.sink.Abort()
		sink, err := f.reopen()
		if err != nil {
			return err
		}
		f.sink = sink
	}
	if f.data != nil {
		if err := f.data.Rewind(j.ledger.mark()); err != nil {
			return err
		}
	}
	f.rewind(to)
	j.tally.rewind(to.Index, j.ledger.failed())
	j.encoderRestarts++
	return nil
}

// reached is the place behind everything that the journal has. It, mark, failed and rewind are called when that is settled.
func (l *ledger) reached() media.Position {
	if l == nil {
		return media.Position{}
	}
	return l.last.Next
}

// mark is how far the file of --data goes there.
func (l *ledger) mark() media.Mark {
	if l == nil || l.last.Data == nil {
		return media.Mark{}
	}
	return *l.last.Data
}

// failed is how many frames in front of it failed.
func (l *ledger) failed() int {
	if l == nil {
		return 0
	}
	return l.bad
}

// rewind forgets what was passed behind it.
func (l *ledger) rewind() {
	l.sink.Rewind()
	l.line = record{Next: l.last.Next}
}
