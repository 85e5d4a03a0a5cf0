package cli

import (
	"errors"
	"fmt"

	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// follows says why a record cannot be the next of an earlier run. A journal comes from outside: that its checksums are right does
// not make it true.
func (l *ledger) follows(j *runJob, r record) error {
	was, inputs, limit := l.at(), j.inputs, uint64(j.options.limit)
	if err := r.Next.Follows(was, inputs); err != nil {
		return err
	}
	n := r.Next.Index - was.Index
	switch {
	case n > l.every:
		return fmt.Errorf("it tells of %d frames, where there are %d for each line", n, l.every)
	case limit > 0 && r.Next.Index > limit:
		return fmt.Errorf("it goes to frame %d, behind --limit %d", r.Next.Index, limit)
	case l.complete() && n > 0:
		return errors.New("it comes behind the end")
	case r.Complete && r.Next.Index != limit && media.ImagesIn(inputs[r.Next.Input:]) > 0:
		return errors.New("it is the last, and images are left")
	}
	made := uint64(0)
	for _, k := range r.Kept {
		if err := k.Validate(j.output); err != nil {
			return fmt.Errorf("%s: %w", k.Name, err)
		}
		made += uint64(max(1, k.Frames))
	}
	if bad := uint64(len(r.Failed)); made+bad != n && (j.output.Kind != media.ToNone || bad > n) {
		return fmt.Errorf("%d frames came out and %d failed, of %d", made, bad, n)
	}
	return nil
}
