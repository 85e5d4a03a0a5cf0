//go:build opencv

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// The main cells of the chaos grid, which coordinator/farm has in full on the fake worker, on the OpenCV worker: what can be done
// to it from outside, at the moments that can be told from outside.

// lengthy keeps a worker in native code for some tenths of a second, hung for longer than any test waits.
const (
	lengthy = "decode | bilateral d=25 | gray"
	hung    = "decode | resize dsize=2000x2000 | bilateral d=250"
)

const cellJobs = 6

// cell is a farm that something is done to.
type cell struct {
	*testing.T
	farm    *farm.Farm
	events  <-chan farm.Event
	image   []byte
	futures []*farm.Future
}

func TestGridOnTheOpenCVWorker(t *testing.T) {
	t.Parallel()
	whens := []struct {
		name string
		hit  func(c *cell, s unix.Signal)
	}{
		{"starting", (*cell).whileStarting},
		{"idle", (*cell).whileIdle},
		{"mid-step", (*cell).midStep},
		{"mid-stream", (*cell).midStream},
		{"draining", (*cell).whileClosing},
	}
	hows := []struct {
		signal unix.Signal
		cause  string
		words  string
	}{
		{unix.SIGKILL, "exited", `died by signal "killed"`},
		{unix.SIGSEGV, "exited", `died by signal "segmentation fault"`},
		{unix.SIGABRT, "exited", `died by signal "aborted"`},
		{unix.SIGSTOP, "stalled", "no heartbeat for"},
	}
	for _, w := range whens {
		for _, h := range hows {
			t.Run(w.name+"/"+unix.SignalName(h.signal), func(t *testing.T) {
				t.Parallel()
				c := newCell(t)
				w.hit(c, h.signal)
				c.answers(cellJobs)
				exit, err := c.ended()
				words := h.words
				if w.name == "starting" && h.signal == unix.SIGSTOP {
					words = "it was stopped before it was ready"
				}
				if text := fmt.Sprint(exit, " ", err); string(exit.Cause) != h.cause || !strings.Contains(text, words) {
					t.Errorf("its end is told as %s: %s", exit.Cause, text)
				}
			})
		}
	}
}

func newCell(t *testing.T) *cell {
	c := &cell{T: t, image: []byte(read(t, sample(t, "space_shuttle.jpg")))}
	c.farm = realFarm(t, farm.Config{
		Workers: 2, StallTimeout: 2 * time.Second, StartTimeout: 5 * time.Second, WorkerEnv: []string{strings.TrimSuffix(c.mark(), "\x00")},
	})
	c.events = c.farm.Events(context.Background())
	return c
}

func (c *cell) submit(n int, pipeline, stream string) {
	c.Helper()
	for range n {
		in := frame.Encoded(c.image)
		in.Index = uint64(len(c.futures))
		future, err := c.farm.Submit(c.Context(), farm.Job{Pipeline: pipeline, Frame: in, Stream: stream})
		if err != nil {
			c.Fatal(err)
		}
		c.futures = append(c.futures, future)
	}
}

// answers waits for n jobs, whose answers must be alike.
func (c *cell) answers(n int) {
	c.Helper()
	if len(c.futures) != n {
		c.Fatalf("%d jobs were submitted, want %d", len(c.futures), n)
	}
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	var first []byte
	for i, future := range c.futures {
		r, err := future.Wait(ctx)
		if err != nil {
			c.Fatalf("job %d: %v", i, err)
		}
		if first == nil {
			first = slices.Clone(r.Pix)
		}
		if int(r.Index) != i || !slices.Equal(r.Pix, first) {
			c.Errorf("job %d has another answer, that of job %d", i, r.Index)
		}
		r.Release()
	}
}

// ended is the first end of a worker that nobody ordered.
func (c *cell) ended() (farm.Exit, error) {
	c.Helper()
	late := time.After(patience)
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				c.Fatal("no worker has ended")
			}
			if e.Kind == farm.WorkerEnded && e.Exit.Cause != "stop" {
				return *e.Exit, e.Err
			}
		case <-late:
			c.Fatal("no worker has ended")
		}
	}
}

