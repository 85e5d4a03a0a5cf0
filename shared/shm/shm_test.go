package shm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/cvfarm/cvfarm/shared/fault"
)

func newArena(t *testing.T, regions int, limit int64) (*Arena, *Budget) {
	t.Helper()
	a, err := Create(regions, limit)
	if err != nil {
		t.Fatal(err)
	}
	return a, NewBudget("tests", limit)
}

func region(t *testing.T, a *Arena, b *Budget) *Region {
	t.Helper()
	r, err := a.Region(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The allocator against a model: leases never overlap, the budget is never exceeded, whoever waits is served when there is
// room, and in the end nothing is left.
func TestTheAllocatorKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 1 << 20
		a, err := Create(3, limit)
		if err != nil {
			t.Fatal(err)
		}
		b := NewBudget("tests", limit)
		var regions []*Region
		for range 3 {
			r, err := a.Region(b)
			if err != nil {
				t.Fatal(err)
			}
			regions = append(regions, r)
		}
		held := map[*Lease]byte{}
		var mark byte
		check := func() {
			var spans [][2]int64
			for l, m := range held {
				if l.Bytes()[0] != m || l.Bytes()[l.Size()-1] != m {
					t.Fatal("somebody else wrote into a lease")
				}
				spans = append(spans, [2]int64{l.Offset(), l.Offset() + l.Size()})
			}
			for i, x := range spans {
				for _, y := range spans[:i] {
					if x[0] < y[1] && y[0] < x[1] {
						t.Fatalf("leases overlap: %v %v", x, y)
					}
				}
			}
			if b.leased+b.warm > limit || b.leased < 0 || b.warm < 0 {
				t.Fatalf("budget %d: leased %d, warm %d", limit, b.leased, b.warm)
			}
			if live, _ := a.Live(); live != b.leased+b.warm {
				t.Fatalf("live %d, leased %d + warm %d", live, b.leased, b.warm)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"lease": func(t *rapid.T) {
				r := regions[rapid.IntRange(0, 2).Draw(t, "region")]
				n := rapid.IntRange(1, 300_000).Draw(t, "bytes")
				l := r.TryLease(n)
				if l == nil {
					if b.leased+pages(int64(n)) <= limit {
						t.Fatalf("%d bytes refused with %d of %d leased", n, b.leased, limit)
					}
					return
				}
				mark++
				l.Bytes()[0], l.Bytes()[n-1] = mark, mark
				held[l] = mark
			},
			"release": func(t *rapid.T) {
				for l := range held {
					l.Release()
					delete(held, l)
					break
				}
			},
			"shrink": func(t *rapid.T) {
				for l, m := range held {
					l.Shrink(int(l.Size()/3) + 1)
					l.Bytes()[l.Size()-1] = m
					break
				}
			},
			"": func(*rapid.T) { check() },
		})
		for l := range held {
			l.Release()
		}
		for _, r := range regions {
			r.Retire()
		}
		if live, _ := a.Live(); live != 0 {
			t.Fatalf("%d bytes are left", live)
		}
		a.Close()
		if a.mem != nil {
			t.Fatal("the arena is still mapped")
		}
	})
}

func TestWhoWaitsIsServedInOrder(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	all := r.TryLease(1 << 20)
	got := make(chan Granted, 3)
	first, err1 := r.Request(1<<19, got)
	second, err2 := r.Request(1, got)
	third, err3 := r.Request(1<<19, got)
	fourth, err4 := r.Request(1, got)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || r.TryLease(1) != nil {
		t.Fatal("a late comer was served first", err1, err2, err3, err4)
	}
	if !fourth.Cancel() || fourth.Cancel() {
		t.Fatal("a request in line can be cancelled once")
	}
	all.Release()
	g1, g2 := <-got, <-got
	if g1.Request != first || g2.Request != second || len(got) != 0 || first.Cancel() {
		t.Fatal("served in another order, or more than there was")
	}
	g1.Lease.Release()
	g3 := <-got
	if g3.Request != third {
		t.Fatal("the third was not next")
	}
	g2.Lease.Release()
	g3.Lease.Release()
	_, err := r.Request(1<<20+1, got)
	if code, _ := fault.CodeOf(err); code != fault.Invalid {
		t.Fatalf("more than the whole budget: %v", err)
	}
}

