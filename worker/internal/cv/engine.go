//go:build opencv

package cv

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// Options of an engine.
type Options struct {
	// Threads is how many threads OpenCV may use for one op. Raise it where a single picture must be ready sooner and cores
	// idle; workers × threads should not exceed the CPUs. Defaults to 1.
	Threads int
}

// Engine is OpenCV behind serve's interfaces. It is safe for concurrent use.
type Engine struct {
	ops       map[string]op
	catalogue pipeline.Catalogue
	known     pipeline.Catalogue // the catalogue, then what is absent
}

var _ serve.VideoEngine = (*Engine)(nil)

// New returns an engine. OpenCV's number of threads is one for the whole process: the last New decides.
func New(opts Options) *Engine {
	gocv.SetNumThreads(max(opts.Threads, 1))
	e := &Engine{ops: map[string]op{}}
	for _, o := range allOps() {
		e.ops[o.Name] = o
		e.catalogue = append(e.catalogue, o.OpInfo)
	}
	e.known = slices.Concat(e.catalogue, absent(gocv.OpenCVVersion()))
	return e
}

// allOps is the catalogue, family by family, in the order in which people read it.
func allOps() []op {
	return slices.Concat(
		family("codec", codecOps()),
		family("colour", colourOps()),
		family("arithmetic", arithmeticOps()),
		family("geometry", geometryOps()),
		family("filters", filterOps()),
		family("edges", edgeOps()),
		family("thresholds", thresholdOps()),
		family("morphology", morphologyOps()),
		family("histograms", histogramOps()),
		family("photo", photoOps()),
		family("data", dataOps()),
		family("measures", measureOps()),
		family("lines", lineOps()),
		family("contours", contourOps()),
		family("segmentation", segmentationOps()),
		family("corners", cornerOps()),
		family("features", featureOps()),
		family("calibration", calibrationOps()),
		family("drawing", drawingOps()),
		family("blending", blendingOps()),
		family("comparison", comparisonOps()),
		family("matching", matchingOps()),
		family("motion", motionOps()),
		recentOps(),
	)
}

func family(name string, ops []op) []op {
	for i := range ops {
		ops[i].Family = name
	}
	return ops
}

// Info describes the engine.
func (e *Engine) Info() serve.Info {
	return serve.Info{
		Name: "opencv",
		Versions: map[string]string{
			"opencv": gocv.OpenCVVersion(),
			"gocv":   gocv.Version(),
			"go":     runtime.Version(),
		},
		Ops:     e.catalogue,
		Absent:  e.known[len(e.catalogue):],
		Modules: modules(gocv.OpenCVVersion()),
	}
}

// Compile makes a program of p: arguments are bound, and the order of the steps is checked as far as it can be without a picture.
func (e *Engine) Compile(p pipeline.Pipeline, in serve.Inputs) (serve.Program, error) {
	if len(p) == 0 {
		return nil, fault.Errorf(fault.Invalid, "the pipeline has no steps")
	}
	prog := &program{}
	for i := range p {
		if err := e.add(prog, p, i, in); err != nil {
			prog.Close()
			return nil, err
		}
	}
	return prog, nil
}

func (e *Engine) add(prog *program, p pipeline.Pipeline, i int, in serve.Inputs) error {
	args, err := e.known.Bind(p, i)
	if err != nil {
		return err
	}
	s, err := e.ops[p[i].Op].step(args, in)
	prog.names, prog.steps = append(prog.names, p[i].Op), append(prog.steps, s)
	switch {
	case err != nil:
		// told below
	case s.decode != nil && i > 0:
		err = errors.New("must be the first step")
	case s.encode != nil && i < len(p)-1:
		err = fmt.Errorf("must be the last step, %s follows it", p[i+1].Op)
	}
	if err == nil {
		return nil
	}
	return blame(i, p[i].Op, err)
}

// info describes an op. Without WithReturns it gives pictures of the geometry that it was given; without WithExample its name
// alone is an example.
func info(name, module, doc string, params ...pipeline.Param) pipeline.OpInfo {
	return pipeline.OpInfo{Name: name, KnownAs: cv2Names(name), Doc: doc, Module: module, Params: params, Returns: sameGeometry, Example: name}
}

// stateful is an op that keeps something from frame to frame.
func stateful(o pipeline.OpInfo) pipeline.OpInfo { o.Stateful = true; return o }

const sameGeometry = "a picture of the same size, format and depth"
