package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// runJob is one run of the run command, from checked options to the report.
type runJob struct {
	App
	options    *runOptions
	script     script
	output     media.Output
	config     farm.Config
	inputs     []media.Input
	reportFile *media.File // nil for none, and for standard output
	ledger     *ledger     // nil without --resume
	first      *firstVideo // nil before the plan

	// Owned by the goroutine of run.
	started time.Time
	tally   tally
	made    made
	notices io.Writer // for a line on standard error that may show a bar
	last    farm.Snapshot
	// encoderRestarts is how often an encoder died and its frames were done anew.
	encoderRestarts int
	// interrupted is set once the user has ended the input.
	interrupted bool
	snapshot    func() farm.Snapshot
}

// made tells which outputs are complete.
type made struct{ output, data bool }

// run starts the farm, checks what only a worker knows, and lets the frames flow.
func (j *runJob) run(ctx context.Context) error {
	j.started = time.Now()
	j.notices = j.Err
	if j.options.dryRun {
		j.printInputs()
	}
	if err := j.anyInput(); err != nil {
		return err
	}
	f, err := farm.Start(ctx, j.config)
	if err != nil {
		return j.startError(ctx, err)
	}
	j.snapshot = f.Snapshot
	err = j.onFarm(ctx, f)
	j.first.close()
	j.last = f.Snapshot()
	if cerr := closeFarm(ctx, f); err == nil {
		return cerr
	}
	return err
}

// anyInput fails where there is nothing to start a farm for.
func (j *runJob) anyInput() error {
	for _, in := range j.inputs {
		if in.Err == nil {
			return nil
		}
	}
	for i := range j.inputs {
		j.tally.in.Add(1)
		j.tally.failed(media.Item{Input: &j.inputs[i], Err: j.inputs[i].Err}, uint64(i))
	}
	return errNothing
}

var errNothing = errors.New("no input can be read")

func (j *runJob) startError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return fmt.Errorf("cannot start the farm: %w", err)
}

// onFarm refuses what the worker cannot do before a frame is sent, and then sends them.
func (j *runJob) onFarm(ctx context.Context, f *farm.Farm) error {
	plan, err := j.plan(ctx, f)
	if err != nil {
		return err
	}
	if step := f.Ops().Stateful(j.script.Pipeline); step > 0 && j.ledger != nil {
		return usagef("--resume: step %d, %s, keeps something from frame to frame, which a later run would not have", step,
			j.script.Pipeline[step-1].Op)
	}
	if err := j.output.CheckNames(j.inputs, j.options.limit, plan, j.vacancy()); errors.Is(err, fs.ErrExist) {
		return usageError{err}
	} else if err != nil {
		return err
	}
	if j.options.dryRun {
		return j.dryRun(ctx, f, plan)
	}
	if err := j.ledger.begin(); err != nil {
		return err
	}
	j.ledger.restore(&j.tally)
	stdout := media.Abandonable(ctx, j.Out)
	open := func() (media.Sink, error) { return j.openSink(f, stdout) }
	sink, err := open()
	if err != nil {
		return err
	}
	data, err := j.openData(stdout)
	if err != nil {
		sink.Abort()
		return err
	}
	if data != nil {
		defer data.Abort()
	}
	stop := j.showProgress()
	defer stop()
	run := &flow{
		engine: farmEngine{f}, source: j.source(f), plan: plan, sink: sink, reopen: open, data: data, ledger: j.ledger,
		tally: &j.tally, window: f.Window(), stateful: f.Ops().Stateful(j.script.Pipeline) > 0,
	}
	defer func() { run.sink.Abort() }() // which may be another by then
	return j.flows(ctx, run)
}

