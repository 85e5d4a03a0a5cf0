//go:build opencv && gocv_specific_modules

package cv

import (
	"strings"
	"testing"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// testFiles are the files that examples name. The ops of this build need none.
func testFiles() map[string][]byte { return nil }

// recentPipelines are those of the cases of ops that this build lacks.
func recentPipelines() []string { return nil }

func TestAnOpOfAnAbsentModuleSaysWhichOpenCVHasIt(t *testing.T) {
	e := New(Options{})
	for _, op := range e.Info().Absent {
		if _, there := e.Info().Ops.Find(op.Name); there {
			t.Errorf("%s is absent and there", op.Name)
		}
		if op.Missing == "" || !strings.Contains(op.Missing, op.Needs) {
			t.Errorf("%s needs %q, missing is %q", op.Name, op.Needs, op.Missing)
		}
	}
	p, err := pipeline.Parse("gray | detect_faces model=yunet.onnx")
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Compile(p, nil)
	wantFault(t, err, fault.Invalid, "step 2, detect_faces: needs OpenCV 4.9 or newer with objdetect; this worker has "+gocv.OpenCVVersion())
}
