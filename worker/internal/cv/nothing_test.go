//go:build opencv

package cv

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// assertion is how OpenCV's errors begin: a number and its name. It is written for those who read OpenCV's source.
var assertion = regexp.MustCompile(`\(-\d+:|in function '`)

// Of a picture that there is nothing in an op makes something, or says in words what it lacks.
func TestPicturesWithNothingInThemAreRefusedInWords(t *testing.T) {
	engine := New(Options{})
	for _, op := range engine.catalogue {
		if op.Name == "decode" {
			continue
		}
		for _, side := range [][2]int{{1, 1}, {2, 2}, {1, 40}, {40, 1}} {
			for _, format := range []frame.Format{frame.FormatGray, frame.FormatBGR} {
				for _, value := range []float32{0, 0.5, float32(math.NaN())} {
					for _, depth := range []frame.Depth{frame.U8, frame.F32} {
						in := plainPicture(t, frame.Geometry{Width: side[0], Height: side[1], Format: format, Depth: depth}, value)
						p := pipeline.Pipeline{{Op: op.Name, Args: required(t, op)}}
						saysWhy(t, engine, p, in)
					}
				}
			}
		}
	}
}

// plainPicture is a picture of one value. In u8, 1 is 255.
func plainPicture(t *testing.T, g frame.Geometry, value float32) frame.Frame {
	t.Helper()
	f, err := frame.New(g)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Pix {
		switch {
		case g.Depth != frame.F32:
			f.Pix[i] = byte(max(0, value) * 255)
		case i%4 == 0:
			binary.NativeEndian.PutUint32(f.Pix[i:], math.Float32bits(value))
		}
	}
	return f
}

func saysWhy(t *testing.T, engine *Engine, p pipeline.Pipeline, in frame.Frame) {
	t.Helper()
	prog, err := engine.Compile(p, inputsOf(p, in))
	if err == nil {
		defer prog.Close()
		stream := serve.Stream{}
		defer stream.Close()
		_, err = stream.Try(prog, in)
	}
	if err != nil && assertion.MatchString(err.Error()) {
		t.Errorf("%v of %v: %v", p, in.Geometry, err)
	}
}

func TestWhatAPictureLacksIsSaid(t *testing.T) {
	sized := func(w, h int, depth frame.Depth) frame.Geometry {
		return frame.Geometry{Width: w, Height: h, Format: frame.FormatBGR, Depth: depth}
	}
	for _, c := range []struct {
		text string
		in   frame.Geometry
		want string
	}{
		{"grab_cut", sized(2, 2, frame.U8), "2x2 at 0,0 is all of 2x2 bgr u8: what lies outside of it is the background"},
		{"grab_cut rect=0,0,20,20", sized(20, 20, frame.U8), "20x20 at 0,0 is all of 20x20 bgr u8"},
		{"tonemap_drago", sized(20, 20, frame.F32), "20x20 bgr f32 has no light: some pixel must be above 0"},
		{"tonemap_mantiuk", sized(20, 20, frame.F32), "20x20 bgr f32 has no contrast: pixels must differ"},
		{"tonemap_mantiuk", sized(20, 1, frame.F32), "20x1 bgr f32 is too small: it takes 2x2 and more"},
		{"orb", sized(1, 1, frame.U8), "nlevels=8 scaleFactor=1.2 are too large for 1x1 bgr u8, of which nothing is left at the last scale"},
		{"orb nlevels=12 scaleFactor=2", sized(300, 300, frame.U8), "nlevels=12 scaleFactor=2 are too large for 300x300 bgr u8"},
		{"orb nlevels=11 scaleFactor=2 draw=true", sized(400, 300, frame.U8), "nlevels=11 scaleFactor=2 are too large for 400x300 bgr u8"},
		{"orb nlevels=32 scaleFactor=2", sized(300, 300, frame.U8), "nlevels=32 scaleFactor=2 leave nothing of any picture at the last scale"},
		{"match_features image=dot.png", sized(1, 1, frame.U8), "image=dot.png: 1x1 gray u8 is too small for these parameters, or OpenCV has another reason: it needs "},
		{"align image=dot.png", sized(1, 1, frame.U8), "image=dot.png: 1x1 gray u8 is too small for these parameters, or OpenCV has another reason: it needs "},
		{"decolor", sized(5000, 3, frame.U8), "5000x3 bgr u8 is too thin: both sides together must be below 4800, 1600 times the shorter one"},
	} {
		p, in := parse(t, c.text), plainPicture(t, c.in, 0)
		prog, err := New(Options{}).Compile(p, inputsOf(p, in))
		if err == nil {
			_, err = serve.Try(prog, in)
			prog.Close()
		}
		wantFault(t, err, fault.Invalid, c.want)
	}
}

// The scales that orb refuses are those that OpenCV refuses, and no others.
func TestOrbTakesEveryScaleThatOpenCVTakes(t *testing.T) {
	for _, c := range []struct{ side, levels int }{{2, 2}, {3, 3}, {5, 4}, {33, 7}, {65, 8}, {257, 10}, {300, 10}, {1025, 12}} {
		for _, side := range []int{c.side, c.side - 1} {
			in := testPicture(t, frame.Geometry{Width: side, Height: side + 7, Format: frame.FormatGray})
			src, err := gocv.NewMatFromBytes(in.Height, in.Width, matType(in.Geometry), in.Pix)
			if err != nil {
				t.Fatal(err)
			}
			args := pipeline.Args{"nfeatures": 500, "scaleFactor": 2.0, "nlevels": c.levels, "edgeThreshold": 31, "firstLevel": 0, "WTA_K": 2,
				"scoreType": "harris", "patchSize": 31, "fastThreshold": 20}
			_, direct := detect(args, orb, src, false, 10)
			src.Close()
			_, err = serve.Try(compile(t, fmt.Sprintf("orb scaleFactor=2 nlevels=%d", c.levels)), in)
			if (err == nil) != (direct == nil) {
				t.Errorf("%d levels of %v: %v, but of OpenCV %v", c.levels, in.Geometry, err, direct)
			}
		}
	}
}
