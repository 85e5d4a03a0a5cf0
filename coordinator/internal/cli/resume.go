package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// defaultSegment is what the death of a coordinator costs a video at most: at 25 frames a second, 20 seconds of it.
const defaultSegment = 500

// journalName is in the folder that a run with --resume keeps beside its output.
const journalName = "journal.jsonl"

// openLedger finds what earlier runs of the same command did. Nil without --resume.
func (o *runOptions) openLedger(j *runJob) (*ledger, error) {
	if !o.resume {
		return nil, nil
	}
	if err := o.checkResume(j); err != nil {
		return nil, err
	}
	l := &ledger{header: header{Version: journalVersion, Asked: o.asked(j)}, every: 1}
	switch j.output.Kind {
	case media.ToVideo:
		l.every = uint64(o.segment)
		l.folder = beside(j.output.Path, "")
	case media.ToFolder:
		l.folder = filepath.Join(j.output.Path, ".cvfarm")
	case media.ToNone:
		l.folder = beside(o.data, "")
	default:
		l.folder = beside(j.output.Path, "")
	}
	if o.data != "" {
		l.data = beside(o.data, "-data")
	}
	if _, err := os.Stat(filepath.Join(l.folder, journalName)); errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	return l, l.open(j)
}

// beside is a hidden name in the folder of a file, or of what that leads to.
func beside(name, suffix string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".cvfarm"+suffix)
}

// checkResume refuses what cannot be read again, or gone on with.
func (o *runOptions) checkResume(j *runJob) error {
	switch err := j.output.CanKeep(); {
	case err != nil:
		return err
	case o.data == "-":
		return usagef("--resume: what went to standard output cannot be gone on with: name a file for --data")
	case j.output.Kind == media.ToNone && o.data == "":
		return usagef("--resume: -o none leaves nothing that could be gone on with")
	}
	for _, in := range j.inputs {
		switch {
		case in.Kind == media.Stream:
			return usagef("--resume: %s cannot be read a second time: give files", in.Name)
		case in.Kind == media.Live:
			return usagef("--resume: %s is live, what it showed is gone: give files", in.Name)
		case j.output.Mixes(in) && !slices.Contains(o.inputs, in.Name):
			return usagef("--resume: the outputs would lie among the inputs, as %s does, and be taken for more: name another", in.Name)
		}
	}
	return nil
}

// asked is everything that the result depends on, but for the files that the pipeline names.
func (o *runOptions) asked(j *runJob) journal.Asked {
	number := func(n float64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	a := journal.Asked{Settings: []journal.Setting{
		{Name: "the pipeline", Value: j.script.Pipeline.String()},
		{Name: "-o", Value: j.output.Path},
		{Name: "--data", Value: o.data},
		{Name: "--limit", Value: number(float64(o.limit))},
		{Name: "--fps", Value: number(o.fps)},
		{Name: "--codec", Value: o.codec},
	}}
	if j.output.Kind == media.ToVideo {
		a.Settings = append(a.Settings, journal.Setting{Name: "--segment", Value: strconv.Itoa(o.segment)})
	}
	for _, in := range j.inputs {
		a.Inputs = append(a.Inputs, journal.InputOf(in.Name, in.Path))
	}
	return a
}

// vacancy is whether names of outputs that exist are in order: those that an earlier run made, and with --overwrite all.
func (j *runJob) vacancy() (overwrite bool) {
	if l := j.ledger; l.again() && (l.complete() || j.output.Kind != media.ToVideo) {
		return true
	}
	return j.options.overwrite
}

// keptText says how to go on; empty where there is nothing to go on with.
func (j *runJob) keptText() string {
	if n := j.ledger.kept(); n > 0 {
		return fmt.Sprintf("%s kept in %s: the same command goes on behind them", plural(int(n), "frame is", "frames are"),
			Plain(j.ledger.folder))
	}
	return ""
}
