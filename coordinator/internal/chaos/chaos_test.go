package chaos

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
	fake.ServeIfWorker()
	goleak.VerifyTestMain(m)
}

func TestOnlyLivingChildrenAreHit(t *testing.T) {
	for _, pid := range []int{-1, 0, 1, os.Getpid(), os.Getppid(), 1 << 30} {
		if c, err := openChild(pid); err == nil {
			c.close()
			t.Errorf("process %d can be hit", pid)
		}
	}
	own := exec.Command("sleep", "60")
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := openChild(own.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = own.Wait()
	if err := c.signal(unix.SIGKILL); !errors.Is(err, unix.ESRCH) {
		t.Errorf("a signal to a child that is gone: %v", err)
	}
	if c, err := openChild(own.Process.Pid); err == nil {
		c.close()
		t.Error("a child that is gone can be hit")
	}
}

func TestKindsAreReadByName(t *testing.T) {
	if got, err := ParseKinds("kill, starve"); err != nil || !slices.Equal(got, []Kind{Kill, Starve}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, wrong := range []string{"", "kill,", "kil", "kill segv"} {
		if got, err := ParseKinds(wrong); err == nil {
			t.Errorf("%q is %v", wrong, got)
		}
	}
}

func TestTheKillerStrikesEveryKindAndTheFarmIsBack(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := farm.Start(t.Context(), farm.Config{
		Worker: exe, Workers: 2, Memory: 64 << 20, StallTimeout: 500 * time.Millisecond, WorkerEnv: []string{"GORACE=atexit_sleep_ms=0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if n := children(); n > 0 {
			t.Errorf("%d children are left", n)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	seen, spare := map[Kind]bool{}, false
	k := Killer{Rate: 50, Kinds: Kinds(), Seed: 3, Snapshot: f.Snapshot, Struck: func(s Strike) {
		spare = spare || s.Worker == 0
		if seen[s.Kind] = true; len(seen) == len(Kinds()) && spare {
			cancel()
		}
	}}
	k.Run(ctx)
	if len(seen) != len(Kinds()) || !spare {
		t.Fatalf("it struck %v only, a spare: %v", seen, spare)
	}
	late := time.After(60 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s := f.Snapshot(); s.Restarts < 2 || slices.ContainsFunc(s.Workers, func(w farm.WorkerStatus) bool { return w.State != farm.Idle }); s = f.Snapshot() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("the workers are not back: %+v", s)
		}
	}
}

func TestTheLedgerFindsWhatIsWrong(t *testing.T) {
	a, b, bad := Outcome{Digest: 1}, Outcome{Digest: 2}, Outcome{Code: fault.Undecodable}
	crash := Outcome{Code: fault.Crashed}
	type entry struct {
		index uint64
		o     Outcome
	}
	tests := []struct {
		name    string
		want    []Outcome
		entries []entry
		frames  uint64
		counts  Counts
	}{
		{"all is well", []Outcome{a, b, bad}, []entry{{0, a}, {1, b}, {2, bad}}, 3, Counts{Frames: 3, Refused: 1}},
		{"the input is repeated", []Outcome{a, b}, []entry{{0, a}, {1, b}, {2, a}, {3, b}}, 4, Counts{Frames: 4}},
		{"one is lost in between", []Outcome{a, b, a}, []entry{{0, a}, {2, a}}, 3, Counts{Frames: 2, Lost: 1}},
		{"the last are lost", []Outcome{a, b, a}, []entry{{0, a}}, 3, Counts{Frames: 1, Lost: 2}},
		{"one comes twice", []Outcome{a, b}, []entry{{0, a}, {0, a}, {1, b}}, 2, Counts{Frames: 3, Duplicated: 1}},
		{"two change places", []Outcome{a, b}, []entry{{1, b}, {0, a}}, 2, Counts{Frames: 2, Disordered: 1}},
		{"one is different", []Outcome{a, b}, []entry{{0, a}, {1, a}}, 2, Counts{Frames: 2, Different: 1}},
		{"one fails that did not", []Outcome{a, b}, []entry{{0, a}, {1, crash}}, 2, Counts{Frames: 2, Failed: 1}},
		{"one fails otherwise than it did", []Outcome{a, bad}, []entry{{0, a}, {1, crash}}, 2, Counts{Frames: 2, Failed: 1}},
		{"one succeeds that did not", []Outcome{a, bad}, []entry{{0, a}, {1, b}}, 2, Counts{Frames: 2, Different: 1}},
		{"nothing to compare with", nil, []entry{{0, a}, {1, bad}, {2, crash}}, 3, Counts{Frames: 3, Refused: 1, Failed: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := Ledger{Want: tt.want}
			for _, e := range tt.entries {
				l.Record(e.index, e.o)
			}
			if got := l.Close(tt.frames); got != tt.counts || got.Wrong() != (tt.counts.Lost+tt.counts.Duplicated+tt.counts.Disordered+tt.counts.Failed+tt.counts.Different > 0) {
				t.Errorf("got %+v, want %+v", got, tt.counts)
			}
		})
	}
}

func TestRecoveryIsFromTheDeathToTheSuccessorsFirstFrame(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	ready := func(ms, worker, pid int, spare bool) farm.Event {
		return farm.Event{Kind: farm.WorkerReady, Time: at(ms), Worker: worker, PID: pid, Spare: spare, Since: at(-1)}
	}
	late := func(e farm.Event) farm.Event {
		e.Since = e.Time
		return e
	}
	ended := func(ms, worker, pid int) farm.Event {
		return farm.Event{Kind: farm.WorkerEnded, Time: at(ms), Worker: worker, PID: pid, Exit: &farm.Exit{}}
	}
	l := NewLives()
	// Worker 1 is killed, and its spare answers first at 30; what is heard of comes in any order.
	l.event(ready(0, 1, 11, false))
	l.Struck(Strike{Time: at(10), Kind: Kill, PID: 11, Worker: 1, Busy: true})
	l.Answered(12, at(0), at(35), 5*time.Millisecond)
	l.Answered(12, at(0), at(30), 5*time.Millisecond)
	l.event(ended(12, 1, 11))
	l.event(ready(13, 1, 12, true))
	// Its successor is stopped at 40, which is noticed at 540, and one that starts cold answers at 800.
	l.Struck(Strike{Time: at(40), Kind: Stop, PID: 12, Worker: 1, Busy: true})
	l.event(ended(540, 1, 12))
	l.event(ready(790, 1, 13, false))
	l.Answered(13, at(0), at(800), 5*time.Millisecond)
	// Worker 2 is killed while it has nothing to do; the number is then that of a process of worker 1, which answers nothing.
	l.event(ready(0, 2, 21, false))
	l.Struck(Strike{Time: at(100), Kind: Kill, PID: 21, Worker: 2})
	l.event(ended(101, 2, 21))
	l.event(ready(102, 2, 22, true))
	l.Struck(Strike{Time: at(900), Kind: Segv, PID: 13, Worker: 1, Busy: true})
	l.event(ended(901, 1, 13))
	l.event(ready(902, 1, 21, true))
	l.Struck(Strike{Time: at(903), Kind: Starve, PID: 21, Worker: 1, Busy: true})
	// The spare of worker 3 was still starting when it was killed.
	l.event(ready(0, 3, 31, false))
	l.Struck(Strike{Time: at(200), Kind: Kill, PID: 31, Worker: 3, Busy: true})
	l.event(ended(201, 3, 31))
	l.event(late(ready(300, 3, 32, true)))
	// A spare is stopped, and found.
	l.Struck(Strike{Time: at(250), Kind: Stop, PID: 41})
	l.event(ended(850, 0, 41))
	l.Answered(32, at(0), at(304), 4*time.Millisecond)
	ms := time.Millisecond
	s := l.Story(4 * ms)
	if !slices.Equal(s.Promoted, Times{16 * ms}) || !slices.Equal(s.Cold, Times{100 * ms, 256 * ms}) || !slices.Equal(s.Noticed, Times{500 * ms, 600 * ms}) || s.Unfinished != 1 {
		t.Errorf("got %+v", s)
	}
	if s.Strikes[Kill] != 3 || s.Strikes[Starve] != 1 {
		t.Errorf("got %v", s.Strikes)
	}
	if s := l.Story(0); !slices.Equal(s.Promoted, Times{15 * ms}) {
		t.Errorf("without a normal time: %v", s.Promoted)
	}
}

// A death at the end of a video was told to have cost the time that the next one took to open.
func TestRecoveryIsWithoutTheTimeWithNothingToDo(t *testing.T) {
	const ms = time.Millisecond
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	tests := []struct {
		name   string
		frames [][2]int // submitted and answered, in order; the last is the successor's first
		want   time.Duration
	}{
		{"always something to do", [][2]int{{0, 90}, {80, 290}, {285, 310}}, 206 * ms},
		{"something to do for who else was there", [][2]int{{0, 90}, {80, 290}, {290, 300}, {250, 310}}, 206 * ms},
		{"nothing between two videos", [][2]int{{0, 90}, {80, 120}, {300, 310}}, 26 * ms},
		{"nothing twice", [][2]int{{0, 150}, {200, 250}, {300, 310}}, 106 * ms},
		{"nothing before the death either", [][2]int{{0, 10}, {40, 60}, {300, 310}}, 6 * ms},
		{"nothing for moments", [][2]int{{0, 110}, {119, 125}, {134, 290}, {250, 310}}, 206 * ms},
		{"frames that come out late", [][2]int{{0, 290}, {10, 20}, {250, 310}}, 206 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLives()
			l.event(farm.Event{Kind: farm.WorkerReady, Time: at(0), Worker: 1, PID: 11})
			for i, f := range tt.frames {
				pid := 99
				if i == len(tt.frames)-1 {
					pid = 12
				}
				l.Answered(pid, at(f[0]), at(f[1]), 4*ms)
			}
			l.Struck(Strike{Time: at(100), Kind: Kill, PID: 11, Worker: 1, Busy: true})
			l.event(farm.Event{Kind: farm.WorkerEnded, Time: at(105), Worker: 1, PID: 11, Exit: &farm.Exit{}})
			l.event(farm.Event{Kind: farm.WorkerReady, Time: at(105), Worker: 1, PID: 12, Spare: true, Since: at(0)})
			if got := l.Story(4 * ms).Promoted; !slices.Equal(got, Times{tt.want}) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestQuantiles(t *testing.T) {
	var times Times
	for i := range 100 {
		times = append(times, time.Duration(i+1))
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := times.Quantile(q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if Times(nil).Quantile(0.5) != 0 {
		t.Error("of nothing")
	}
}

func TestGaugesMeasureThisProcess(t *testing.T) {
	g := Measure(time.Second, 5)
	if g.Memory == 0 || g.Heap == 0 || g.Goroutines == 0 || g.Files == 0 || g.Mappings == 0 || g.Arena != 5 || g.Children != 0 {
		t.Errorf("got %+v", g)
	}
}
