package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/chaos"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// chaosJob is one run of the chaos command. Its frames take the same way as those of the run command.
type chaosJob struct {
	runJob
	asked *chaosOptions
	kinds []chaos.Kind

	calm  calm           // of the undisturbed run
	soak  []chaos.Gauges // with --for
	began time.Time
}

// calm is an undisturbed run.
type calm struct {
	outcomes []chaos.Outcome
	normal   time.Duration // what a frame takes in a worker, the median
	took     time.Duration
}

func (j *chaosJob) run(ctx context.Context) error {
	j.notices = j.Err
	if err := j.anyInput(); err != nil {
		return err
	}
	if !j.asked.noCompare {
		if err := j.runCalm(ctx); err != nil {
			return err
		}
	}
	v, err := j.runDisturbed(ctx)
	if err != nil && !errors.Is(err, errInterrupted) {
		return err
	}
	fmt.Fprint(j.Out, v.text())
	if j.asked.json != "" {
		err = errors.Join(err, v.write(j.asked.json, j.asked.overwrite))
	}
	if v.Wrong() {
		return errors.Join(err, wrong(v.Counts))
	}
	return err
}

// runCalm runs the input once with nothing done to it.
func (j *chaosJob) runCalm(ctx context.Context) error {
	began := time.Now()
	hear := func(_ uint64, o chaos.Outcome, _ *farm.Result) { j.calm.outcomes = append(j.calm.outcomes, o) }
	err := j.onChaosFarm(ctx, func(f *farm.Farm) error {
		began = time.Now() // the start of the workers is not the frames'
		_, err := j.pass(ctx, ctx, f, 0, hear)
		j.calm.took = time.Since(began)
		return err
	})
	if err == nil && j.interrupted() {
		err = errInterrupted
	}
	var times []time.Duration
	for _, o := range j.calm.outcomes {
		times = append(times, o.Run)
	}
	slices.Sort(times)
	j.calm.normal = chaos.Times(times).Quantile(0.5)
	return err
}

func (j *chaosJob) interrupted() bool {
	select {
	case <-j.Drain:
		return true
	default:
		return false
	}
}

// onChaosFarm is what do needs around it.
func (j *chaosJob) onChaosFarm(ctx context.Context, do func(*farm.Farm) error) error {
	f, err := farm.Start(ctx, j.config)
	if err != nil {
		return j.startError(ctx, err)
	}
	err = do(f)
	j.first.close()
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return errors.Join(err, closeFarm(ctx, f))
}

// runDisturbed runs the input while the killer is at work.
func (j *chaosJob) runDisturbed(ctx context.Context) (verdict, error) {
	v := verdict{Pipeline: j.script.Pipeline.String(), Seed: j.asked.seed, Compared: !j.asked.noCompare}
	lives, ledger := chaos.NewLives(), &chaos.Ledger{Want: j.calm.outcomes}
	hear := func(index uint64, o chaos.Outcome, r *farm.Result) {
		ledger.Record(index, o)
		if r != nil {
			lives.Answered(r.PID, r.Submitted, r.Answered, r.Run)
		}
	}
	var frames uint64
	err := j.onChaosFarm(ctx, func(f *farm.Farm) error {
		var followers sync.WaitGroup
		following, enough := context.WithCancel(ctx)
		defer followers.Wait()
		defer enough()
		events := f.Events(following)
		followers.Go(func() { lives.Follow(events) })
		j.began = time.Now()
		var err error
		v.Missed = j.struck(ctx, f, lives, func() { frames, err = j.passes(ctx, f, hear) })
		v.Seconds = time.Since(j.began).Seconds()
		j.last = f.Snapshot()
		return err
	})
	v.fill(j, ledger.Close(frames), lives)
	return v, err
}

// struck runs do while workers are struck, and returns how many strikes found none.
func (j *chaosJob) struck(ctx context.Context, f *farm.Farm, lives *chaos.Lives, do func()) (missed int) {
	striking, enough := context.WithCancel(ctx)
	killer := chaos.Killer{
		Rate: j.asked.rate, Kinds: j.kinds, Seed: j.asked.seed, Snapshot: f.Snapshot, Struck: lives.Struck,
	}
	var killing sync.WaitGroup
	killing.Go(func() { missed = killer.Run(striking) })
	do()
	enough()
	killing.Wait()
	return missed
}

// passes runs the input once, or again and again for as long as the options say, and returns how many frames there were.
func (j *chaosJob) passes(ctx context.Context, f *farm.Farm, hear func(uint64, chaos.Outcome, *farm.Result)) (uint64, error) {
	soft, end := context.WithCancel(ctx)
	defer end()
	stop := j.watchDrain(soft, end)
	if d := j.asked.forTime; d > 0 {
		var measuring sync.WaitGroup
		defer measuring.Wait()
		measuring.Go(func() { j.measure(soft, f, d); end() })
	}
	var frames uint64
	for {
		n, err := j.pass(ctx, soft, f, frames, hear)
		frames += n
		if err != nil || j.asked.forTime == 0 || soft.Err() != nil || n == 0 {
			end()
			if stop() && err == nil {
				err = errInterrupted
			}
			return frames, err
		}
	}
}

// measure reads the gauges at the start, when the farm has warmed up, in the middle and at the end of d.
func (j *chaosJob) measure(ctx context.Context, f *farm.Farm, d time.Duration) {
	for _, at := range []time.Duration{min(d/10, time.Minute), d / 2, d} {
		timer := time.NewTimer(time.Until(j.began.Add(at)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		j.soak = append(j.soak, chaos.Measure(at, f.Snapshot().Memory.InUse))
	}
}

// pass runs the input once. Frames are numbered from first. It returns how many there were.
func (j *chaosJob) pass(ctx, soft context.Context, f *farm.Farm, first uint64,
	hear func(uint64, chaos.Outcome, *farm.Result)) (uint64, error) {
	plan, err := j.plan(ctx, f)
	if err != nil {
		return 0, err
	}
	keeps := f.Ops().Stateful(j.script.Pipeline)
	if keeps > 0 && !j.asked.noCompare {
		return 0, usagef("step %d, %s, keeps something from frame to frame, which goes with a worker that is killed: give --no-compare", keeps,
			j.script.Pipeline[keeps-1].Op)
	}
	t := &tally{}
	t.heard = func(it media.Item, index uint64) {
		code := fault.Unreadable
		if c, ok := fault.CodeOf(it.Err); ok {
			code = c
		}
		hear(first+index, chaos.Outcome{Code: code}, nil)
	}
	sink := chaosSink(func(it media.Item, r *farm.Result) {
		index := first + r.Index
		if it.Index != r.Index { // another frame's result: its own is missing, and this one is there twice
			index = first + it.Index
		}
		hear(index, chaos.OutcomeOf(r), r)
	})
	flow := &flow{engine: farmEngine{f}, source: j.source(f), plan: plan, sink: sink, tally: t, window: 2 * f.Window(), stateful: keeps > 0}
	err = flow.run(ctx, soft)
	return uint64(t.in.Load()), err
}

// chaosSink is a media.Sink that looks at results and keeps none.
type chaosSink func(media.Item, *farm.Result)

func (s chaosSink) Write(_ context.Context, it media.Item, _ string, r *farm.Result) error {
	s(it, r)
	r.Release()
	return nil
}

func (chaosSink) Close(context.Context) error { return nil }
func (chaosSink) Abort()                      {}
