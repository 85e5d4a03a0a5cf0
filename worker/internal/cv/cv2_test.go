//go:build opencv

package cv

import (
	"encoding/json"
	"os/exec"
	"slices"
	"testing"
)

func TestEveryOpSaysWhatItIsInCV2(t *testing.T) {
	info, names := New(Options{}).Info(), []string{}
	for _, op := range info.Ops {
		names = append(names, op.KnownAs...)
	}
	for _, name := range pythonLacks(t, names) {
		t.Errorf("Python knows no %s", name)
	}
	all := slices.Concat(info.Ops, info.Absent)
	for _, op := range all {
		if _, told := inCV2[op.Name]; !told {
			t.Errorf("nothing says what %s is in cv2", op.Name)
		}
	}
	if len(inCV2) != len(all) {
		t.Errorf("there are %d ops, and names in cv2 of %d", len(all), len(inCV2))
	}
}

// pythonLacks returns those of the names that Python's cv2 does not have.
func pythonLacks(t *testing.T, names []string) []string {
	t.Helper()
	const code = `import cv2, functools, json, sys
lacks = lambda name: functools.reduce(lambda o, n: getattr(o, n, None), name.split(".")[1:], cv2) is None
print(json.dumps(list(filter(lacks, json.loads(sys.argv[1])))))`
	ask, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/usr/bin/python3", "-c", code, string(ask)).Output()
	var lacks []string
	if err == nil {
		err = json.Unmarshal(out, &lacks)
	}
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(lacks, func(name string) bool { return optional[name] })
}

// optional are what cv2 has no name for in one version or another, or only C++ does.
var optional = map[string]bool{
	"cv2.Mat.convertTo": true, "cv2.QRCodeDetectorAruco": true, "cv2.aruco.detectMarkers": true, "cv2.TrackerKCF": true, "cv2.TrackerCSRT": true,
}
