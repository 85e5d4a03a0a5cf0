package farm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// A job that was sent beforehand to a worker whose own job takes long had to wait for it, with another worker at hand that had
// nothing to do.
func TestAJobBehindALongOneIsDoneElsewhere(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 2 })
	dir := t.TempDir()
	var held []*Future
	var files []string
	for i := range 2 {
		file := filepath.Join(dir, fmt.Sprint(i))
		files = append(files, file)
		held = append(held, submitted(t, f, Job{Pipeline: "hold file=" + file, Frame: gray(i)}))
	}
	for w := f.Snapshot().Workers; w[0].State != Busy || w[1].State != Busy; w = f.Snapshot().Workers {
		runtime.Gosched()
	}
	var quick []*Future
	for i := range 20 {
		quick = append(quick, submitted(t, f, Job{Pipeline: "invert", Frame: gray(2 + i)}))
	}
	release := func(i int) {
		if err := os.WriteFile(files[i], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for f.Snapshot().Queued != 18 { // each worker has a long job, and a quick one behind it
		runtime.Gosched()
	}
	ids := make([]uint64, len(quick))
	for i, future := range quick {
		ids[i] = numberOf(future)
	}
	release(0)
	renumbered := 0
	for i, future := range quick {
		r, err := future.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Attempts != 1 || r.Index != uint64(2+i) {
			t.Errorf("frame %d: attempt %d, index %d", 2+i, r.Attempts, r.Index)
		}
		r.Release()
		if numberOf(future) != ids[i] {
			renumbered++
		}
	}
	if renumbered == 0 { // a worker that got one again took the old message in its ring for the new one, and wrote to memory that was another's
		t.Error("a job that was recalled kept its number")
	}
	select {
	case <-held[1].Done():
		t.Fatal("the long job is over, so nothing was shown")
	default:
	}
	release(1)
	for _, future := range held {
		r, err := future.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
	if c := f.Snapshot().Counts; c.Failed != 0 || c.Retries != 0 {
		t.Fatalf("%+v", c)
	}
}

// A job that was sent to a worker that had stopped, or was about to die, was charged for it, and failed where it had one attempt:
// the worker had never begun it.
func TestAJobIsNotChargedForAWorkerThatNeverBeganIt(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers int
		signal  syscall.Signal
	}{
		{"killed", 1, syscall.SIGKILL}, {"stopped", 1, syscall.SIGSTOP}, {"stopped, with another at hand", 2, syscall.SIGSTOP},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFarm(t, func(conf *Config) {
				conf.Workers, conf.Attempts, conf.StallTimeout = c.workers, 1, 500*time.Millisecond
			})
			for i := range 5 {
				w := f.Snapshot().Workers[0]
				if w.State == Idle {
					_ = syscall.Kill(w.PID, c.signal)
					for c.signal == syscall.SIGSTOP && running(w.PID) { // a signal takes a moment
						runtime.Gosched()
					}
				}
				r, err := one(t, f, Job{Pipeline: "invert", Frame: gray(i)})
				if err != nil {
					t.Fatal(err)
				}
				r.Release()
			}
		})
	}
}

// running reports whether any thread of a process is neither stopped nor gone.
func running(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if i := bytes.LastIndexByte(stat, ')'); err == nil && i >= 0 && !bytes.HasPrefix(stat[i:], []byte(") T")) {
			return true
		}
	}
	return false
}

func numberOf(f *Future) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.id
}

func submitted(t *testing.T, f *Farm, j Job) *Future {
	t.Helper()
	future, err := f.Submit(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return future
}

// What is recalled stays in the ring until the worker comes to it. A worker whose job took a minute had its ring filled with that,
// and was killed for it. Here it reads nothing at all, and the test is its supervisor.
func TestARingIsNotFilledByWhatIsRecalled(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.Spares = 1, -1 })
	worker, err := f.startInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(worker.worker.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	d := newDispatcher(newSupervisor(f, 2, nil), worker)
	file := filepath.Join(t.TempDir(), "held") // keeps the farm's own worker away
	futures := []*Future{submitted(t, f, Job{Pipeline: "hold file=" + file, Frame: gray(0)})}
	for i := range 3 {
		futures = append(futures, submitted(t, f, Job{Pipeline: "invert", Frame: gray(i)}))
	}
	for len(f.jobs) != 2 { // it has the long one and one behind it
		runtime.Gosched()
	}
	recalls := 0
	for len(d.inFlight) == 0 || d.hasRoom() && recalls < 3000 {
		d.send(<-f.jobs)
		f.idlers.Add(1)
		d.recall()
		f.idlers.Add(-1)
		for len(f.retries) > 0 {
			f.jobs <- <-f.retries
			recalls++
		}
	}
	if recalls < 500 || recalls >= 3000 || len(d.inFlight) != 1 {
		t.Errorf("%d jobs were recalled, %d are left", recalls, len(d.inFlight))
	}
	go worker.worker.Receive(d.replies)
	if exit := d.stop(t.Context(), proc.CauseStop, "enough"); exit.Cause != proc.CauseStop {
		t.Errorf("it ended so: %v", exit)
	}
	worker.region.Retire()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, future := range futures {
		if r, err := future.Wait(t.Context()); err == nil {
			r.Release()
		} else if code(err) != fault.Closing { // that of the job that we kept
			t.Error(err)
		}
	}
}

// A job that cost a worker is tried again in one that is empty. It does not wait for that behind a job that hangs, while another worker
// has nothing to do.
func TestARetryDoesNotWaitBehindALongJob(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.Spares, c.StallTimeout = 2, -1, 2*time.Second })
	<-f.staffed
	hang, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer hang.Cancel()
	for f.idlers.Load() != 1 {
		runtime.Gosched()
	}
	// By then the worker that hangs has seen that no other has nothing to do.
	r, err := one(t, f, Job{Pipeline: "sleep ms=900 | exit once=" + filepath.Join(t.TempDir(), "once"), Frame: gray(2)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	select {
	case <-hang.Done():
		t.Error("it waited until the other job had ended")
	default:
	}
	if r.Attempts != 2 {
		t.Errorf("%d attempts", r.Attempts)
	}
}

func TestACancelledJobThatWaitsInAWorkerIsNotBegun(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 1 })
	first, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=500", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.Submit(t.Context(), Job{Pipeline: "sleep ms=60000", Frame: gray(2)})
	if err != nil {
		t.Fatal(err)
	}
	for inWorker := false; !inWorker; {
		second.mu.Lock()
		inWorker = second.in != nil
		second.mu.Unlock()
		runtime.Gosched()
	}
	second.Cancel()
	for _, future := range []*Future{first, second} {
		if r, err := future.Wait(t.Context()); err == nil {
			r.Release()
		} else if future == first {
			t.Error(err)
		}
	}
	r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(3)})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	if s := f.Snapshot(); s.Restarts != 0 {
		t.Errorf("it cost %d workers", s.Restarts)
	}
}
