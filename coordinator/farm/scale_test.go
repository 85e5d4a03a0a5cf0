package farm

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkScale is a farm of workers that sleep 10 ms a frame, which costs no core: what is left is the coordinator, and its
// other end in the workers. Read the share of what is possible, and that the CPU time of a frame stays the same.
func BenchmarkScale(b *testing.B) {
	for _, workers := range []int{2, 8, 32, 64} {
		b.Run(fmt.Sprintf("%d workers", workers), func(b *testing.B) { benchmarkScale(b, workers) })
	}
}

func benchmarkScale(b *testing.B, workers int) {
	f := benchFarm(b, workers)
	awaitAll(b, f)
	run := func(n int) {
		futures := make(chan *Future, 3*workers)
		for i := range n + cap(futures) {
			if i >= cap(futures) {
				r, err := (<-futures).Wait(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				r.Release()
			}
			if i < n {
				future, err := f.Submit(context.Background(), Job{Pipeline: "sleep ms=10", Frame: gray(i)})
				if err != nil {
					b.Fatal(err)
				}
				futures <- future
			} else if len(futures) == 0 {
				return
			}
		}
	}
	run(10 * workers)
	b.ReportAllocs()
	cpu := cpuSpent()
	b.ResetTimer()
	run(b.N)
	b.StopTimer()
	ideal := 100 * float64(workers)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/ideal*100, "%ideal")
	b.ReportMetric(float64(cpuSpent()-cpu)/float64(b.N)/1e3, "cpu-µs/op")
}

// awaitAll waits until every worker is ready, so that their start is not measured.
func awaitAll(b *testing.B, f *Farm) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	events := f.Events(ctx)
	for {
		ready := 0
		for _, w := range f.Snapshot().Workers {
			if w.State == Idle {
				ready++
			}
		}
		if ready == len(f.supervisors) {
			return
		}
		if _, ok := <-events; !ok {
			b.Fatalf("%d of %d workers are ready", ready, len(f.supervisors))
		}
	}
}

// cpuSpent is this process's CPU time: the coordinator's, where the test binary is one.
func cpuSpent() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchFarm(b *testing.B, workers int) *Farm {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	f, err := Start(context.Background(), Config{Worker: exe, Workers: workers, Memory: 256 << 20, StartTimeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return f
}
