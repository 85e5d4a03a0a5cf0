package workerpb

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/cvfarm/cvfarm/shared/frame"
)

var fullHD = frame.Geometry{Width: 1920, Height: 1080, Format: frame.FormatBGR}

// BenchmarkStreamCodec is what a message costs beside its way: writing and reading it, on each side of the stream once.
func BenchmarkStreamCodec(b *testing.B) {
	for _, n := range []int{1, 16} {
		jobs, results := &WorkRequest{}, &WorkResponse{}
		for i := range uint64(n) {
			jobs.Jobs = append(jobs.Jobs, &Job{
				Id: 1e6 + i, Program: 3, Geometry: FromGeometry(fullHD), Input: &Block{Offset: i << 23, Size: 6 << 20},
				Output: &Block{Offset: i << 22, Size: 2 << 20}, Index: 1e6 + i, PtsNs: 1e12,
			})
			results.Results = append(results.Results, &Result{
				Id: 1e6 + i, Geometry: FromGeometry(fullHD), Size: 2 << 20, RunNs: 12e6, StepNs: []int64{1e6, 11e6},
			})
		}
		b.Run(fmt.Sprintf("%d jobs", n), func(b *testing.B) { benchmarkCodec(b, jobs, &WorkRequest{}) })
		b.Run(fmt.Sprintf("%d results", n), func(b *testing.B) { benchmarkCodec(b, results, &WorkResponse{}) })
	}
}

func benchmarkCodec(b *testing.B, m, into proto.Message) {
	var buf []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = (proto.MarshalOptions{}).MarshalAppend(buf[:0], m); err != nil {
			b.Fatal(err)
		}
		if err = proto.Unmarshal(buf, into); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