// attempt runs the frames once and completes the outputs, also where the user ends the input early.
func (j *runJob) attempt(ctx context.Context, f *flow) error {
	soft, end := context.WithCancel(ctx)
	defer end()
	unwatch := context.AfterFunc(ctx, end)
	defer unwatch()
	stop := func() bool { return true }
	if !j.interrupted {
		stop = j.watchDrain(soft, end)
	}
	err := f.run(ctx, soft)
	j.interrupted = stop()
	if err == nil && (j.ledger == nil || !j.interrupted) { // what can be gone on with is not completed before its end
		j.made, err = f.complete(ctx)
	}
	if ctx.Err() != nil || err == nil && j.interrupted {
		return errInterrupted
	}
	return err
}

// watchDrain ends the input when the user asks for it. The function that it returns ends the watch and tells whether the user
// did.
func (j *runJob) watchDrain(soft context.Context, end func()) func() bool {
	asked := make(chan bool, 1)
	quit := make(chan struct{})
	go func() {
		select {
		case <-j.Drain:
			fmt.Fprintln(j.notices, "interrupted: finishing what is in flight; once more stops at once")
			end()
			asked <- true
		case <-quit:
			asked <- false
		case <-soft.Done():
			asked <- false
		}
	}()
	return func() bool {
		close(quit)
		return <-asked
	}
}

// plan completes the pipeline, and has a worker prepare it: what it cannot run is refused before a frame is sent.
func (j *runJob) plan(ctx context.Context, f *farm.Farm) (*media.Plan, error) {
	if err := f.Ops().Check(j.script.Pipeline); err != nil {
		return nil, j.script.point(err)
	}
	beside, err := j.options.named.beside(f.Ops(), j.script)
	if err != nil {
		return nil, err
	}
	if err := j.ledger.meets(f.Info(), j.config.Worker, beside); err != nil {
		return nil, err
	}
	if err := upload(ctx, f, j.script, beside); err != nil {
		return nil, err
	}
	plan, err := media.NewPlan(j.script.Pipeline, j.output, f.Ops())
	if err != nil {
		return nil, err
	}
	variants, err := plan.Variants(j.inputs)
	if err != nil {
		return nil, err
	}
	j.first.close()
	j.first = openFirst(ctx, f, j.inputs)
	for _, v := range variants {
		steps, err := f.Plan(ctx, v.Pipeline, j.first.takes(v))
		if err == nil {
			err = checkVideo(j.output, steps)
		}
		if err != nil {
			return nil, j.refused(v, err)
		}
	}
	return plan, nil
}

// refused makes of a worker's error with a variant one with the user's pipeline.
func (j *runJob) refused(v media.Variant, err error) error {
	if code, _ := fault.CodeOf(err); code == fault.Invalid {
		return j.script.point(v.Unshift(err))
	}
	return err
}

func (j *runJob) sinkConfig(f *farm.Farm, stdout io.Writer) media.SinkConfig {
	return media.SinkConfig{
		Output:    j.output,
		Overwrite: j.options.overwrite,
		FPS:       j.options.fps,
		Codec:     j.options.codec,
		Stdout:    stdout,
		Create:    farmEngine{f}.create,
	}
}

func (j *runJob) openSink(f *farm.Farm, stdout io.Writer) (media.Sink, error) {
	if j.ledger == nil {
		return media.NewSink(j.sinkConfig(f, stdout))
	}
	return j.ledger.openSink(j.sinkConfig(f, stdout))
}

func (j *runJob) openData(stdout io.Writer) (*media.Data, error) {
	switch {
	case j.options.data == "":
		return nil, nil
	case j.ledger != nil:
		return j.ledger.openData(j.options.data, j.options.overwrite)
	}
	return media.CreateData(j.options.data, stdout, j.options.overwrite)
}

func (j *runJob) source(f *farm.Farm) *media.Source {
	return &media.Source{
		Inputs: j.inputs,
		Start:  j.ledger.at(),
		Limit:  j.options.limit,
		Open: func(ctx context.Context, uri string, at int) (media.VideoReader, error) {
			return j.first.open(ctx, f, uri, at)
		},
		Stdin: j.In,
		Total: func(n int) { j.tally.total.Store(int64(n)) },
	}
}
