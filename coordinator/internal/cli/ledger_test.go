package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// resumed is a folder for runs with --resume over images that the fake engine copies, but for those that are bad.
type resumed struct {
	t    *testing.T
	dir  string
	said bytes.Buffer // on standard error
}

var errDied = errors.New("died")

// dying is a keeper that ends the run.
type dying struct {
	media.Keeper
	after int
}

func (d *dying) Write(ctx context.Context, it media.Item, ext string, r *farm.Result) error {
	if d.after--; d.after < 0 {
		r.Release()
		return errDied
	}
	return d.Keeper.Write(ctx, it, ext, r)
}

// begin opens and begins the ledger as the command does.
func (x *resumed) begin() *runJob {
	x.t.Helper()
	j := x.open()
	if err := j.ledger.begin(); err != nil {
		x.t.Fatal(err)
	}
	j.ledger.restore(&j.tally)
	return j
}

func (x *resumed) open() *runJob { return x.openAs("out") }

func (x *resumed) openAs(output string) *runJob {
	x.t.Helper()
	j, err := x.try(output)
	if err != nil {
		x.t.Fatal(err)
	}
	return j
}

// try opens the ledger of a run, which may be refused.
func (x *resumed) try(output string) (*runJob, error) {
	x.t.Helper()
	in, out := filepath.Join(x.dir, "in"), filepath.Join(x.dir, output)
	o := &runOptions{inputs: []string{in}, output: out + "/", data: filepath.Join(x.dir, "data.jsonl"), resume: true}
	p, err := pipeline.Parse("stats")
	if err != nil {
		x.t.Fatal(err)
	}
	j := &runJob{options: o, script: script{Pipeline: p}, output: media.Output{Kind: media.ToFolder, Path: out}}
	j.Err = &x.said
	if j.inputs, err = media.Resolve(o.inputs, false); err != nil {
		x.t.Fatal(err)
	}
	if j.ledger, err = o.openLedger(j); err == nil {
		x.t.Cleanup(j.ledger.close)
	}
	return j, err
}

