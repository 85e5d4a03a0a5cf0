package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/internal/chaos"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// chaosOptions is the chaos command's flags as they were written; those that it has in common with run mean the same.
type chaosOptions struct {
	runOptions
	rate      float64
	seed      uint64
	kinds     string
	forTime   time.Duration
	noCompare bool
	json      string
}

func (app App) chaosCommand() *cobra.Command {
	o := chaosOptions{runOptions: runOptions{isolation: "process", progress: "none", output: "none", quarantine: "none", segment: 1}}
	cmd := &cobra.Command{
		Use:   "chaos INPUT... -p PIPELINE",
		Short: "Run a pipeline while its workers are killed, and tell whether anything was lost",
		Long: `Run a pipeline over images and videos while its workers are killed, stopped and starved, and tell whether anything was lost.

First the input is run undisturbed. Then it is run again, while a worker that is chosen at random, a spare one perhaps, is struck
--rate times a second:

  kill    by SIGKILL, as the kernel does when memory runs out
  segv    by SIGSEGV, as a wild pointer in a codec does
  stop    by SIGSTOP for good: the farm has to find out by itself, after --stall-timeout
  starve  stopped and continued by turns for 150 ms, as on a machine with too much to do

Each frame that comes out is counted, its place in the order checked, and its pixels and data compared with those of the
undisturbed run. Nothing is written but the verdict, and with --json a file of the figures. Inputs that are not the same each
time, such as cameras, and pipelines whose results are not, need --no-compare.

A strike costs the frame that the worker is at one attempt, though the frame has done nothing wrong. With many strikes some
frames are hit again and again by chance, so --attempts is 20 here, where run has 3.

Recovery is the time from the death of a busy worker to the first frame that its successor has finished, beyond what that frame
takes undisturbed, and without the time for which the farm has no frame to do, as before the next video is open.

With --for the input is repeated until the time is over, and what this process holds (memory, goroutines, files, children,
mappings) is told at the start, in the middle and at the end: a soak test.

Exit code: 0 nothing was lost, duplicated, out of order, failed or different; 1 something was; 2 wrong usage; 130 interrupted.`,
		Example: `  coordinator chaos photos/ -p 'gray | canny low=50 high=150'
  coordinator chaos clip.mp4 -p 'median_blur ksize=5' --rate 10 --kinds kill,segv --json verdict.json
  coordinator chaos photos/ -p 'resize dsize=640x0' --for 30m --worker ./my-worker`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no input: name a file, a folder, or a URL")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.inputs = args
			return app.chaos(cmd.Context(), &o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *chaosOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.pipeline, "pipeline", "p", "", pipelineUsage)
	f.Float64Var(&o.rate, "rate", 10, "strikes a second, on average")
	f.Uint64Var(&o.seed, "seed", 1, "of the times, kinds and victims of the strikes")
	f.StringVar(&o.kinds, "kinds", "kill,segv,stop,starve", "`KINDS` of strikes, with commas between them")
	f.DurationVar(&o.forTime, "for", 0, "repeat the input until so much time is over")
	f.BoolVar(&o.noCompare, "no-compare", false, "do not run the input undisturbed first, and compare nothing with it")
	f.StringVar(&o.json, "json", "", "write the verdict to `FILE`")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace the file of --json where it exists")
	f.BoolVarP(&o.recursive, "recursive", "r", false, "take the images of folders within folders too")
	f.IntVar(&o.limit, "limit", 0, "end after `N` frames")
	f.IntVar(&o.workers, "workers", 0, "jobs at a time; 0 is the CPU quota")
	f.IntVar(&o.spares, "spares", 1, "`N` more workers are kept ready to take over at once from those that end")
	f.IntVar(&o.threads, "threads", 1, "OpenCV threads within one job")
	f.StringVar(&o.memory, "memory", "", "shared memory for frames, such as `512M` (default: a quarter of the machine's)")
	f.DurationVar(&o.timeout, "timeout", 0, "time that a frame may take in a worker before that is killed (default 30s)")
	f.DurationVar(&o.stallTimeout, "stall-timeout", 500*time.Millisecond, "time that a worker may show no sign of life before it is killed; at least 200ms")
	f.IntVar(&o.attempts, "attempts", 20, "how often a frame is tried when its worker dies")
	addWorkerFlag(f, &o.worker)
	o.named.addFlag(cmd)
}

// chaos is the command.
func (app App) chaos(ctx context.Context, o *chaosOptions) error {
	j, err := o.resolveChaos(app)
	if err != nil {
		return err
	}
	return j.run(ctx)
}

func (o *chaosOptions) resolveChaos(app App) (*chaosJob, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	j := &chaosJob{runJob: runJob{App: app, options: &o.runOptions}, asked: o}
	var err error
	switch {
	case !(o.rate > 0 && o.rate <= 1000):
		return nil, usagef("--rate %v: more than 0 and up to 1000 are possible", o.rate)
	case o.forTime < 0:
		return nil, usagef("--for %v: it cannot be negative", o.forTime)
	}
	if j.kinds, err = chaos.ParseKinds(o.kinds); err != nil {
		return nil, usagef("--kinds %s: %v", o.kinds, err)
	}
	if j.script, err = readScript(o.pipeline); err != nil {
		return nil, err
	}
	if j.output, err = media.ParseOutput("none"); err != nil {
		return nil, err
	}
	if j.config, err = o.farmConfig(); err != nil {
		return nil, err
	}
	if j.inputs, err = media.Resolve(o.inputs, o.recursive); err != nil {
		return nil, err
	}
	if err := media.Vacant(o.json, o.overwrite); o.json != "" && err != nil {
		return nil, usageError{err}
	}
	return j, o.checkRepeats(j.inputs)
}

// checkRepeats refuses inputs that cannot be read twice where they have to be.
func (o *chaosOptions) checkRepeats(inputs []media.Input) error {
	for _, in := range inputs {
		switch {
		case in.Kind == media.Stream && (o.forTime > 0 || !o.noCompare):
			return usagef("input %s can be read once only: give files, or --no-compare without --for", in.Name)
		case in.Kind == media.Live && !strings.HasPrefix(in.Path, "http") && !o.noCompare:
			return usagef("input %s is not the same each time: give --no-compare", in.Name)
		}
	}
	return nil
}

// wrong is what a verdict says is.
func wrong(c chaos.Counts) error {
	return fmt.Errorf("%d frames lost, %d duplicated, %d out of order, %d failed, %d different", c.Lost, c.Duplicated, c.Disordered,
		c.Failed, c.Different)
}
