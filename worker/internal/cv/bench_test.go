//go:build opencv

package cv

import (
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

func fullHD(b *testing.B) frame.Frame {
	b.Helper()
	return run(b, "resize dsize=1920x1080 interpolation=cubic", decodedPhoto(b, "space_shuttle.jpg")).Frame
}

func benchmarkProgram(b *testing.B, text string, in frame.Frame) {
	prog := compile(b, text)
	b.SetBytes(int64(len(in.Pix)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := serve.Try(prog, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrayCannyProgram(b *testing.B) { benchmarkProgram(b, "gray | canny", fullHD(b)) }

func BenchmarkGrayCannyStatsProgram(b *testing.B) {
	benchmarkProgram(b, "gray | canny | stats", fullHD(b))
}

// serve.Try makes a block of Go memory for each run. So does the direct loop, that the difference is the program's.
func BenchmarkGrayCannyDirect(b *testing.B) {
	in := fullHD(b)
	gocv.SetNumThreads(1)
	gray := gocv.NewMat()
	defer gray.Close()
	b.SetBytes(int64(len(in.Pix)))
	b.ReportAllocs()
	for b.Loop() {
		src, err := gocv.NewMatFromBytes(in.Height, in.Width, gocv.MatTypeCV8UC3, in.Pix)
		if err != nil {
			b.Fatal(err)
		}
		if err := gocv.CvtColor(src, &gray, gocv.ColorBGRToGray); err != nil {
			b.Fatal(err)
		}
		edges, err := gocv.NewMatFromBytes(in.Height, in.Width, gocv.MatTypeCV8UC1, make([]byte, in.Height*in.Width))
		if err != nil {
			b.Fatal(err)
		}
		if err := gocv.Canny(gray, &edges, 50, 150); err != nil {
			b.Fatal(err)
		}
		src.Close()
		edges.Close()
	}
}

func BenchmarkEchoProgram(b *testing.B) { benchmarkProgram(b, "echo", fullHD(b)) }

func BenchmarkFlipOnePixelProgram(b *testing.B) {
	in, err := frame.New(frame.Geometry{Width: 1, Height: 1, Format: frame.FormatGray, Depth: frame.U8})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkProgram(b, "flip", in)
}

func BenchmarkDecodeProgram(b *testing.B) {
	benchmarkProgram(b, "decode", run(b, "encode", fullHD(b)).Frame)
}

func BenchmarkDecodeDirect(b *testing.B) {
	jpeg := run(b, "encode", fullHD(b)).Frame.Pix
	b.SetBytes(int64(len(jpeg)))
	for b.Loop() {
		dst, err := gocv.NewMatFromBytes(1080, 1920, gocv.MatTypeCV8UC3, make([]byte, 1080*1920*3))
		if err != nil {
			b.Fatal(err)
		}
		if err := gocv.IMDecodeIntoMat(jpeg, gocv.IMReadColor, &dst); err != nil {
			b.Fatal(err)
		}
		dst.Close()
	}
}

func BenchmarkCompile(b *testing.B) {
	engine := New(Options{})
	p, err := pipeline.Parse("gray | canny low=50 high=150")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		prog, err := engine.Compile(p, nil)
		if err != nil {
			b.Fatal(err)
		}
		prog.Close()
	}
}