func (x *resumed) flow(j *runJob, after int) *flow {
	x.t.Helper()
	sink, err := j.ledger.openSink(media.SinkConfig{Output: j.output})
	if err != nil {
		x.t.Fatal(err)
	}
	if after > 0 {
		sink = &dying{j.ledger.sink, after}
	}
	data, err := j.ledger.openData(j.options.data, false)
	if err != nil {
		x.t.Fatal(err)
	}
	plan, err := media.NewPlan(j.script.Pipeline, j.output, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	source := &media.Source{Inputs: j.inputs, Start: j.ledger.at()}
	return &flow{
		engine: &fakeEngine{}, source: source, plan: plan, sink: sink, data: data, ledger: j.ledger, tally: &j.tally, window: 4,
	}
}

// run lets frames flow until the run dies, which it does after so many have come out; 0 is never.
func (x *resumed) run(after int) (*runJob, error) {
	x.t.Helper()
	j := x.begin()
	f := x.flow(j, after)
	err := f.run(background(), background())
	if err == nil {
		_, err = f.complete(background())
	}
	x.die(j)
	return j, err
}

// die closes what the system closes of a process that is killed.
func (x *resumed) die(j *runJob) {
	if j.ledger.found != nil {
		j.ledger.found.Abort()
	}
	if j.ledger.journal != nil {
		_ = j.ledger.journal.Close()
	}
	j.ledger.journal = nil
}

func newResumed(t *testing.T, n int) *resumed {
	t.Helper()
	x := &resumed{t: t, dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(x.dir, "in"), 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		content := fmt.Sprint("picture ", i)
		if i%4 == 2 {
			content = "bad"
		}
		if err := os.WriteFile(filepath.Join(x.dir, "in", fmt.Sprintf("%02d.png", i)), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestARunThatDiedAnywhereIsGoneOnWith(t *testing.T) {
	const n = 11 // of which 8 come out
	whole := newResumed(t, n)
	undisturbed, err := whole.run(0)
	if err != nil {
		t.Fatal(err)
	}
	for first := 1; first <= 6; first++ {
		x := newResumed(t, n)
		for _, after := range []int{first, 1} {
			if _, err := x.run(after); !errors.Is(err, errDied) {
				t.Fatalf("it was to die after %d: %v", after, err)
			}
		}
		j, err := x.run(0)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := x.story(j), whole.story(undisturbed); got != want {
			t.Errorf("died after %d: %s\nwant %s", first, got, want)
		}
	}
}

// Between the end of the work and the removal of the journal the outputs get their names.
func TestARunThatDiedWhileNamingIsGoneOnWith(t *testing.T) {
	whole := newResumed(t, 5)
	undisturbed, err := whole.run(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range []bool{false, true} {
		x := newResumed(t, 5)
		j := x.begin()
		f := x.flow(j, 0)
		if err := errors.Join(f.run(background(), background()), f.ledger.finish(background())); err != nil {
			t.Fatal(err)
		}
		if named {
			if err := f.data.Close(); err != nil {
				t.Fatal(err)
			}
		}
		x.die(j)
		if j, err = x.run(0); err != nil {
			t.Fatal(err)
		}
		if !j.ledger.complete() {
			t.Error("it did not know that it was complete")
		}
		if got, want := x.story(j), whole.story(undisturbed); got != want {
			t.Errorf("named %v: %s\nwant %s", named, got, want)
		}
	}
}

// story is what a run tells of itself, and every file with its content.
func (x *resumed) story(j *runJob) string {
	x.t.Helper()
	c := &j.tally
	text := fmt.Sprintf("%d in, %d out, %d failed: %+v\n", c.in.Load(), c.out.Load(), c.bad.Load(), c.stories())
	err := filepath.WalkDir(x.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			data, _ := os.ReadFile(path)
			text += fmt.Sprintf("%s: %s\n", path, data)
		}
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return strings.ReplaceAll(text, x.dir, "")
}

// An image may be there that its writer was killed before it could tell of, the very first too.
func TestARunThatDiedBeforeItsFirstLineIsGoneOnWith(t *testing.T) {
	whole := newResumed(t, 5)
	undisturbed, err := whole.run(0)
	if err != nil {
		t.Fatal(err)
	}
	x := newResumed(t, 5)
	x.die(x.begin())
	if err := os.WriteFile(filepath.Join(x.dir, "out/00.png"), []byte("picture 0"), 0o666); err != nil {
		t.Fatal(err)
	}
	j, err := x.run(0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := x.story(j), whole.story(undisturbed); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// The files that a pipeline names were looked for in the working directory, also where they lie beside the pipeline's own file.
func TestWorkerAndFilesBesideTheFramesMustBeTheSame(t *testing.T) {
	x := newResumed(t, 1)
	logo := filepath.Join(x.dir, "logo.png")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(logo, "a logo")
	ops := pipeline.Catalogue{{Name: "match", Params: []pipeline.Param{pipeline.Image("image", "")}}}
	p, err := pipeline.Parse("match image=logo.png")
	if err != nil {
		t.Fatal(err)
	}
	s := script{Pipeline: p, file: filepath.Join(x.dir, "p.cvf")}
	worker := farm.Info{Engine: "opencv", Versions: map[string]string{"OpenCV": "4.6.0"}}
	program := filepath.Join(x.dir, "worker")
	reads := func(l *ledger, named ...string) error {
		t.Helper()
		files, err := namedInputs(named).beside(ops, s)
		if err != nil || len(files) != 1 {
			t.Fatalf("%v %v", files, err)
		}
		return l.meets(worker, program, files)
	}
	j := x.open()
	if err := errors.Join(reads(j.ledger), j.ledger.begin()); err != nil {
		t.Fatal(err)
	}
	x.die(j)
	again := x.open().ledger
	if err := reads(again); err != nil {
		t.Errorf("nothing was changed: %v", err)
	}
	if err := reads(again, "logo.png="+filepath.Join(x.dir, "in/00.png")); err == nil {
		t.Error("another file of that name, and the run goes on")
	}
	worker.Versions["OpenCV"] = "4.10.0"
	if err := reads(again); ExitCode(err) != exitUsage || !strings.Contains(err.Error(), "the worker's OpenCV is 4.10.0, and was 4.6.0") {
		t.Errorf("the worker has another OpenCV: %v", err)
	}
	worker.Versions["OpenCV"] = "4.6.0"
	worker.Engine = "opencv+mine"
	if err := reads(again); ExitCode(err) != exitUsage || !strings.Contains(err.Error(), "the worker is opencv+mine, and was opencv") {
		t.Errorf("the worker has other ops: %v", err)
	}
	worker.Engine = "opencv"
	write(logo, "another logo")
	if err := reads(again); ExitCode(err) != exitUsage || !strings.Contains(err.Error(), "logo.png was changed") {
		t.Errorf("it was changed: %v", err)
	}
}

// Until a run begins, it leaves the journal as it is: it may be refused, or dry.
func TestOpeningAJournalKeepsItsLines(t *testing.T) {
	x := newResumed(t, 8)
	if _, err := x.run(4); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	name := filepath.Join(x.dir, "out/.cvfarm", journalName)
	lines := func() int {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	was := lines()
	if err := os.Remove(filepath.Join(x.dir, "out/01.png")); err != nil {
		t.Fatal(err)
	}
	j := x.open()
	if n := lines(); n != was || was < 3 {
		t.Errorf("%d lines, and were %d", n, was)
	}
	if err := j.ledger.begin(); err != nil {
		t.Fatal(err)
	}
	if n := lines(); n != 2 { // the header, and the line of the first frame
		t.Errorf("%d lines", n)
	}
}

// Two runs with other outputs but one --data wrote into one file, and the one that ended first removed it.
func TestTwoRunsDoNotShareTheirData(t *testing.T) {
	x := newResumed(t, 4)
	first := x.begin()
	f := x.flow(first, 0)
	second := x.openAs("out2")
	if err := second.ledger.begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := second.ledger.openData(second.options.data, false); ExitCode(err) != exitUsage {
		t.Errorf("a second run with the same --data: %v", err)
	}
	second.ledger.close()
	if err := f.run(background(), background()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.complete(background()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(first.options.data)
	if err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%v %q", err, text)
	}
}

// --resume replaced whatever --report named.
func TestOnlyItsOwnReportIsReplaced(t *testing.T) {
	for _, after := range []int{1, 4} { // with one line in the journal, and with several
		x := newResumed(t, 8)
		own, foreign := filepath.Join(x.dir, "own.json"), filepath.Join(x.dir, "foreign.json")
		claim := func(j *runJob, name string) error {
			t.Helper()
			j.options.report = name
			err := j.options.claimFiles(j)
			if err == nil && !j.options.dryRun {
				t.Cleanup(j.abandonReport)
			}
			return err
		}
		j := x.begin()
		if err := claim(j, own); err != nil {
			t.Fatal(err)
		}
		if err := x.flow(j, after).run(background(), background()); !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		if err := j.writeReport(report{}); err != nil {
			t.Fatal(err)
		}
		x.die(j)
		if err := os.WriteFile(foreign, []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, dry := range []bool{true, false} {
			j = x.open()
			j.options.dryRun = dry
			if err := claim(j, foreign); ExitCode(err) != exitUsage {
				t.Errorf("dry %v: a report of another: %v", dry, err)
			}
			if err := claim(j, own); err != nil {
				t.Errorf("dry %v: its own report: %v", dry, err)
			}
			x.die(j)
		}
		if j, err := x.run(0); err != nil || j.tally.out.Load() != 6 {
			t.Errorf("%v, %d done", err, j.tally.out.Load())
		}
	}
}

// The lock ended with the journal's file, and the folder was then removed with the journal of whoever had come in between.
func TestRunsThatEndLeaveTheFolderToOthers(t *testing.T) {
	x := newResumed(t, 1)
	var runs sync.WaitGroup
	var began atomic.Int64
	for range 4 {
		runs.Go(func() {
			for range 50 {
				l := &ledger{folder: filepath.Join(x.dir, "kept"), header: header{Version: journalVersion}, every: 1}
				if err := l.begin(); errors.Is(err, journal.ErrLocked) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				began.Add(1)
				segment := filepath.Join(l.folder, "segment.mp4")
				if err := os.WriteFile(segment, nil, 0o666); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(segment); err != nil {
					t.Error(err)
				}
				if err := l.remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	runs.Wait()
	if left, err := os.ReadDir(x.dir); err != nil || len(left) != 1 || began.Load() == 0 {
		t.Errorf("%v %v: %d began", left, err, began.Load())
	}
}

// Once the journal means nothing, nothing of it is left, and a run that is killed on the way there leaves no half of it.
func TestTheJournalIsEmptyBeforeTheRestGoes(t *testing.T) {
	x := newResumed(t, 4)
	j := x.begin()
	l := j.ledger
	if err := os.MkdirAll(filepath.Join(l.folder, "segments", "one"), 0o777); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(l.folder, journalName)
	held, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := l.remove(); err != nil {
		t.Fatal(err)
	}
	if info, err := held.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%v: it went with %d bytes in it", err, info.Size())
	}
	if _, err := os.Stat(l.folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}
