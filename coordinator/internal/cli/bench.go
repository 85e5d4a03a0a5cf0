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
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// benchOptions is the bench command's flags as they were written.
type benchOptions struct {
	pipeline, image, work, isolation, memory, json, html, worker string
	sizes                                                        []string
	named                                                        namedInputs
	seconds                                                      float64
	rounds, workers, inFlight                                    int
	overwrite                                                    bool
}

func (app App) benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the farm against bare OpenCV: throughput, latency, CPU, memory, lag",
		Long: "Measure the farm against bare OpenCV.\n\n" + strings.Join(bench.Method, "\n\n") + `

Without --image the content is made: discs of all sizes that cover each other, which has the edges of a photograph.
Exit code: 0 all sizes are measured, 1 something failed, 2 wrong usage, 130 interrupted; the sizes before that are printed.`,
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
	f.StringVarP(&o.pipeline, "pipeline", "p", "", "what to measure: a `PIPELINE`, or @FILE.cvf (default 'gray | canny low=50 high=150', decode, or encode, by --work)")
	o.named.addFlag(cmd)
	f.StringArrayVar(&o.sizes, "size", []string{"100x100", "640x480", "1920x1080"}, "size of the frames as `WxH`; may be repeated")
	f.StringVar(&o.image, "image", "", "take the content from this image `FILE`, made to each size")
	f.StringVar(&o.work, "work", "ops", "ops: pixels in, pixels out; decode: JPEG in; encode: JPEG out")
	f.Float64Var(&o.seconds, "seconds", 2, "time of one turn of one side")
	f.IntVar(&o.rounds, "rounds", 5, "turns of each side")
	f.IntVar(&o.workers, "workers", 0, "workers, and processes of the bare loop; 0 is the CPU quota")
	f.StringVar(&o.isolation, "isolation", "process", "the farm's: process or thread; the bare loop has processes in any case")
	f.StringVar(&o.memory, "memory", "", "the farm's shared memory for frames: a `SIZE` such as 512M (default: a quarter of the machine's)")
	f.IntVar(&o.inFlight, "in-flight", 0, "frames under way at full load; 0 is what keeps the workers busy")
	f.StringVar(&o.json, "json", "", "write the figures to `FILE` too: an array, one object for each size; - is standard output, instead of the table")
	f.StringVar(&o.html, "html", "", "write a page with charts to `FILE`; it needs nothing else")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace the files of --json and --html where they exist")
	addWorkerFlag(f, &o.worker)
	for flag, values := range map[string][]string{"isolation": isolations(), "work": bench.Works()} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// bench measures, prints the table and writes the files. A signal ends it: half a measurement is none.
func (app App) bench(ctx context.Context, o *benchOptions) error {
	options, script, err := o.resolve()
	if err != nil {
		return err
	}
	files, err := o.hold()
	if err != nil {
		return err
	}
	defer files.abort()
	options.Progress = func(what string) { fmt.Fprintln(app.Err, what) }
	ctx, cancel := app.untilDrain(ctx)
	defer cancel()
	results, err := bench.Run(ctx, options)
	switch wrong := (*bench.PipelineError)(nil); {
	case err == nil:
		return app.benchmarked(o, results, files)
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		err = errInterrupted
	case errors.As(err, &wrong):
		err = script.point(wrong.Err)
	}
	out := app.Out
	if o.json == "-" {
		out = app.Err
	}
	return errors.Join(err, bench.Print(out, results)) // the files would look whole
}

func (app App) benchmarked(o *benchOptions, results []bench.Result, files benchFiles) error {
	if o.json == "-" {
		err := json.NewEncoder(app.Out).Encode(results)
		return errors.Join(err, files.write(results))
	}
	return errors.Join(bench.Print(app.Out, results), files.write(results))
}

// benchFiles are the outputs, held from the beginning, so that they can be written in the end.
type benchFiles struct{ json, html *media.File }

func (o *benchOptions) hold() (files benchFiles, err error) {
	for _, f := range []struct {
		name string
		file **media.File
	}{{o.json, &files.json}, {o.html, &files.html}} {
		if f.name == "" || f.name == "-" {
			continue
		}
		if *f.file, err = media.CreateFile(f.name, o.overwrite); err != nil {
			files.abort()
			return files, usageError{err}
		}
	}
	return files, nil
}

func (f benchFiles) abort() {
	for _, file := range []*media.File{f.json, f.html} {
		if file != nil {
			file.Abort()
		}
	}
}

func (f benchFiles) write(results []bench.Result) error {
	text, err := json.MarshalIndent(results, "", "  ")
	page, perr := bench.Page(results)
	if err = errors.Join(err, perr); err != nil {
		return err
	}
	return errors.Join(fill(f.json, append(text, '\n')), fill(f.html, page))
}

func fill(file *media.File, data []byte) error {
	if file == nil {
		return nil
	}
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Commit()
}

// resolve checks the flags as far as that needs no worker.
func (o *benchOptions) resolve() (out bench.Options, s script, err error) {
	out = bench.Options{
		Work: bench.Work(o.work), Content: "made", Rounds: o.rounds, Workers: o.workers,
		Isolation: farm.Isolation(o.isolation), InFlight: o.inFlight, Time: time.Duration(o.seconds * float64(time.Second)),
	}
	if err = o.validate(); err != nil {
		return out, s, err
	}
	if o.pipeline != "" {
		if s, err = readScript(o.pipeline); err != nil {
			return out, s, err
		}
	}
	out.Pipeline, out.Named = s.Pipeline, func(ops pipeline.Catalogue) ([]bench.Named, error) { return o.named.read(ops, s) }
	if out.Workers == 0 {
		out.Workers = farm.CPUQuota()
	}
	if out.Memory, err = parseSize("--memory", o.memory, minMemory); err != nil {
		return out, s, err
	}
	for _, text := range o.sizes {
		size, err := bench.ParseSize(text)
		if err != nil {
			return out, s, usagef("--size: %v", err)
		}
		out.Sizes = append(out.Sizes, size)
	}
	if o.image != "" {
		out.Content = filepath.Base(o.image)
		if out.Image, err = os.ReadFile(o.image); err != nil {
			return out, s, usagef("--image: %v", err)
		}
	}
	out.Worker, err = findWorker(o.worker)
	return out, s, err
}

func (o *benchOptions) validate() error {
	if _, err := o.named.parse(); err != nil {
		return err
	}
	files := []struct{ flag, name string }{{"--image", o.image}, {"--json", o.json}, {"--html", o.html}}
	for i, a := range files {
		for _, b := range files[:i] {
			if a.name != "" && b.name != "" && media.SameFile(a.name, b.name) {
				return usagef("%s and %s both name %s: give each a file of its own", b.flag, a.flag, a.name)
			}
		}
	}
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
