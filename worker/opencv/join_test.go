//go:build opencv

package opencv_test

import (
	"fmt"
	"testing"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/opencv"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func open(settings serve.Settings) (serve.Engine, error) {
	cv, err := opencv.New(settings)
	if err != nil {
		return nil, err
	}
	return serve.Join(cv, serve.Ops("mine", blacken())), nil
}

// blacken makes black what is less than 100.
func blacken() serve.Op {
	return serve.Op{
		OpInfo: pipeline.OpInfo{Name: "blacken", Doc: "Make black what is dark."},
		Run: func(_ pipeline.Args, in frame.Frame, out *serve.Output) error {
			dst, err := out.Pixels(in.Geometry)
			for i := range dst {
				if dst[i] = in.Pix[i]; dst[i] < 100 {
					dst[i] = 0
				}
			}
			return err
		},
	}
}

func TestOpsMixWithThoseOfOpenCV(t *testing.T) {
	engine, err := open(serve.Settings{Threads: 1, Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := engine.(serve.VideoEngine); !ok {
		t.Error("it reads no videos")
	}
	in := frame.Frame{Geometry: frame.Geometry{Width: 2, Height: 1, Format: frame.FormatBGR}, Pix: []byte{90, 90, 90, 200, 200, 200}}
	for text, want := range map[string]string{
		"blacken":                      "[0 0 0 200 200 200]",
		"gray | blacken":               "[0 200]",
		"gray | blacken | bitwise_not": "[255 55]",
		"blacken | gray":               "[0 200]",
		"blacken | gray | blacken":     "[0 200]",
		"gray | blacken | stats":       "[0 200]",
	} {
		p, err := pipeline.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		program, err := engine.Compile(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := serve.Try(program, in)
		if got := fmt.Sprint(out.Frame.Pix); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
		if err := program.Close(); err != nil {
			t.Error(err)
		}
	}
}