func TestALeaseThatIsWaitedForEndsWithItsContext(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	all := r.TryLease(1 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Lease(ctx, 1); err != context.Canceled {
		t.Fatalf("got %v", err)
	}
	all.Release()
	l, err := r.Lease(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
}

func TestARegionIsFreeOnlyWhenItsLastLeaseIs(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	l := r.TryLease(100)
	l.Retain()
	r.Retire()
	r.Retire()
	l.Release()
	if _, err := a.Region(b); err == nil {
		t.Fatal("a region with a lease was given away")
	}
	a.Close()
	l.Bytes()[0] = 1 // still mapped
	l.Release()
	if a.mem != nil {
		t.Fatal("the arena is still mapped after its last lease")
	}
	if _, err := a.Region(b); err == nil {
		t.Fatal("a closed arena gave a region")
	}
}

// After the farm had closed, a reader still got memory of a region whose arena was no longer mapped.
func TestARetiredRegionLendsNothing(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	r.Retire()
	a.Close()
	if l := r.TryLease(1); l != nil {
		t.Fatal("a lease of memory that is gone")
	}
	_, err := r.Lease(t.Context(), 1)
	if code, _ := fault.CodeOf(err); code != fault.Closing {
		t.Fatalf("it refuses with %v", err)
	}
}

func TestAnIdleBudgetKeepsNoMoreThanItsLimitWarm(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	r := region(t, a, b)
	for n := 4096; n <= 1<<20; n += 4096 {
		l := r.TryLease(n)
		if l == nil {
			t.Fatalf("%d bytes refused by an idle budget", n)
		}
		l.Bytes()[n-1] = 1
		l.Release()
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(a.fd.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	if kept := st.Blocks * 512; kept > 1<<20+4096 {
		t.Fatalf("%d bytes of pages are in memory, the budget is %d", kept, 1<<20)
	}
}

func open(t *testing.T, a *Arena, r *Region) *View {
	t.Helper()
	dup := func(f *os.File) *os.File {
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fd), "dup")
	}
	ro, rw := a.Files()
	off, size := r.Span()
	v, err := Open(dup(ro), dup(rw), off, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func TestAWorkerReadsEverythingAndWritesItsOwnRegion(t *testing.T) {
	a, b := newArena(t, 2, 1<<20)
	host, own := region(t, a, b), region(t, a, b)
	v := open(t, a, own)
	in, out := host.TryLease(100), own.TryLease(100)
	copy(in.Bytes(), "input")
	got, err := v.In(uint64(in.Offset()), 100)
	if err != nil || !bytes.HasPrefix(got, []byte("input")) {
		t.Fatalf("%q, %v", got, err)
	}
	mine, err := v.Out(uint64(out.Offset()), 100)
	if err != nil {
		t.Fatal(err)
	}
	copy(mine, "output")
	if !bytes.HasPrefix(out.Bytes(), []byte("output")) {
		t.Fatal("the coordinator does not see what the worker wrote")
	}
	v.Report(3, 42)
	if job, steps := own.Lane(3); job != 42 || steps != 1 {
		t.Fatalf("lane says job %d, step %d", job, steps)
	}
	total := uint64(len(a.mem))
	for _, ref := range [][2]uint64{{uint64(in.Offset()), 100}, {total, 1}, {1 << 63, 1 << 63}, {uint64(out.Offset()), 1 << 62}, {0, ^uint64(0)}} {
		if _, err := v.Out(ref[0], ref[1]); err == nil {
			t.Errorf("block %v can be written", ref)
		}
	}
	for _, ref := range [][2]uint64{{total, 1}, {total - 1, 2}, {^uint64(0), 2}, {2, ^uint64(0)}} {
		if _, err := v.In(ref[0], ref[1]); err == nil {
			t.Errorf("block %v can be read", ref)
		}
	}
}

func TestTheKernelRefusesAWritableMapOfTheReadOnlyFile(t *testing.T) {
	a, _ := newArena(t, 1, 1<<20)
	ro, _ := a.Files()
	if _, err := mapShared(ro, 0, 4096, true); err == nil {
		t.Fatal("the read-only file was mapped writable")
	}
	if err := ro.Truncate(0); err == nil {
		t.Fatal("the file was cut")
	}
	if err := a.fd.Truncate(0); err == nil {
		t.Fatal("the sealed file was cut")
	}
}

func TestOpenRefusesAFileThatIsNotSealed(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(g, f, 0, 4096); err == nil {
		t.Fatal("a plain file was taken for an arena")
	}
}

func TestOneReleaseTooManyPanics(t *testing.T) {
	a, b := newArena(t, 1, 1<<20)
	l := region(t, a, b).TryLease(1)
	l.Release()
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	l.Release()
}

// The hot path: a block of a size that was lent before, a frame of 640×480. The others are beside many blocks of that size that
// are lent, and from several goroutines.
func BenchmarkLeaseAndRelease(b *testing.B) {
	const size = 640 * 480 * 3
	for _, lent := range []int{0, 256} {
		b.Run(fmt.Sprintf("beside %d", lent), func(b *testing.B) {
			r := benchRegion(b)
			for range lent {
				defer r.TryLease(size).Release()
			}
			b.ReportAllocs()
			for b.Loop() {
				r.TryLease(size).Release()
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		r := benchRegion(b)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.TryLease(size).Release()
			}
		})
	})
}

func benchRegion(b *testing.B) *Region {
	b.Helper()
	a, err := Create(1, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	r, err := a.Region(NewBudget("bench", 1<<30))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Retire(); a.Close() })
	return r
}
