package cli

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeWorker is this test binary, started as a worker.
func fakeWorker(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "worker")
	if err := os.WriteFile(name, fmt.Appendf(nil, "#!/bin/sh\nGORACE=atexit_sleep_ms=0 exec %s\n", self), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// folder makes files with some content, and goes there.
func folder(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func ls(t *testing.T) []string {
	t.Helper()
	var names []string
	all, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// words are the lines of a text without the spaces that align it.
func words(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestADryRunSaysWhatWouldRun(t *testing.T) {
	folder(t, "a.jpg", "b.png", "sub/c.jpg")
	want := `inputs: 3 images

pipeline: decode | grow n=7 | sleep | encode ext=.jpg
STEP OP MAKES PARAMETERS
(input) encoded
added decode encoded index=-1 once=""
1 grow 7x1 gray u8 n=7 index=-1 once=""
2 sleep 7x1 gray u8 ms=10 index=-1 once=""
added encode 7x1 gray u8 ext=.jpg index=-1 once=""

pipeline: decode | grow n=7 | sleep | encode ext=.png
STEP OP MAKES PARAMETERS
(input) encoded
added decode encoded index=-1 once=""
1 grow 7x1 gray u8 n=7 index=-1 once=""
2 sleep 7x1 gray u8 ms=10 index=-1 once=""
added encode 7x1 gray u8 ext=.png index=-1 once=""

outputs:
out/a.jpg
out/b.png
out/c.jpg
data: d.jsonl`
	out, err := try(t, "run", "a.jpg", "b.png", "sub", "-p", "grow n=7 | sleep", "-o", "out/", "--data", "d.jsonl",
		"--report", "r.json", "--dry-run", "--worker", fakeWorker(t))
	if err != nil || words(out) != want {
		t.Errorf("%v\n%s", err, words(out))
	}
	if left := ls(t); !slices.Equal(left, []string{"a.jpg", "b.png", "sub"}) {
		t.Errorf("it wrote: %v", left)
	}
}

func TestADryRunRefusesWhatARunWould(t *testing.T) {
	folder(t, "a.jpg", "b.jpg", "taken.png")
	worker := fakeWorker(t)
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"a.jpg gone.jpg -p echo -o %04d.png", "1 of 2 inputs cannot be read", 1},
		{"gone.jpg -p echo -o none", "no input can be read", 1},
		{"a.jpg -p echo|fail -o none", "step 2, fail: as it was told to\necho|fail\n     ^", 2},
		{"a.jpg -p grow|sleep|slep -o none", "did you mean sleep?\ngrow|sleep|slep\n           ^", 2},
		{"a.jpg -p echo -o taken.png", "taken.png exists already", 2},
		{"a.jpg b.jpg -p echo -o one.png", "more than one frame", 2},
	} {
		out, err := try(t, append(append([]string{"run"}, splitArgs(tt.args)...), "--dry-run", "--worker", worker)...)
		if ExitCode(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v\n%s", tt.args, err, out)
		}
	}
	if left := ls(t); len(left) != 3 {
		t.Errorf("it wrote: %v", left)
	}
}

func TestPreviewDrawsEveryStep(t *testing.T) {
	folder(t, "a.jpg", "b.jpg")
	out, err := try(t, "preview", ".", "--frame", "2", "-p", "grow n=9 | index | pid", "-o", "s.png", "--width", "90", "--worker", fakeWorker(t))
	if err != nil {
		t.Fatal(err, out)
	}
	lines := strings.Split(strings.TrimSpace(words(out)), "\n")
	for i, want := range []string{"STEP OP TIME MAKES", "decode", "1 grow", "2 index", "3 pid"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) || i > 0 && !strings.Contains(lines[i], " ms ") {
			t.Errorf("line %d is not of %q:\n%s", i+1, want, out)
		}
	}
	if lines[1] = lines[1][strings.Index(lines[1], "ms"):]; lines[1] != "ms encoded, 1 B" || !strings.HasSuffix(lines[4], "9x1 gray u8") {
		t.Errorf("%q", lines)
	}
	data, err := os.ReadFile("s.png")
	if err != nil {
		t.Fatal(err)
	}
	if picture, err := png.Decode(bytes.NewReader(data)); err != nil || picture.Bounds().Dx() != 4*(90+14)+14 {
		t.Errorf("four tiles: %v %v", picture, err)
	}
}

func TestPreviewShowsWhereItEnds(t *testing.T) {
	folder(t, "a.jpg")
	worker := fakeWorker(t)
	preview := func(args ...string) (string, error) {
		return try(t, append([]string{"preview", "a.jpg", "--worker", worker}, args...)...)
	}
	if _, err := preview("-p", "grow n=9 | fail", "-o", "s.png"); ExitCode(err) != 1 || !strings.Contains(err.Error(), "step 2, fail: as it was told to") {
		t.Error(err)
	}
	if left := ls(t); !slices.Equal(left, []string{"a.jpg", "s.png"}) {
		t.Errorf("the sheet with the steps before the failure is not there: %v", left)
	}
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"-p decode|undecodable -o u.png", "step 2, undecodable: as it was told to", 1},
		{"-p grw -o t.png", "did you mean grow?\ngrw\n^", 2},
		{"-p echo -o s.png", "s.png exists already", 2},
		{"-p echo -o s.jpg", "a sheet is a .png", 2},
		{"-p echo", "no output", 2},
		{"-p echo -o t.png --frame 2", "there is no such frame, only 1", 2},
		{"-p echo -o t.png --frame 0", "counted from 1", 2},
		{"-p echo -o t.png --width 5", "--width 5: 32 to 4096", 2},
		{"-o t.png", "no pipeline", 2},
		{"b.jpg -p echo -o t.png", "one input, but got 2", 2},
	} {
		if _, err := preview(splitArgs(tt.args)...); ExitCode(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.args, err)
		}
	}
	if _, err := try(t, "preview", "gone.jpg", "-p", "echo", "-o", "t.png", "--worker", worker); ExitCode(err) != 1 ||
		!strings.Contains(err.Error(), "gone.jpg") {
		t.Error(err)
	}
}

