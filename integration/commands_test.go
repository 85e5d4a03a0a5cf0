//go:build opencv

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// opInfo is what `ops --json` promises.
type opInfo struct {
	Name, Family, Doc, Returns, Example, Module string
	Params                                      []map[string]any
}

func catalogue(t *testing.T) []opInfo {
	t.Helper()
	p := run(t, "ops", "--json").exits(0)
	var ops []opInfo
	if err := json.Unmarshal(p.stdout.Bytes(), &ops); err != nil {
		t.Fatal(err)
	}
	return ops
}

func TestOpsAreAllThereAndDocumented(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`decode gray cvt_color canny blur gaussian_blur median_blur bilateral resize crop flip rotate threshold
		adaptive_threshold equalize_hist dilate erode morphology sobel laplacian invert bitwise_not stats echo encode`)
	have := map[string]opInfo{}
	for _, op := range catalogue(t) {
		have[op.Name] = op
		if op.Doc == "" || op.Module == "" || op.Family == "" || op.Returns == "" || op.Example == "" || strings.Contains(op.Doc, "\n") {
			t.Errorf("op %s does not tell all: %+v", op.Name, op)
		}
		for _, p := range op.Params {
			if p["name"] == "" || p["type"] == nil || p["doc"] == nil {
				t.Errorf("op %s has a parameter without name, type or doc: %v", op.Name, p)
			}
		}
	}
	for _, name := range want {
		if _, ok := have[name]; !ok {
			t.Errorf("there is no op %s", name)
		}
	}
}

func TestCommandsAnswer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		args  []string
		code  int
		says  string
		lists []string
	}{
		{"help has examples", []string{"--help"}, 0, "", []string{"run", "ops", "doctor", "version", "completion", "coordinator run clip.mp4"}},
		{"run's help has examples", []string{"run", "--help"}, 0, "", []string{"--workers", "--isolation", "--report", "rtsp://"}},
		{"version", []string{"version"}, 0, "", []string{"cvfarm", "go1.", "protocol"}},
		{"ops", []string{"ops"}, 0, "", []string{"canny", "stats"}},
		{"one op", []string{"ops", "canny"}, 0, "", []string{"low", "high", "apertureSize", "DEFAULT"}},
		{"show is the long form", []string{"ops", "show", "canny"}, 0, "", []string{"known as  cv2.Canny", "returns   gray u8", "example   gray | canny"}},
		{"search knows OpenCV's names", []string{"ops", "search", "cvtColor"}, 0, "", []string{"cvt_color"}},
		{"an op of newer versions of OpenCV is described", []string{"ops", "show", "detect_qr_codes"}, 0, "", []string{"decode", "algorithm", "OpenCV 4.9 or newer with objdetect"}},
		{"and found", []string{"ops", "search", "qr"}, 0, "", []string{"detect_qr_codes"}},
		{"by the name of the function that it calls", []string{"ops", "search", "createCLAHE"}, 0, "", []string{"clahe"}},
		{"search finds nothing", []string{"ops", "search", "coffee"}, 1, "no op has coffee", nil},
		{"an op that is not there, with the nearest name", []string{"ops", "cany"}, 2, "did you mean canny?", nil},
		{"a command that is not there, with the nearest name", []string{"rum"}, 2, "did you mean run?", nil},
		{"completion for bash", []string{"completion", "bash"}, 0, "", []string{"coordinator"}},
		{"completion of flags' values", []string{"__complete", "run", "--isolation", ""}, 0, "", []string{"process", "thread"}},
		{"version takes no arguments", []string{"version", "x"}, 2, "takes no arguments", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := run(t, c.args...).exits(c.code, c.says)
			for _, want := range c.lists {
				if !strings.Contains(p.stdout.String(), want) {
					t.Errorf("%q does not print %q, but:\n%s", c.args, want, p.stdout.String())
				}
			}
		})
	}
}

// worker/OPS.md is what `make ops` writes, with whatever OpenCV: ops that this one lacks are described, too.
func TestTheReferencePageIsFresh(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../worker/OPS.md")
	if err != nil {
		t.Fatal(err)
	}
	if fresh := run(t, "ops", "--markdown").exits(0).stdout.String(); string(page) != fresh {
		t.Errorf("worker/OPS.md is not what coordinator ops --markdown prints: run make ops\n%s", firstDifference(string(page), fresh))
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(a, b string) string {
	ours, theirs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(ours), len(theirs)) {
		if ours[i] != theirs[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, ours[i], theirs[i])
		}
	}
	return fmt.Sprintf("%d lines, and %d", len(ours), len(theirs))
}

func TestDoctorKnowsTheMachine(t *testing.T) {
	t.Parallel()
	p := run(t, "doctor", "--json").exits(0)
	var d struct {
		Healthy  bool
		CPUQuota int `json:"cpu_quota"`
		Versions map[string]string
		Modules  []struct {
			Name, Why string
			Present   bool
		}
		Kernel, Limits []struct{ Name, Status, Text string }
	}
	if err := json.Unmarshal(p.stdout.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	opencv := strings.TrimSpace(string(output(t, "pkg-config", "--modversion", "opencv4")))
	if !d.Healthy || d.CPUQuota < 1 || d.Versions["gocv"] != "0.43.0" || d.Versions["opencv"] != opencv {
		t.Errorf("the doctor found %+v; OpenCV is %s", d, opencv)
	}
	if len(d.Modules) == 0 || len(d.Kernel) == 0 || len(d.Limits) == 0 {
		t.Errorf("the doctor looked at too little: %s", p.stdout.String())
	}
	for _, m := range d.Modules {
		if !m.Present && m.Why == "" {
			t.Errorf("module %s is absent, and nobody knows why", m.Name)
		}
	}
	text := run(t, "doctor").exits(0).stdout.String()
	for _, want := range []string{opencv, "quota", "memfd", "open files", "imgproc"} {
		if !strings.Contains(text, want) {
			t.Errorf("the doctor does not mention %s:\n%s", want, text)
		}
	}
}

func TestDoctorFindsAWorkerThatCannotStart(t *testing.T) {
	t.Parallel()
	p := run(t, "doctor", "--worker", "/bin/true").exits(1, "cannot work")
	if !strings.Contains(p.stdout.String(), "/bin/true") || !strings.Contains(p.stdout.String(), "bad") {
		t.Errorf("the doctor does not name the worker:\n%s", p.stdout.String())
	}
}