// worker waits for one that is in that state.
func (c *cell) worker(state farm.State) int {
	c.Helper()
	pid := 0
	eventually(c.T, patience, func() error {
		for _, w := range c.farm.Snapshot().Workers {
			if w.State == state && w.PID > 1 {
				pid = w.PID
				return nil
			}
		}
		return errors.New("no worker is " + string(state))
	})
	if pid == 0 {
		c.FailNow()
	}
	return pid
}

func (c *cell) whileIdle(s unix.Signal) {
	kill(c.T, c.worker(farm.Idle), s)
	c.submit(cellJobs, lengthy, "")
}

func (c *cell) midStep(s unix.Signal) {
	c.submit(cellJobs, lengthy, "")
	kill(c.T, c.worker(farm.Busy), s)
}

func (c *cell) midStream(s unix.Signal) {
	c.submit(cellJobs, lengthy, "camera")
	kill(c.T, c.worker(farm.Busy), s)
}

func (c *cell) whileClosing(s unix.Signal) {
	c.submit(cellJobs, lengthy, "")
	go func() { _ = c.farm.Close(context.Background()) }() // the test's end waits for it
	kill(c.T, c.worker(farm.Busy), s)
}

// whileStarting hits the next process that is started: the spare, or the one that replaces it.
func (c *cell) whileStarting(s unix.Signal) {
	before := c.processes()
	kill(c.T, c.worker(farm.Idle), unix.SIGTERM)
	if e, _ := c.ended(); e.Signal != "terminated" {
		c.Fatalf("a worker ended otherwise: %v", e)
	}
	eventually(c.T, patience, func() error {
		for _, pid := range c.processes() {
			if !slices.Contains(before, pid) && !c.isReady(pid) {
				kill(c.T, pid, s)
				return nil
			}
		}
		return errors.New("no worker is started")
	})
	c.submit(cellJobs, lengthy, "")
}

func (c *cell) isReady(pid int) bool {
	return slices.ContainsFunc(c.farm.Snapshot().Workers, func(w farm.WorkerStatus) bool { return w.PID == pid })
}

// processes are the workers of this cell, those that are starting too: other cells have theirs at the same time.
func (c *cell) processes() []int {
	var all []int
	for _, pid := range processes() {
		environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if ppid, _ := parent(pid); ppid == os.Getpid() && strings.Contains(string(environment), c.mark()) {
			all = append(all, pid)
		}
	}
	return all
}

// mark is in the environment of the cell's workers.
func (c *cell) mark() string { return "CVFARM_TEST_CELL=" + c.Name() + "\x00" }

// A call that does not return is answered when its time is over, and the other worker does not notice.
func TestANativeHangIsAnsweredAtItsDeadlineAndStallsNobody(t *testing.T) {
	f := realFarm(t, farm.Config{Workers: 2})
	image := []byte(read(t, thumbnail(t)))
	quick := func() error {
		future, err := f.Submit(t.Context(), farm.Job{Pipeline: "decode | gray", Frame: frame.Encoded(image)})
		if err != nil {
			return err
		}
		r, err := future.Wait(t.Context())
		if err == nil {
			r.Release()
		}
		return err
	}
	if err := quick(); err != nil {
		t.Fatal(err)
	}
	const timeout = 500 * time.Millisecond
	began := time.Now()
	hang, err := f.Submit(t.Context(), farm.Job{Pipeline: hung, Frame: frame.Encoded(image), Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	done, longest, last := 0, time.Duration(0), time.Now()
	for over := false; !over; done++ {
		if err := quick(); err != nil {
			t.Fatal(err)
		}
		longest, last = max(longest, time.Since(last)), time.Now()
		select {
		case <-hang.Done():
			over = true
		default:
		}
	}
	took := time.Since(began) - timeout
	if _, err := hang.Wait(t.Context()); codeOf(err) != fault.Deadline {
		t.Errorf("the hang is answered with %v", err)
	}
	t.Logf("answered %v after its deadline; meanwhile %d other frames, one each %v at the latest", took, done, longest)
	if slack := 2 * time.Second; took < 0 || took > slack || longest > slack { // 100 ms, on a machine with nothing else to do
		t.Errorf("answered %v after its deadline; another frame took %v", took, longest)
	}
}

func codeOf(err error) fault.Code { c, _ := fault.CodeOf(err); return c }