// What a pipeline in a file names lies beside that file, wherever the command is run; --input names it from here.
func TestAPipelinesFileNamesWhatIsBesideIt(t *testing.T) {
	folder(t, "a.jpg", "sub/model.bin", "other.bin")
	if err := os.WriteFile("sub/p.cvf", []byte("recall input=model.bin"), 0o644); err != nil {
		t.Fatal(err)
	}
	worker := fakeWorker(t)
	for _, tt := range []struct{ args, want string }{
		{"preview a.jpg -p @sub/p.cvf -o s.png", ""},
		{"run a.jpg -p @sub/p.cvf -o none", ""},
		{"preview a.jpg -p recall|recall -o t.png", "step 1, recall: parameter input is missing"},
		{"preview a.jpg -p recall|recall -o t.png --input x", "it is written NAME=FILE"},
		{"preview a.jpg -p recall@input=model.bin -o t.png", "step 1, recall: input=model.bin: no such file or directory; --input model.bin=FILE names it\n" +
			"recall input=model.bin\n             ^"},
		{"preview a.jpg -p recall@input=sub -o t.png", "step 1, recall: input=sub: it is not a file\nrecall input=sub\n             ^"},
		{"preview a.jpg -p recall@input=m -o t.png --input m=gone.bin", "--input m=gone.bin: no such file or directory"},
		{"preview a.jpg -p recall@input=model.bin -o t.png --input model.bin=other.bin", ""},
	} {
		args := splitArgs(tt.args)
		args[3] = strings.Replace(args[3], "recall@", "recall ", 1)
		_, err := try(t, append(args, "--worker", worker)...)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.args, err)
		}
	}
}
