package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

func TestAMistakeIsPointedAt(t *testing.T) {
	ops := pipeline.Catalogue{{Name: "gray"}, {Name: "canny", Params: []pipeline.Param{pipeline.Float("low", 50, 0, 1000, "")}}}
	long := strings.Repeat("gray | ", 20)
	for _, tt := range []struct{ name, text, want string }{
		{"a parameter", "gray | canny lo=50", `step 2, canny: unknown parameter lo; did you mean low?
gray | canny lo=50
             ^`},
		{"a value", "gray | canny low='x'", `step 2, canny: low=x is not allowed: it takes a float in 0..1000
gray | canny low='x'
                 ^`},
		{"the syntax", "gray || canny", `pipeline, character 7: expected the name of an op, found "| canny"
gray || canny
      ^`},
		{"the end", "gray | # canny", `pipeline, character 15: expected the name of an op, found the end
gray | # canny
              ^`},
		{"one line of several", "gray\n\t| grey\n| canny", "step 2: unknown op grey; did you mean gray?\n | grey\n   ^"},
		{"behind wide characters", "gray # 図\r\n| canny low=図", "low=図 is not allowed: it takes a float in 0..1000\n| canny low=図\n            ^"},
		{"in the middle of a long line", long + "canny low=x" + strings.Repeat(" | gray", 20),
			"0..1000\n…" + (long + "canny low=")[len(long)+10-60:] + "x" + strings.Repeat(" | gray", 9)[:59] + "…\n" + strings.Repeat(" ", 61) + "^"},
	} {
		s, err := readScript(tt.text)
		if err == nil {
			err = s.point(ops.Check(s.Pipeline))
		}
		if ExitCode(err) != 2 || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s:\n%v\nwant\n%s", tt.name, err, tt.want)
		}
	}
}

// What only a worker can tell names a step, and where a value is at fault its parameter; of several that which was given.
func TestAValueThatAWorkerRefusesIsPointedAt(t *testing.T) {
	for _, tt := range []struct {
		text   string
		params []string
		want   string
	}{
		{"gray | put_text text=\"\u00e9\" org=1,2", []string{"text"}, "put_text text=\"\u00e9\" org=1,2\n                     ^"},
		{"gray | sobel ksize=3 dy=5", []string{"dx", "dy", "ksize"}, "sobel ksize=3 dy=5\n                        ^"},
		{"gray | resize", []string{"dsize"}, "resize\n       ^"},
	} {
		s, err := readScript(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		err = s.point(&farm.Error{Code: fault.Invalid, Step: 2, Params: tt.params, Message: "no"})
		if ExitCode(err) != 2 || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s:\n%v\nwant\n%s", tt.text, err, tt.want)
		}
	}
}

func TestAStepIsPointedAt(t *testing.T) {
	s, _ := readScript("gray | decode")
	err := s.point(&farm.Error{Code: fault.Invalid, Step: 2, Op: "decode", Message: "must be the first"})
	if want := "step 2, decode: must be the first\ngray | decode\n       ^"; err.Error() != want || ExitCode(err) != 2 {
		t.Error(err)
	}
	if err := s.point(&farm.Error{Code: fault.Invalid, Message: "no"}); err.Error() != "no" || ExitCode(err) != 2 {
		t.Error(err)
	}
}

func TestPipelineFromAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	write("sub/edges.cvf", "# edges of anything\r\ngray\r\n| canny low=50\r\n")
	write("notepad.cvf", "\ufeff# as Windows saves it\r\ngray\r\n| canny low=50\r\n")
	write("notepad-bad.cvf", "\ufeffgrey | canny low = 50\r\n")
	write("bad.cvf", "gray\n| canny low = 50\n")
	write("large.cvf", strings.Repeat("#", pipeline.MaxText+1))
	for _, arg := range []string{"@notepad.cvf", "@sub/edges.cvf"} {
		if s, err := readScript(arg); err != nil || s.String() != "gray | canny low=50" {
			t.Errorf("%s: %v, %v", arg, s, err)
		}
	}
	s, err := readScript("@sub/edges.cvf")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"t.png": filepath.Join("sub", "t.png"), "/t.png": "/t.png"} {
		if got := s.path(name); got != want {
			t.Errorf("%s names %s", name, got)
		}
	}
	if onLine, _ := readScript("gray"); onLine.path("t.png") != "t.png" {
		t.Error(onLine.path("t.png"))
	}
	for arg, want := range map[string]string{
		"@bad.cvf":         "bad.cvf:2: pipeline, line 2, character 9: canny: expected low=value, or | before the next op\n| canny low = 50\n        ^",
		"@notepad-bad.cvf": "notepad-bad.cvf:1: pipeline, line 1, character 14: canny: expected low=value, or | before the next op\ngrey | canny low = 50\n             ^",
		"@gone.cvf":        "-p @gone.cvf: no such file or directory",
		"@sub":             "-p @sub: is a directory",
		"@large.cvf":       "pipeline has 65537 bytes, more than 65536",
	} {
		if _, err := readScript(arg); err == nil || err.Error() != want || ExitCode(err) != 2 {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

// A named pipe that nobody writes to kept even signals waiting.
func TestPipelineFilesWithoutAPipeline(t *testing.T) {
	dir := t.TempDir()
	pipe, binary := filepath.Join(dir, "pipe.cvf"), filepath.Join(dir, "binary.cvf")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, []byte("\xff\xd8\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{pipe: "there is no pipeline in it", "/dev/null": "there is no pipeline in it", binary: "it is not text in UTF-8"} {
		if _, err := readScript("@" + name); err == nil || !strings.Contains(err.Error(), "-p @"+name+": "+want) || ExitCode(err) != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
