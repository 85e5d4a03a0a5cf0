package farm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/worker/fake"
)

// The chaos grid: whatever a worker does (how), whenever it does it (when), each job is answered once, in order and with the
// right pixels; the workers are back; the cause that is reported is the true one; and nothing is left.

// story is what must be told of a worker that ended; the zero story is of one that did not.
type story struct {
	cause proc.Cause
	words string
}

// how is something that a worker does, as the fake's pipeline, and what must be told of it.
type how struct {
	name, deed string
	told       story            // in general
	at         map[string]story // at these moments instead
	late       bool             // a job that it happens to fails with deadline_exceeded
}

var (
	notStarted = map[string]story{"starting": {proc.CauseStart, "not ready within"}}
	noWorker1  = map[string]story{"starting": {proc.CauseStart, "it does not begin as a worker of cvfarm does"}}
	notAtIt    = story{proc.CauseStalled, "the worker is not at it, and does not answer"}
)

var hows = []how{
	{name: "SIGKILL", deed: "kill signal=KILL", told: story{proc.CauseExited, `died by signal "killed"`}},
	{name: "SIGSEGV", deed: "kill signal=SEGV", told: story{proc.CauseExited, `died by signal "segmentation fault"`}},
	{name: "abort", deed: "kill signal=ABRT", told: story{proc.CauseExited, `died by signal "aborted"`}},
	{name: "exit 0", deed: "exit code=0", told: story{proc.CauseExited, "exited with code 0"}},
	{name: "exit 3", deed: "exit code=3", told: story{proc.CauseExited, "exited with code 3"}},
	// A job that hangs is late. A worker that hangs elsewhere is not at the job that waits.
	{name: "hang", deed: "hang", told: story{proc.CauseDeadline, "job"}, late: true, at: map[string]story{
		"starting": notStarted["starting"], "idle": notAtIt, "before the call": notAtIt, "replied but unread": notAtIt,
	}},
	{name: "SIGSTOP", deed: "kill signal=STOP", told: story{proc.CauseStalled, "no heartbeat for"}, at: notStarted},
	// Without a job, a lie is a false handshake or the answer to a job that never was.
	{name: "lie", deed: "lie about=size", told: story{proc.CauseProtocol, "it was lent"}, at: map[string]story{
		"starting": noWorker1["starting"], "idle": {proc.CauseProtocol, "which it did not have"},
		"before the call": {proc.CauseProtocol, "which it did not have"}, "replied but unread": {proc.CauseProtocol, "which it did not have"},
	}},
	// Words on standard output are none of ours after the handshake; in place of it, they are a stranger's.
	{name: "stdout flood", deed: "flood fd=1 kb=2048", at: noWorker1},
	{name: "stderr flood", deed: "flood fd=2 kb=2048"},
	{name: "stderr garbage", deed: "mumble"},
	{name: "memory hog", deed: "hog mb=300", told: story{proc.CauseRecycle, "bytes of memory, more than"}},
	{name: "grandchild", deed: "grandchild"},
}

// when is a moment, and how the cell is run at it.
type when struct {
	name    string
	moment  string // of fake.EnvAt; empty: a job's own pipeline does it
	workers int
	run     func(c *cell)
}

var whens = []when{
	{"starting", "starting", 2, (*cell).whileStarting},
	{"idle", "idle", 1, (*cell).whileIdle},
	{"before the call", "received", 2, (*cell).all},
	{"mid-step", "", 2, (*cell).all},
	{"replied but unread", "replied", 1, (*cell).afterReply},
	{"draining", "", 2, (*cell).whileClosing},
	{"mid-stream", "", 2, (*cell).asStream},
}

// cellJobs is how many jobs a cell has; the one of index culprit is the one that it happens to.
const (
	cellJobs = 12
	culprit  = 5
	atATime  = 6 // cells
)

func TestGrid(t *testing.T) {
	goroutines := goleak.IgnoreCurrent()
	before := holdings(t)
	var cells errgroup.Group
	cells.SetLimit(atATime)
	for _, w := range whens {
		for _, h := range hows {
			cells.Go(func() error {
				t.Run(w.name+"/"+h.name, func(t *testing.T) { newCell(t, w, h).check() })
				return nil
			})
		}
	}
	_ = cells.Wait()
	if err := goleak.Find(goroutines); err != nil {
		t.Error(err)
	}
	if after := holdings(t); after != before {
		t.Errorf("this process holds %+v, and held %+v before", after, before)
	}
}

