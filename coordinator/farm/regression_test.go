package farm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// Results 1 to 5 of an ordered stream held all of the memory while result 0, which they had to wait for, waited for memory.
func TestAnOrderedStreamDoesNotStarveItsOwnHead(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory = 4 << 20 })
	next := 0
	for r, err := range f.Map(t.Context(), "sleep ms=100 index=0 | grow n=500000", grays(20)) {
		if err != nil || int(r.Index) != next {
			t.Fatal(next, err)
		}
		next++
		r.Release()
	}
}

// putAnswer sent on the queue's channel while the consumer's break closed it.
func TestMapMayBeLeftAtTheFirstError(t *testing.T) {
	f := newFarm(t)
	for range 2000 {
		for _, err := range f.Map(t.Context(), "no_such_op", grays(1000)) {
			if err != nil {
				break
			}
		}
	}
}

// big is a frame of half a megabyte.
func big(i int) frame.Frame {
	g := frame.Geometry{Width: 1000, Height: 500, Format: frame.FormatGray}
	return frame.Frame{Geometry: g, Pix: make([]byte, 1000*500), Index: uint64(i)}
}

// A break waited for a Put, which waited for memory that the caller held.
func TestABreakDoesNotWaitForMemoryThatTheCallerHolds(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory = 4 << 20 })
	bigs := func(yield func(frame.Frame, error) bool) {
		for i := 0; yield(big(i), nil); i++ {
		}
	}
	var kept []*Result
	for r, err := range f.Map(deadline(t, 10*time.Second), "echo", bigs) {
		if err != nil {
			t.Fatal(err)
		}
		if kept = append(kept, r); len(kept) == 4 {
			break
		}
	}
	for _, r := range kept {
		r.Release()
	}
}

// A Submit that waited for memory did not see the farm close, and Close waited for it.
func TestCloseEndsASubmitThatWaitsForMemory(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Memory = 4 << 20 })
	var kept []*Result
	for i := range 4 {
		r, err := one(t, f, Job{Pipeline: "echo", Frame: big(i)})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, r)
	}
	refused := make(chan error)
	go func() {
		_, err := f.Submit(context.Background(), Job{Pipeline: "echo", Frame: big(4)})
		refused <- err
	}()
	for !f.ins.Waiting(f.arena) {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = f.Close(ctx)
	if err := <-refused; code(err) != fault.Closing {
		t.Fatalf("got %v", err)
	}
	for _, r := range kept {
		r.Release()
	}
}

// A worker that was stopped while it was idle made its next job fail for good, though the job never began.
func TestAJobGivenToAStoppedWorkerIsDoneByAnother(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers, c.Timeout = 1, 300*time.Millisecond })
	pid := f.Snapshot().Workers[0].PID
	if pid == 0 {
		t.Fatal("Start returned, and no worker is there")
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(3)})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
}

// Each grant of memory set the deadline back.
func TestADeadlineCountsAcrossGrants(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Timeout = 300 * time.Millisecond })
	text := "sleep ms=200 | grow n=100000 | sleep ms=200 | grow n=200000 | sleep ms=200"
	if _, err := one(t, f, Job{Pipeline: text, Frame: gray(1)}); code(err) != fault.Deadline {
		t.Fatalf("got %v", err)
	}
}

// Quick jobs were prefetched by the hundred, behind a slow one, while another worker was idle. One may wait there.
func TestQuickJobsDoNotQueueUpBehindASlowOne(t *testing.T) {
	f := newFarm(t)
	for r, err := range f.Map(t.Context(), "echo", grays(500)) {
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
	answers := make(chan *Future, 201)
	var all []*Future
	for i := range 201 {
		text := "echo"
		if i == 0 {
			text = "hang"
		}
		future, err := f.Submit(t.Context(), Job{Pipeline: text, Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, future)
		go func() { <-future.Done(); answers <- future }()
	}
	late := deadline(t, 10*time.Second)
	for n := range 199 {
		select {
		case <-answers:
		case <-late.Done():
			t.Fatalf("%d of 200 quick jobs were done beside the slow one", n)
		}
	}
	for _, future := range all {
		future.Cancel()
	}
}

// A job was given to a worker behind one that hung, for the time of its deadline, though another worker had nothing to do.
func TestNoJobWaitsBehindAHangWhileAnotherWorkerIsIdle(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Timeout = time.Hour })
	for i := range 20 {
		for f.idlers.Load() < 2 {
			runtime.Gosched()
		}
		hang, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(i)})
			if err != nil {
				t.Fatal(err)
			}
			r.Release()
		}
		hang.Cancel()
	}
}

// A frame whose pixels had been replaced was sent with its old ones.
func TestAFrameWithOtherPixelsIsSentWithThose(t *testing.T) {
	f := newFarm(t)
	r, err := one(t, f, Job{Pipeline: "invert", Frame: gray(3)})
	if err != nil {
		t.Fatal(err)
	}
	changed := r.Frame
	changed.Pix = gray(9).Pix
	again, err := one(t, f, Job{Pipeline: "echo", Frame: changed})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Release()
	if again.Pix[0] != 9 {
		t.Fatalf("got %d", again.Pix[0])
	}
}

// `defer r.Release()` after Submit had taken r.Frame released the memory twice.
func TestAResultMayBeReleasedAfterItsFrameWasTaken(t *testing.T) {
	f := newFarm(t)
	r, err := one(t, f, Job{Pipeline: "invert", Frame: gray(3)})
	if err != nil {
		t.Fatal(err)
	}
	again, err := one(t, f, Job{Pipeline: "echo", Frame: r.Frame})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	if again.Pix[0] != ^byte(3) {
		t.Fatal("the pixels are gone")
	}
	again.Release()
}

// An engine without videos, and a caller's own short patience, were told as a crash and as a worker that cannot start.
func TestWhyAReaderCannotBeOpened(t *testing.T) {
	f := newFarm(t)
	for _, name := range []string{"clip.mp4", "\xff.mp4"} {
		if _, err := f.OpenReader(t.Context(), name); code(err) != fault.Invalid || !strings.Contains(err.Error(), "reads and writes no videos") {
			t.Errorf("%q: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.OpenReader(ctx, "clip.mp4"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a short patience: %v", err)
	}
}

// Supervisors were started while the list of them was still written.
func TestManyWorkersThatCannotStart(t *testing.T) {
	for range 5 {
		if _, err := Start(t.Context(), Config{Worker: "/no/such", Workers: 64, Memory: 4 << 20}); err == nil {
			t.Fatal("it started")
		}
	}
}

// Every kill for a deadline counted as a failure of the worker, and the farm slept more than it worked.
func TestDeadlinesDoNotMakeTheFarmPause(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Timeout = 30 * time.Millisecond })
	late, done := 0, 0
	for r, err := range f.Map(t.Context(), "hang index=1 | hang index=3 | hang index=5 | hang index=7 | index", grays(12)) {
		switch {
		case code(err) == fault.Deadline:
			late++
		case err != nil:
			t.Fatal(err)
		default:
			done++
			r.Release()
		}
	}
	if late != 4 || done != 8 {
		t.Fatalf("%d late, %d done", late, done)
	}
}

func TestTheStoryOfAFailureNamesItsFrame(t *testing.T) {
	e := &Error{Code: fault.Crashed, Message: "it crashed", Index: 4, Source: "a.jpg"}
	if got := fmt.Sprint(e); got != "a.jpg: it crashed" || code(e) != fault.Crashed {
		t.Fatal(got)
	}
}
