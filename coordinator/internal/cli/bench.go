package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/bench"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
)

// benchOptions is the bench command's flags as they were written.
type benchOptions struct {
	pipeline, image, work, isolation, json, html, worker string
	sizes                                                []string
	seconds                                              float64
	rounds, workers, inFlight                            int
}

func (app App) benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the farm against bare OpenCV: throughput, latency, CPU, memory, lag",
		Long: `Measure the farm against bare OpenCV.

The bare loop is as many worker processes, of the same priority, that go round over the same frames in their own memory and
have nobody to talk to. Both sides take turns in one run, so that other work on the machine touches both, and the ratio is
the median of the turns' ratios. The farm's frames lie in shared memory, as a decoder leaves them; the copied ones enter from
the Go heap.

Latency is from before Submit until the answer is there, with one frame in flight and with as many as keep the workers busy.
Coordinator CPU is that of the whole process, the feeding included. Loop lag is how late a goroutine in the coordinator wakes
that wants to every millisecond, while the workers keep all cores busy.

Without --image the content is made: discs of all sizes that cover each other, which has the edges of a photograph.`,
		Example: `  coordinator bench
  coordinator bench -p 'gray' --size 1920x1080 --image photo.jpg --json gray.json --html gray.html
  coordinator bench --work decode --size 640x480 --size 1920x1080 --seconds 1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return app.bench(cmd.Context(), &o) },
	}
	o.addFlags(cmd)
	return cmd
}

func (o *benchOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.pipeline, "pipeline", "p", "", "what to measure (default 'gray | canny low=50 high=150', decode, or encode, by --work)")
	f.StringArrayVar(&o.sizes, "size", []string{"100x100", "640x480", "1920x1080"}, "size of the frames as `WxH`; may be repeated")
	f.StringVar(&o.image, "image", "", "take the content from this image `FILE`, made to each size")
	f.StringVar(&o.work, "work", "ops", "ops: pixels in, pixels out; decode: JPEG in; encode: JPEG out")
	f.Float64Var(&o.seconds, "seconds", 2, "time of one turn of one side")
	f.IntVar(&o.rounds, "rounds", 5, "turns of each side")
	f.IntVar(&o.workers, "workers", 0, "workers, and processes of the bare loop; 0 is the CPU quota")
	f.StringVar(&o.isolation, "isolation", "process", "the farm's: process or thread; the bare loop has processes in any case")
	f.IntVar(&o.inFlight, "in-flight", 0, "frames under way at full load; 0 is what keeps the workers busy")
	f.StringVar(&o.json, "json", "", "write the figures to `FILE` too: an array, one object for each size")
	f.StringVar(&o.html, "html", "", "write a page with charts to `FILE`; it needs nothing else")
	addWorkerFlag(f, &o.worker)
	for flag, values := range map[string][]string{"isolation": isolations(), "work": bench.Works()} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// bench measures, prints the table and writes the files. A signal ends it: half a measurement is none.
func (app App) bench(ctx context.Context, o *benchOptions) error {
	options, err := o.resolve()
	if err != nil {
		return err
	}
	options.Progress = func(what string) { fmt.Fprintln(app.Err, what) }
	ctx, cancel := app.untilDrain(ctx)
	defer cancel()
	results, err := bench.Run(ctx, options)
	if err != nil && (ctx.Err() != nil || errors.Is(err, context.Canceled)) {
		return errInterrupted
	}
	var wrong *bench.PipelineError
	if errors.As(err, &wrong) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return errors.Join(bench.Print(app.Out, results), o.write(results))
}

func (o *benchOptions) write(results []bench.Result) error {
	if o.json != "" {
		text, err := json.MarshalIndent(results, "", "  ")
		if err == nil {
			err = replaceFile(o.json, append(text, '\n'))
		}
		if err != nil {
			return err
		}
	}
	if o.html == "" {
		return nil
	}
	page, err := bench.Page(results)
	if err != nil {
		return err
	}
	return replaceFile(o.html, page)
}

func replaceFile(name string, data []byte) error {
	f, err := media.CreateFile(name, true)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// resolve checks the flags as far as that needs no worker.
func (o *benchOptions) resolve() (bench.Options, error) {
	out := bench.Options{
		Pipeline: o.pipeline, Work: bench.Work(o.work), Content: "made", Rounds: o.rounds, Workers: o.workers,
		Isolation: farm.Isolation(o.isolation), InFlight: o.inFlight, Time: time.Duration(o.seconds * float64(time.Second)),
	}
	if err := o.validate(); err != nil {
		return out, err
	}
	if out.Workers == 0 {
		out.Workers = farm.CPUQuota()
	}
	for _, text := range o.sizes {
		size, err := bench.ParseSize(text)
		if err != nil {
			return out, usagef("--size: %v", err)
		}
		out.Sizes = append(out.Sizes, size)
	}
	for _, name := range []string{o.json, o.html} {
		if name != "" {
			if err := media.Vacant(name, true); err != nil {
				return out, err
			}
		}
	}
	var err error
	if o.image != "" {
		out.Content = filepath.Base(o.image)
		if out.Image, err = os.ReadFile(o.image); err != nil {
			return out, usagef("--image: %v", err)
		}
	}
	out.Worker, err = findWorker(o.worker)
	return out, err
}

func (o *benchOptions) validate() error {
	switch {
	case !(o.seconds >= 0.01 && o.seconds <= 3600):
		return usagef("--seconds %v: 0.01 to 3600 are possible", o.seconds)
	case o.rounds < 1 || o.rounds > 1000:
		return usagef("--rounds %d: 1 to 1000 are possible", o.rounds)
	case o.workers < 0 || o.workers > 1024:
		return usagef("--workers %d: 0 to 1024 are possible", o.workers)
	case o.inFlight < 0 || o.inFlight > 1<<16:
		return usagef("--in-flight %d: 0 to %d are possible", o.inFlight, 1<<16)
	case !slices.Contains(bench.Works(), o.work):
		return usagef("--work %s: it is %s", o.work, strings.Join(bench.Works(), ", "))
	case !slices.Contains(isolations(), o.isolation):
		return usagef("--isolation %s: it is process or thread", o.isolation)
	}
	return nil
}