// cell is one field of the grid.
type cell struct {
	*testing.T
	when
	how     how
	told    story
	farm    *Farm
	dir     string // its mark on every process of it
	once    string // exists when it has happened
	futures []*Future

	heard sync.WaitGroup
	ends  []Event // valid after heard
}

func newCell(t *testing.T, w when, h how) *cell {
	c := &cell{T: t, when: w, how: h, told: h.told, dir: t.TempDir()}
	c.once = filepath.Join(c.dir, "once")
	if told, ok := h.at[w.name]; ok {
		c.told = told
	}
	if w.name == "starting" { // not the first workers
		if err := os.WriteFile(c.once, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.farm = newFarm(t, func(conf *Config) {
		if w.name == "starting" {
			conf.Spares = -1
		}
		conf.Workers, conf.Timeout, conf.StartTimeout = w.workers, 20*time.Second, 20*time.Second
		conf.StallTimeout = 10 * time.Second
		conf.WorkerEnv = append(conf.WorkerEnv, "CVFARM_TEST_DIR="+c.dir)
		switch {
		case h.name == "SIGSTOP" && w.name == "starting" || h.name == "hang" && w.name == "starting":
			conf.StartTimeout = 3 * time.Second
		case h.name == "SIGSTOP":
			conf.StallTimeout = 1500 * time.Millisecond
		case h.name == "hang":
			conf.Timeout = 1500 * time.Millisecond
		case h.name == "memory hog":
			conf.MaxMemory = 200 << 20
		}
		if w.moment != "" {
			conf.WorkerEnv = append(conf.WorkerEnv, fmt.Sprintf("%s=%s %s once=%s%s", fake.EnvAt, w.moment, h.deed, c.once, c.onlyCulprit()))
		}
	})
	events := c.farm.Events(context.Background()) // until the farm has closed
	c.heard.Go(func() {
		for e := range events {
			if e.Kind == WorkerEnded && e.Exit.Cause != proc.CauseStop && e.Exit.Code != madeRoom {
				c.ends = append(c.ends, e)
			}
		}
	})
	return c
}

// onlyCulprit is the condition for the moments that belong to a job.
func (c *cell) onlyCulprit() string {
	if c.moment == "starting" || c.moment == "idle" {
		return ""
	}
	return fmt.Sprintf(" index=%d", culprit)
}

// check runs the cell and checks what all cells have in common.
func (c *cell) check() {
	c.run(c)
	c.answers()
	if c.name != "draining" {
		c.until("the end is noticed", c.noticed)
		c.workersAreBack()
	}
	if err := c.farm.Close(deadline(c.T, 20*time.Second)); err != nil {
		c.Errorf("close: %v", err)
	}
	c.heard.Wait()
	if s := c.farm.Snapshot(); s.Submitted != cellJobs || s.Done+s.Failed != cellJobs {
		c.Errorf("%d jobs: %d done and %d failed", s.Submitted, s.Done, s.Failed)
	}
	c.storyIsTrue()
	if left := processesWith("CVFARM_TEST_DIR=" + c.dir); len(left) > 0 {
		c.Errorf("these processes are left: %v", left)
	}
}

// deed is the pipeline that does it, where a job does.
func (c *cell) deed() string {
	if c.moment != "" {
		return ""
	}
	return fmt.Sprintf("%s index=%d once=%s | ", c.how.deed, culprit, c.once)
}

func (c *cell) submit(from, to int, pipeline, stream string) {
	c.Helper()
	for i := from; i < to; i++ {
		future, err := c.farm.Submit(c.Context(), Job{Pipeline: pipeline, Frame: gray(i), Stream: stream})
		if err != nil {
			c.Fatal(err)
		}
		c.futures = append(c.futures, future)
	}
}

// all submits all jobs at once.
func (c *cell) all() { c.submit(0, cellJobs, c.deed()+"invert", "") }

// afterReply has it happen when the culprit was answered. Only a job that comes then can find a worker that hangs.
func (c *cell) afterReply() {
	c.submit(0, culprit+1, "invert", "")
	c.until("it happens", c.happened)
	c.submit(culprit+1, cellJobs, "invert", "")
}

// asStream does so for one stream.
func (c *cell) asStream() { c.submit(0, cellJobs, c.deed()+"count | invert", "camera") }

// whileStarting has it happen to a worker that takes the place of one that ended.
func (c *cell) whileStarting() {
	if err := os.Remove(c.once); err != nil {
		c.Fatal(err)
	}
	c.submit(0, cellJobs, fmt.Sprintf("exit code=%d index=%d once=%s | invert", madeRoom, culprit, filepath.Join(c.dir, "room")), "")
	c.until("it happens", c.happened)
}

// madeRoom is the exit code of the worker that ends to let another start.
const madeRoom = 99

func (c *cell) happened() bool { _, err := os.Stat(c.once); return err == nil }

// whileIdle has it happen between two halves of the jobs.
func (c *cell) whileIdle() {
	c.submit(0, culprit, "invert", "")
	for _, f := range c.futures {
		<-f.Done()
	}
	c.workersAreBack()
	if err := syscall.Kill(c.farm.Snapshot().Workers[0].PID, syscall.SIGUSR1); err != nil {
		c.Fatal(err)
	}
	c.until("it happens", c.happened)
	c.submit(culprit, cellJobs, "invert", "")
}

// whileClosing has it happen when the farm closes and finishes what it has.
func (c *cell) whileClosing() {
	closing := filepath.Join(c.dir, "closing")
	c.submit(0, cellJobs, fmt.Sprintf("hold file=%s index=%d | %sinvert", closing, culprit, c.deed()), "")
	c.heard.Go(func() { _ = c.farm.Close(context.Background()) })
	c.until("it is closing", func() bool {
		c.farm.mu.Lock()
		defer c.farm.mu.Unlock()
		return c.farm.closing
	})
	if err := os.WriteFile(closing, nil, 0o600); err != nil {
		c.Fatal(err)
	}
}

// answers checks every job's answer.
func (c *cell) answers() {
	c.Helper()
	late := c.how.late && c.moment == ""
	var kept counter
	for i, f := range c.futures {
		r, err := f.Wait(deadline(c.T, 40*time.Second))
		var e *Error
		switch {
		case late && i == culprit:
			if !errors.As(err, &e) || e.Code != fault.Deadline || e.Index != culprit {
				c.Errorf("job %d: %+v, %v; want %s", i, r, err, fault.Deadline)
			}
		case err != nil:
			c.Fatalf("job %d: %v", i, err)
		case int(r.Index) != i || r.Pix[0] != ^byte(i):
			c.Errorf("job %d has the answer of job %d: %v", i, r.Index, r.Pix)
		}
		if r != nil {
			if c.name == "mid-stream" && !kept.follows(c.T, r) {
				c.Errorf("job %d of the stream: %+v", i, r)
			}
			r.Release()
		}
	}
}

// counter follows the value of the fake's count op.
type counter struct{ n int }

// follows reports whether a result goes on where the one before it stopped, or says that it does not.
func (k *counter) follows(t *testing.T, r *Result) bool {
	t.Helper()
	if k.n++; r.Restarted {
		k.n = 1
	}
	for _, v := range r.Values {
		if v.Op == "count" {
			return string(v.JSON) == fmt.Sprint(k.n)
		}
	}
	return false
}

// workersAreBack waits until as many workers as ever are ready and have nothing to do.
func (c *cell) workersAreBack() {
	c.Helper()
	c.until("the workers are back", func() bool {
		for _, w := range c.farm.Snapshot().Workers {
			if w.State != Idle || w.PID == 0 {
				return false
			}
		}
		return true
	})
}

// noticed reports whether as many workers ended as should.
func (c *cell) noticed() bool {
	want := uint64(0)
	if c.told != (story{}) {
		want++
	}
	if c.name == "starting" {
		want++
	}
	s := c.farm.Snapshot()
	return s.Restarts+s.Recycles >= want
}

func (c *cell) until(what string, is func() bool) {
	c.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for late := deadline(c.T, 40*time.Second); !is(); {
		select {
		case <-tick.C:
		case <-late.Done():
			c.Fatalf("it never came that %s: %+v", what, c.farm.Snapshot())
		}
	}
}

// storyIsTrue checks what was told of the workers' ends.
func (c *cell) storyIsTrue() {
	c.Helper()
	if c.told == (story{}) {
		for _, e := range c.ends {
			c.Errorf("a worker has ended: %v, %v", e.Exit, e.Err)
		}
		return
	}
	found := 0
	for _, e := range c.ends {
		if text := fmt.Sprint(e.Exit, " ", e.Err); e.Exit.Cause == c.told.cause && strings.Contains(text, c.told.words) {
			found++
		} else {
			c.Errorf("a worker's end is told as %s: %s", e.Exit.Cause, text)
		}
	}
	if found != 1 && !c.mayBeMissed() {
		c.Errorf("%d workers ended by %s, want 1", found, c.told.cause)
	}
}

// mayBeMissed: memory is looked at from time to time, and a farm that closes may be gone before.
func (c *cell) mayBeMissed() bool { return c.name == "draining" && c.told.cause == proc.CauseRecycle }
