// Package fake is a worker engine that obeys scripts: its ops crash, hang, lie and flood when the pipeline tells them to. Tests
// and chaos runs say in the pipeline what they want, so that no misbehaviour is ever built into production code. It is pure Go
// and knows no image: its ops work on bytes.
package fake

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// ServeIfWorker turns this process into a fake worker if a coordinator started it as one, and then never returns. A TestMain
// calls it first: the test binary is then its own worker binary.
func ServeIfWorker() {
	if cfg := handshake.Config(); os.Getenv(cfg.MagicCookieKey) == cfg.MagicCookieValue {
		Main()
	}
}

// Main is a fake worker's whole life. What it does when no job tells it to is told by its environment: see EnvStart and EnvAt.
func Main() {
	misbehaveAtStart(os.Getenv(EnvStart))
	m, err := theMoment()
	m.at("starting", 0)
	serve.MainWith(func(serve.Settings) (serve.Engine, error) { return engine{}, err },
		func(w serve.Wire) serve.Wire { return newLiar(w, m) })
}

type engine struct{}

func (engine) Info() serve.Info {
	ops := make(pipeline.Catalogue, len(deeds))
	for i, d := range deeds {
		ops[i] = pipeline.OpInfo{
			Name: d.name, Family: "fake", Doc: d.doc, Module: "fake", Params: append(d.params, conditions...), Stateful: d.name == "count",
		}
	}
	return serve.Info{Name: "fake", Versions: map[string]string{"fake": "1"}, Ops: ops}
}

func (e engine) Compile(p pipeline.Pipeline, in serve.Inputs) (serve.Program, error) {
	ops := e.Info().Ops
	var out program
	for i := range p {
		args, err := ops.Bind(p, i)
		if err != nil {
			return nil, err
		}
		for _, d := range deeds {
			if d.name == p[i].Op {
				out = append(out, step{args, d, digest(in)})
			}
		}
	}
	return out, nil
}

type program []step

type step struct {
	pipeline.Args
	deed   deed
	inputs map[string]string // digests, by name
}

// digest is what the engine keeps of the inputs, which are gone after Compile.
func digest(in serve.Inputs) map[string]string {
	out := map[string]string{}
	for name, f := range in {
		out[name] = fmt.Sprintf("%v %x", f.Geometry, sha256.Sum256(f.Pix))
	}
	return out
}

// conditions say at which frame an op does what it does: everywhere by default.
var conditions = []pipeline.Param{
	pipeline.Int("index", -1, -1, 1<<30, "Only at the frame of this index."),
	pipeline.String("once", "", "Only if this file does not exist; it does afterwards."),
}

func (s step) applies(in frame.Frame) bool {
	if i := s.Int("index"); i >= 0 && uint64(i) != in.Index {
		return false
	}
	path := s.String("once")
	return path == "" || first(path)
}

// first reports whether the file did not exist. It does afterwards.
func first(path string) bool {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Run does the steps in order. The last one that put something has made the output; the input is the output otherwise.
func (p program) Run(in frame.Frame, out *serve.Output) error {
	out.Same()
	for i, s := range p {
		out.Step(i)
		if !s.applies(in) {
			continue
		}
		if err := s.deed.do(s, in, out); err != nil {
			return err
		}
	}
	return nil
}

// count reports how many frames of its stream this worker has seen.
func count(_ step, _ frame.Frame, out *serve.Output) error {
	kept, err := out.State()
	if err != nil {
		return err
	}
	n, _ := kept.Value.(int)
	kept.Value = n + 1
	return out.Value("count", n+1)
}

// Shapes knows of grow, and of a fail that spares no frame; everything else leaves the frame's geometry.
func (p program) Shapes(in frame.Geometry) ([]frame.Geometry, error) {
	shapes := make([]frame.Geometry, len(p))
	for i, s := range p {
		switch {
		case s.deed.name == "grow":
			in = frame.Geometry{Width: s.Int("n"), Height: 1, Format: frame.FormatGray}
		case s.deed.name == "fail" && s.Int("index") < 0:
			return nil, fault.At(i+1, "fail", fault.Invalid, errors.New("as it was told to"))
		}
		shapes[i] = in
	}
	return shapes, nil
}

func (program) Close() error { return nil }

// forever waits as a busy native call would not: without using a core.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

func invalid(format string, args ...any) error { return fault.Errorf(fault.Invalid, format, args...) }
