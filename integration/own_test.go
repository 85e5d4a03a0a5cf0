package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// ownWorker builds the README's worker, and returns its path.
func ownWorker(t *testing.T, dir string) string {
	t.Helper()
	mine := filepath.Join(dir, "mine")
	if out, err := exec.Command("go", "build", "-o", mine, "../worker/example").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return mine
}

// A worker of somebody's own, in which there is no OpenCV, is used from Go as any other.
func TestAWorkerOfOnesOwnServesGo(t *testing.T) {
	f, err := farm.Start(t.Context(), farm.Config{Worker: ownWorker(t, t.TempDir()), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	jpeg, err := os.ReadFile(filepath.Join(goList(t, "gocv.io/x/gocv"), "images", "face.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	do := func(pipeline string, in frame.Frame) *farm.Result {
		t.Helper()
		future, err := f.Submit(t.Context(), farm.Job{Pipeline: pipeline, Frame: in, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		r, err := future.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Release)
		return r
	}
	plain := do("decode", frame.Encoded(jpeg))
	black, want := 0, bytes.Clone(plain.Pix)
	for i, v := range want {
		if v < 80 {
			want[i], black = 0, black+1
		}
	}
	got := do("decode | blacken level=80", frame.Encoded(jpeg))
	if got.Geometry != plain.Geometry || !bytes.Equal(got.Pix, want) {
		t.Errorf("%v is not %v with everything below 80 black", got.Geometry, plain.Geometry)
	}
	if v := got.Values; len(v) != 1 || v[0].Op != "blacken" || string(v[0].JSON) != `{"black":`+strconv.Itoa(black)+`}` || v[0].Step != 1 {
		t.Errorf("it found %+v, want %d black", v, black)
	}
	_, err = f.Submit(t.Context(), farm.Job{Pipeline: "blacken level=256", Frame: frame.Encoded(jpeg)})
	if code, _ := fault.CodeOf(err); code != fault.Invalid {
		t.Errorf("level=256: %v", err)
	}
}
