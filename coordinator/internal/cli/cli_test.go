package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
	fake.ServeIfWorker()
	goleak.VerifyTestMain(m)
}

// try runs a command line with a worker binary that must never be started.
func try(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = Run(t.Context(), App{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, args)
	return stdout.String() + stderr.String(), err
}

// bystander is an executable file that is no worker.
func bystander(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "worker")
	if err := os.WriteFile(name, []byte("#!/bin/false\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWrongUsageIsSaidBeforeAnythingStarts(t *testing.T) {
	worker := bystander(t)
	old := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(old, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ args, want string }{
		{"rum", "unknown command rum; did you mean run?"},
		{"run", "no input"},
		{"run a.jpg -o none", "no pipeline: give -p, such as"},
		{"run a.jpg -p gray", "no output"},
		{"run a.jpg -p gray| -o none", "expected the name of an op"},
		{"run a.jpg -p gray -o out", "write out/"},
		{"run a.jpg -p gray -o none --fsp 3", "unknown flag: --fsp"},
		{"run a.jpg -p gray -o none --fps 3", "--fps and --codec are for video outputs"},
		{"run a.jpg -p gray -o a.mp4 --fps 0", "--fps 0"},
		{"run a.jpg -p gray -o a.mp4 --codec h264x", "--codec h264x: a codec is four characters"},
		{"run a.jpg -p gray -o none --workers -1", "--workers -1: 0 to 1024"},
		{"run a.jpg -p gray -o none --workers x", "--workers"},
		{"run a.jpg -p gray -o none --attempts 0", "--attempts 0: 1 to 100"},
		{"run a.jpg -p gray -o none --limit -3", "--limit -3"},
		{"run a.jpg -p gray -o none --timeout 25h", "--timeout 25h0m0s: 0 to 24h"},
		{"run a.jpg -p gray -o none --max-age -1s", "--max-age -1s: 0 to 24000h"},
		{"run a.jpg -p gray -o none --stall-timeout 25h", "--stall-timeout 25h0m0s: 0, and 200ms to 24h are possible"},
		{"run a.jpg -p gray -o none --max-jobs -1", "--max-jobs -1: 0 to"},
		{"run a.jpg -p gray -o none --max-memory 1M", "--max-memory 1M: 64M to 1T"},
		{"run a.jpg -p gray -o none --worker-memory 64M", "--worker-memory 64M: 256M to 1T"},
		{"run a.jpg -p gray -o none --input logo", "--input logo: it is written NAME=FILE"},
		{"run a.jpg -p gray -o none --input a=b --input a=c", "--input a=c: a is named twice"},
		{"run a.jpg -p gray -o none --isolation vm", "--isolation vm: it is process or thread"},
		{"run a.jpg -p gray -o none --progress loud", "--progress loud"},
		{"run a.jpg -p gray -o none --memory 12", "--memory 12"},
		{"run a.jpg -p gray -o none --worker /nowhere/worker", "--worker /nowhere/worker: there is no such file"},
		{"run a.jpg -p gray -o none --worker /", "not an executable file"},
		{"run a.jpg -p gray -o none --limit -1", "--limit -1"},
		{"run a.jpg -p gray -o none --threads -1", "--threads -1: 1 to 1024"},
		{"run a.jpg -p gray -o none --timeout -1s", "--timeout -1s: 0 to 24h"},
		{"run a.jpg -p gray -o none --timeout -1ns", "--timeout -1ns: 0 to 24h"},
		{"run a.jpg -p gray -o none --max-age -1s", "--max-age -1s: 0 to 24000h"},
		{"run a.jpg -p gray -o none --stall-timeout 1ms", "--stall-timeout 1ms: 0, and 200ms to 24h are possible"},
		{"chaos a.jpg -p gray --stall-timeout 199ms", "--stall-timeout 199ms: 0, and 200ms to 24h are possible"},
		{"run a.jpg -p gray -o none --stall-timeout -1s", "--stall-timeout -1s: 0, and 200ms to 24h are possible"},
		{"run a.jpg -p gray -o none --max-jobs -1", "--max-jobs -1"},
		{"run a.jpg -p gray -o none --max-memory -1G", "--max-memory -1G"},
		{"run a.jpg -p gray -o none --worker-memory -1G", "--worker-memory -1G"},
		{"run a.jpg -p gray -o none --memory -1G", "--memory -1G"},
		{"run a.jpg -p gray -o a.mp4 --fps -25", "--fps -25"},
		{"run a.jpg -p gray -o - --data -", "both want standard output"},
		{"run a.jpg -p gray -o - --report -", "-o - and --report - both want standard output"},
		{"run a.jpg -p gray --data - --report -", "--data - and --report - both want standard output"},
		{"run a.jpg -p gray -o a.mp4 --report ./a.mp4", "-o and --report both name ./a.mp4"},
		{"run a.jpg -p gray --data a.x --report a.x", "--data and --report both name a.x"},
		{"run a.jpg -p gray -o a.png --data ./x/../a.png", "-o and --data both name"},
		{"run a.jpg -p gray -o none --report /proc/self/no/r.json", "cannot write /proc/self/no/r.json"},
		{"run a.jpg -p gray -o none --report " + old + "/r.json", "cannot write " + old + "/r.json: not a directory"},
		{"run a.jpg -p gray -o none --report /dev/null", "not a regular file"},
		{"run a.jpg -p gray -o none --report " + old, "exists already: --overwrite replaces it"},
		{"run " + old + " -p gray -o none --overwrite --report " + old, "is an input"},
		{"run " + old + " -p gray --overwrite --data " + old, "is an input"},
		{"run camera:x -p gray -o none", "camera:x"},
		{"run - - -p gray -o none", "given twice"},
		{"chaos", "no input"},
		{"chaos a.jpg", "no pipeline: give -p, such as"},
		{"chaos a.jpg -p gray --rate 0", "--rate 0: more than 0 and up to 1000 are possible"},
		{"chaos a.jpg -p gray --rate 1001", "--rate 1001"},
		{"chaos a.jpg -p gray --kinds kill,maim", `"maim" is no kind of disturbance; they are kill, segv, stop and starve`},
		{"chaos a.jpg -p gray --for -1s", "--for -1s: it cannot be negative"},
		{"chaos - -p gray", "can be read once only"},
		{"chaos - -p gray --no-compare --for 1s", "can be read once only"},
		{"chaos camera:0 -p gray", "is not the same each time: give --no-compare"},
		{"chaos a.jpg -p gray --json " + old, "exists already: --overwrite replaces it"},
		{"ops a b", "one name"},
		{"ops show", "one name, but got 0"},
		{"ops search", "at least one word"},
		{"ops --json --markdown", "it goes without a name"},
		{"ops gray --markdown", "it goes without a name"},
		{"doctor now", "takes no arguments"},
		{"version --jsn", "unknown flag"},
	}
	for _, tt := range tests {
		args := splitArgs(tt.args)
		if (args[0] == "run" || args[0] == "chaos") && !strings.Contains(tt.args, "--worker ") {
			args = append(args, "--worker", worker)
		}
		out, err := try(t, args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || ExitCode(err) != 2 || out != "" {
			t.Errorf("%s: %v (exit %d), printed %q", tt.args, err, ExitCode(err), out)
		}
	}
}

func splitArgs(text string) []string { return strings.Fields(text) }

func TestImagesDoNotGoToATerminal(t *testing.T) {
	app := App{Terminal: func(any) bool { return true }}
	_, err := (&runOptions{output: "-"}).parseOutput(app)
	if err == nil || !strings.Contains(err.Error(), "terminal") {
		t.Error(err)
	}
}

func TestInputsThatAreAllMissing(t *testing.T) {
	report := filepath.Join(t.TempDir(), "r.json")
	out, err := try(t, "run", "missing.jpg", "gone.mp4", "-p", "gray", "-o", "none", "--worker", bystander(t), "--report", report)
	if err == nil || ExitCode(err) != 1 || !strings.Contains(out, "missing.jpg: no such file") || !strings.Contains(out, "gone.mp4") {
		t.Errorf("%v\n%s", err, out)
	}
	var r struct {
		In       int64     `json:"frames_in"`
		Failed   int64     `json:"frames_failed"`
		Failures []failure `json:"failures"`
		Error    string    `json:"error"`
	}
	text, _ := os.ReadFile(report)
	if err := json.Unmarshal(text, &r); err != nil || r.In != 2 || r.Failed != 2 || len(r.Failures) != 2 || r.Error == "" {
		t.Errorf("%v\n%s", err, text)
	}
	if r.Failures[1].Index != 1 || r.Failures[1].Input != "gone.mp4" || r.Failures[1].Code != fault.Unreadable {
		t.Errorf("%+v", r.Failures[1])
	}
}

func TestAWorkerThatIsNone(t *testing.T) {
	in := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(in, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	worker := bystander(t)
	_, err := try(t, "run", in, "-p", "gray", "-o", "none", "--worker", worker)
	if err == nil || ExitCode(err) != 1 || !strings.Contains(err.Error(), worker) {
		t.Error(err)
	}
}

func TestWorkerFromTheEnvironment(t *testing.T) {
	worker := bystander(t)
	t.Setenv(workerEnv, worker)
	if got, err := findWorker(""); got != worker || err != nil {
		t.Error(got, err)
	}
	t.Setenv(workerEnv, "")
	if _, err := findWorker(""); err == nil || !strings.Contains(err.Error(), "make builds it") {
		t.Error(err)
	}
}

func TestLimitsOfWorkersReachTheFarm(t *testing.T) {
	o := runOptions{
		worker: bystander(t), maxJobs: 7, maxAge: time.Hour, maxMemory: "1G", workerMemory: "2G", stallTimeout: time.Second,
	}
	c, err := o.farmConfig()
	if err != nil || c.MaxJobs != 7 || c.MaxAge != time.Hour || c.StallTimeout != time.Second {
		t.Errorf("%+v, %v", c, err)
	}
	if c.MaxMemory != 1<<30 || c.MemoryCap != 2<<30 {
		t.Errorf("%+v", c)
	}
}

func TestAReportOnStandardOutput(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"run", "missing.jpg", "-p", "gray", "-o", "none", "--worker", bystander(t), "--report", "-"}
	err := Run(t.Context(), App{Out: &out, Err: &errs}, args)
	var r report
	if jerr := json.Unmarshal(out.Bytes(), &r); jerr != nil || ExitCode(err) != 1 || r.FramesIn != 1 || r.FramesFailed != 1 {
		t.Errorf("%v, %v\n%s", err, jerr, out.String())
	}
}

// A run that was given up while the farm started has a report like any other.
func TestAnInterruptedStartIsReported(t *testing.T) {
	dir := t.TempDir()
	in, name := filepath.Join(dir, "a.jpg"), filepath.Join(dir, "r.json")
	if err := os.WriteFile(in, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Run(ctx, App{Out: io.Discard, Err: io.Discard}, []string{"run", in, "-p", "gray", "-o", "none", "--worker", bystander(t), "--report", name})
	text, _ := os.ReadFile(name)
	var r report
	if jerr := json.Unmarshal(text, &r); jerr != nil || ExitCode(err) != 130 || !r.Interrupted {
		t.Errorf("%v, %v\n%s", err, jerr, text)
	}
}

// A file's name may not speak to the terminal.
func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"a b/ü.png": "a b/ü.png", "\x1b[2Jx.png": `\x1b[2Jx.png`, "a\rb\a": `a\rb\a`, "\xff.png": `\xff.png`, "a\nfailed: b": "a\n  failed: b",
		"\u202egnp.exe": `\u202egnp.exe`, "\u009b2J": `\u009b2J`,
	} {
		if got := Plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for code, err := range map[int]error{
		0: nil, 1: errors.New("x"), 2: fmt.Errorf("so: %w", usagef("x")), 130: errors.Join(errInterrupted, errors.New("x")),
	} {
		if got := ExitCode(err); got != code {
			t.Errorf("%v: %d", err, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "512M": 512 << 20, "1.5g": 3 << 29, "2GiB": 2 << 30, "1TB": 1 << 40, "104857600": 100 << 20} {
		if got, err := parseSize("--memory", text, minMemory); got != want || err != nil {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "-1G", "1M", "2T", "NaN", "1e400", "M", "1KM"} {
		if got, err := parseSize("--memory", text, minMemory); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestVersionAndDoctorJSON(t *testing.T) {
	t.Setenv("CVFARM_WORKER", "")
	for _, name := range []string{"version", "doctor"} {
		out, err := try(t, name, "--json")
		var v map[string]any
		if jerr := json.Unmarshal([]byte(out), &v); jerr != nil {
			t.Errorf("%s: %v\n%s", name, jerr, out)
		}
		if name == "doctor" && (ExitCode(err) != 1 || v["healthy"] != false) { // there is no worker next to a test
			t.Errorf("%v %v", err, v["healthy"])
		}
	}
}

func TestGauge(t *testing.T) {
	j := &runJob{started: time.Unix(0, 0), snapshot: func() farm.Snapshot { return farm.Snapshot{Workers: make([]farm.WorkerStatus, 2)} }}
	j.tally.out.Store(120)
	j.tally.total.Store(-1)
	now := time.Unix(2, 0)
	if got, want := j.gauge(now).text(), "120 frames, 60.0 fps, 2 workers, 0 restarts"; got != want {
		t.Errorf("%q", got)
	}
	j.tally.total.Store(300)
	j.tally.bad.Store(3)
	if got, want := j.gauge(now).text(), "123/300 frames, 61.5 fps, 3s left, 2 workers, 0 restarts, 3 failed"; got != want {
		t.Errorf("%q", got)
	}
}

// What failed in earlier runs counted as work of this one, so that it seemed fast, and near its end.
func TestTheGaugeOfAResumedRunIsThatOfThisOne(t *testing.T) {
	j := &runJob{started: time.Unix(0, 0), snapshot: func() farm.Snapshot { return farm.Snapshot{} }}
	l := &ledger{past: []record{{Next: media.Position{Index: 100}, Failed: make([]failure, 40)}}}
	l.restore(&j.tally)
	j.tally.out.Add(20)
	j.tally.total.Store(140)
	if g := j.gauge(time.Unix(2, 0)); g.Frames != 120 || g.FPS != 10 || g.ETA != 2 {
		t.Errorf("%+v", g)
	}
}

// A dry run shows the names of files, which may hold anything.
func TestADryRunShowsNamesAsText(t *testing.T) {
	var out strings.Builder
	evil := "\x1b[2Jevil"
	j := &runJob{App: App{Out: &out}, options: &runOptions{data: evil + ".jsonl"}, output: media.Output{Kind: media.ToVideo, Path: evil + ".mp4"}}
	j.inputs = []media.Input{{Kind: media.Image, Name: evil}, {Name: evil, Err: errors.New(evil + " is missing")}}
	j.printInputs()
	j.printOutputs(nil)
	imageFiles{shown: imageFile{name: evil}, known: 1}.print(&out)
	if err := j.printSteps(media.Variant{Pipeline: evil}, imageFile{}, nil); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Contains(text, "\x1b") || strings.Count(text, `\x1b[2Jevil`) != 5 {
		t.Errorf("%q", text)
	}
}

func TestHelpHasExamples(t *testing.T) {
	for _, name := range []string{"", "run", "preview", "ops", "ops show", "ops search", "doctor"} {
		out, err := try(t, strings.Fields(name+" --help")...)
		if err != nil || !strings.Contains(out, "Examples:\n  coordinator ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func background() context.Context { return context.Background() }
