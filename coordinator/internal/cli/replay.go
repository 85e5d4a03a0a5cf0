package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/coordinator/internal/quarantine"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// replay is one entry of quarantine, tried again.
type replay struct {
	App
	store     *quarantine.Store
	entry     quarantine.Entry
	worker    string
	output    string
	image     media.Output // that output
	overwrite bool
	timeout   time.Duration
	stall     time.Duration
}

func (app App) quarantineReplay(folder *string) *cobra.Command {
	r := &replay{App: app}
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Try one again, alone in a worker of its own, and tell what happens",
		Long: `Try one again, alone in a worker of its own, and tell what happens: what comes out, or how the worker ends.

It is tried once, with the timeout and the memory limit of then. It stays in quarantine either way. A pipeline that keeps
something from frame to frame begins anew.
Exit code: 0 it works now, 1 it does not, 2 wrong usage, 130 interrupted.`,
		Example: `  coordinator quarantine replay 20260801-120304.567-k3xq
  coordinator quarantine replay 20260801-120304.567-k3xq --worker ./worker-fixed -o works.png`,
		Args:              oneID,
		ValidArgsFunction: completeIDs(folder, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.resolve(*folder, args[0]); err != nil {
				return err
			}
			return r.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&r.output, "output", "o", "", "write the result to `FILE`: .jpg .png .webp .tiff .bmp, or whatever the pipeline encodes")
	f.BoolVar(&r.overwrite, "overwrite", false, "replace FILE where it exists")
	f.DurationVar(&r.timeout, "timeout", 0, "time that the attempt may take (default: what it was)")
	f.DurationVar(&r.stall, "stall-timeout", 0, "`TIME` that the worker may show no sign of life before it is killed, at least 200ms; 0 is the default of 5s")
	addWorkerFlag(f, &r.worker)
	return cmd
}

func (r *replay) resolve(folder, id string) error {
	var err error
	if r.worker, err = findWorker(r.worker); err != nil {
		return err
	}
	if r.timeout < 0 || r.timeout > 24*time.Hour {
		return usagef("--timeout %v: up to 24h is possible", r.timeout)
	}
	if err := checkStall(r.stall); err != nil {
		return err
	}
	if err := r.checkOutput(); err != nil {
		return err
	}
	if r.store, err = openQuarantine(folder); err != nil {
		return err
	}
	if r.entry, err = r.store.Get(id); err != nil {
		return err
	}
	if r.entry.Damaged != "" {
		return damagedEntry(r.store, id, r.entry.Damaged)
	}
	if r.timeout == 0 {
		r.timeout = r.entry.Timeout
	}
	return nil
}

func (r *replay) checkOutput() error {
	if r.output == "" {
		return nil
	}
	var err error
	if r.image, err = media.ParseOutput(r.output); err != nil {
		return err
	}
	if r.image.Kind != media.ToImage {
		return usagef("-o %s: one frame goes into one image file, such as works.png", r.output)
	}
	if err := media.Vacant(r.output, r.overwrite); err != nil {
		return usageError{err}
	}
	return nil
}

func (r *replay) run(ctx context.Context) error {
	ctx, cancel := r.untilDrain(ctx)
	defer cancel()
	in, err := r.frame(r.entry.Input)
	if err != nil {
		return err
	}
	c := farm.Config{Worker: r.worker, Workers: 1, Attempts: 1, Spares: -1, MemoryCap: r.memoryCap(), StallTimeout: r.stall}
	f, err := farm.Start(ctx, c)
	if err == nil {
		err = errors.Join(r.onFarm(ctx, f, in), closeFarm(context.WithoutCancel(ctx), f))
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// frame reads a picture of the entry, which another program may have removed by now.
func (r *replay) frame(p quarantine.Picture) (frame.Frame, error) {
	f, err := r.store.Frame(r.entry, p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = damagedEntry(r.store, r.entry.ID, err.Error())
	}
	return f, err
}

// memoryCap is the one that was in force.
func (r *replay) memoryCap() int64 {
	if n := len(r.entry.Attempts); n > 0 {
		return r.entry.Attempts[n-1].Exit.MemoryCap
	}
	return 0
}

func (r *replay) onFarm(ctx context.Context, f *farm.Farm, in frame.Frame) error {
	parsed, err := pipeline.Parse(r.entry.Pipeline)
	if err != nil {
		return err
	}
	plan, err := media.NewPlan(parsed, r.image, f.Ops())
	if err != nil {
		return err
	}
	for _, p := range r.entry.Inputs {
		named, err := r.frame(p)
		if err == nil {
			err = f.Upload(ctx, p.Name, named)
		}
		if err != nil {
			return err
		}
	}
	result, err := do(ctx, f, farm.Job{Pipeline: r.entry.Pipeline, Frame: in, Timeout: r.timeout, Stream: r.entry.Stream})
	if err != nil {
		return r.failed(err)
	}
	defer result.Release()
	fmt.Fprintf(r.Out, "%s works now: %v in %v\n", r.entry.ID, result.Geometry, result.Run.Round(time.Microsecond))
	for _, v := range result.Values {
		fmt.Fprintf(r.Out, "  step %d, %s: %s\n", v.Step, Plain(v.Op), Plain(string(v.JSON)))
	}
	return r.write(ctx, f, plan, result)
}

// failed tells how the worker ended, where it did.
func (r *replay) failed(err error) error {
	var e *farm.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, a := range e.Attempts {
		fmt.Fprintf(r.Out, "%s: after %v: ", r.entry.ID, a.Ran.Round(time.Millisecond))
		showExit(r.Out, a.Exit)
	}
	return fmt.Errorf("%s has no result (%s): %w", r.entry.ID, e.Code, err)
}

// write gives the result to the output, as an image where the pipeline leaves pixels.
func (r *replay) write(ctx context.Context, f *farm.Farm, plan *media.Plan, result *farm.Result) error {
	if r.output == "" {
		return nil
	}
	if result.IsPixels() {
		encoded, err := do(ctx, f, farm.Job{Pipeline: plan.Encode(r.image.Ext), Frame: result.Frame})
		if err != nil {
			return err
		}
		defer encoded.Release()
		result = encoded
	}
	if result.Format != frame.FormatEncoded {
		return fmt.Errorf("-o %s: the pipeline makes no image (%v)", r.output, result.Geometry)
	}
	file, err := media.CreateFile(r.output, r.overwrite)
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := file.Write(result.Pix); err != nil {
		return err
	}
	return file.Commit()
}

// do runs one job.
func do(ctx context.Context, f *farm.Farm, j farm.Job) (*farm.Result, error) {
	future, err := f.Submit(ctx, j)
	if err != nil {
		return nil, err
	}
	result, err := future.Wait(ctx)
	if err != nil {
		future.Cancel()
	}
	return result, err
}
