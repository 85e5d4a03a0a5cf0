package wire

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// BenchmarkRingMessage is what a message costs on its way by a ring, both ends together and nobody asleep: it is written, put in,
// taken out and read. shm's BenchmarkRing is the ring's part of that.
func BenchmarkRingMessage(b *testing.B) {
	fullHD := workerpb.FromGeometry(frame.Geometry{Width: 1920, Height: 1080, Format: frame.FormatBGR})
	for _, n := range []int{1, 16} {
		jobs, results := &workerpb.WorkRequest{}, &workerpb.WorkResponse{}
		for i := range uint64(n) {
			jobs.Jobs = append(jobs.Jobs, &workerpb.Job{
				Id: 1e6 + i, Program: 3, Geometry: fullHD, Input: &workerpb.Block{Offset: i << 23, Size: 6 << 20},
				Output: &workerpb.Block{Offset: i << 22, Size: 2 << 20}, Index: 1e6 + i, PtsNs: 1e12,
			})
			results.Results = append(results.Results, &workerpb.Result{
				Id: 1e6 + i, Geometry: fullHD, Size: 2 << 20, RunNs: 12e6, StepNs: []int64{1e6, 11e6},
			})
		}
		b.Run(fmt.Sprintf("%d jobs", n), func(b *testing.B) {
			down, worker, _, _ := rings(b)
			benchmarkRing(b, down, worker, jobs, func() proto.Message { return &workerpb.WorkRequest{} })
		})
		b.Run(fmt.Sprintf("%d results", n), func(b *testing.B) {
			_, _, up, host := rings(b)
			benchmarkRing(b, up, host, results, func() proto.Message { return &workerpb.WorkResponse{} })
		})
	}
}

// benchmarkRing reads each message into one of its own, as both ends do.
func benchmarkRing(b *testing.B, w *shm.RingWriter, r *shm.RingReader, m proto.Message, empty func() proto.Message) {
	var text, buf []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if text, err = (proto.MarshalOptions{}).MarshalAppend(text[:0], m); err != nil {
			b.Fatal(err)
		}
		if !w.Put(text) {
			b.Fatalf("no room for %d bytes", len(text))
		}
		w.Wake()
		if buf, _, err = r.Take(buf[:0]); err != nil {
			b.Fatal(err)
		}
		if err = proto.Unmarshal(buf, empty()); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(text)))
}

// rings returns both ends of a region's.
func rings(b *testing.B) (down *shm.RingWriter, worker *shm.RingReader, up *shm.RingWriter, host *shm.RingReader) {
	b.Helper()
	arena, err := shm.Create(1, 1<<20)
	check(b, err)
	region, err := arena.Region(shm.NewBudget("bench", 1<<20))
	check(b, err)
	offset, size := region.Span()
	ro, rw := arena.Files()
	view, err := shm.Open(dup(b, ro), dup(b, rw), offset, size)
	check(b, err)
	b.Cleanup(func() {
		view.Close()
		region.Retire()
		arena.Close()
	})
	down, host = region.Rings()
	worker, up = view.Rings(-1)
	return down, worker, up, host
}
