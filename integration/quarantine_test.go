//go:build opencv

package integration

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// entry is what `quarantine list --json` promises.
type entry struct {
	ID, Pipeline, Source, Damaged string
	Index, Size                   int
	Input                         struct{ File, Format string }
	Attempts                      []struct {
		Exit struct {
			Cause, Signal, Stderr string
			Code, PID             int
		}
	}
}

func quarantined(t *testing.T, dir string, args ...string) []entry {
	t.Helper()
	p := runIn(t, dir, append([]string{"quarantine", "list", "--json"}, args...)...).exits(0)
	var all []entry
	if err := json.Unmarshal(p.stdout.Bytes(), &all); err != nil {
		t.Fatalf("%v: %s", err, p.stdout.String())
	}
	return all
}

// poisonedFrame is a run of three frames, the second of which ends its worker. That made the file with which it would not.
func poisonedFrame(t *testing.T) (dir, cure string, e entry) {
	t.Helper()
	dir, cure = t.TempDir(), filepath.Join(t.TempDir(), "cure")
	for i := range 3 {
		write(t, filepath.Join(dir, "in", fmt.Sprintf("%d.png", i)), fmt.Sprintf("\x89PNG\r\n\x1a\n%d", i))
	}
	logo := write(t, filepath.Join(dir, "logo"), "any bytes")
	defer os.Remove(logo) // a replay needs no file of then
	runIn(t, dir, "run", "in", "-p", "recall input=logo | exit code=3 index=1 once="+cure, "-o", "out/", "--worker", fakeWorker(t, ""), "--attempts", "1",
		"--quarantine", "q", "--report", "report.json").exits(1, "1 frame is in quarantine: coordinator quarantine list --quarantine q", "(poisoned)")
	holds(t, filepath.Join(dir, "out"), "0.png", "2.png")
	all := quarantined(t, dir, "--quarantine", "q")
	f := readReport(t, filepath.Join(dir, "report.json")).counts(t, 3, 2, 1).Failures[0]
	if len(all) != 1 || *f.Code != "poisoned" || !strings.Contains(*f.Message, all[0].ID) {
		t.Fatalf("in quarantine are %+v; the failure is %s: %s", all, *f.Code, *f.Message)
	}
	return dir, cure, all[0]
}

// The replay of one that hangs with its whole process took the default of five seconds to say so.
func TestAReplayNoticesAStopAsSoonAsItIsTold(t *testing.T) {
	t.Parallel()
	dir, fake := t.TempDir(), fakeWorker(t, "")
	write(t, filepath.Join(dir, "1.png"), "\x89PNG\r\n\x1a\n1")
	runIn(t, dir, "run", "1.png", "-p", "kill signal=STOP", "-o", "none", "--worker", fake, "--attempts", "1", "--stall-timeout", "300ms",
		"--quarantine", "q").exits(1, "(poisoned)")
	id := quarantined(t, dir, "--quarantine", "q")[0].ID
	p := runIn(t, dir, "quarantine", "--quarantine", "q", "replay", id, "--worker", fake, "--stall-timeout", "300ms").exits(1)
	if told := p.stdout.String(); !regexp.MustCompile(`stalled: no heartbeat for \d+ms`).MatchString(told) { // and not some seconds
		t.Error(told)
	}
	runIn(t, dir, "quarantine", "--quarantine", "q", "replay", id, "--stall-timeout", "-1s").exits(2, "--stall-timeout -1s: 0, and 200ms to 24h are possible")
}

func TestQuarantineFromTheCommandLine(t *testing.T) {
	t.Parallel()
	dir, cure, e := poisonedFrame(t)
	exit := e.Attempts[len(e.Attempts)-1].Exit
	if e.Index != 1 || e.Source != "in/1.png" || e.Input.File != "input.png" || len(e.Attempts) != 1 || exit.Cause != "exited" || exit.Code != 3 ||
		exit.PID < 1 || !strings.Contains(exit.Stderr, "these are my last words") {
		t.Fatalf("%+v", e)
	}
	if got := read(t, filepath.Join(dir, "q", e.ID, e.Input.File)); got != "\x89PNG\r\n\x1a\n1" {
		t.Errorf("the input is kept as %q", got)
	}
	q := func(code int, args ...string) *program {
		t.Helper()
		return runIn(t, dir, append([]string{"quarantine", "--quarantine", "q"}, args...)...).exits(code)
	}
	shows := func(p *program, want ...string) {
		t.Helper()
		for _, text := range want {
			if got := p.stdout.String() + p.stderr.text(); !strings.Contains(got, text) {
				t.Errorf("%q does not say %q, but:\n%s", p.Args[1:], text, got)
			}
		}
	}
	shows(q(0, "list"), e.ID, "in/1.png", "exit code 3")
	shows(q(0, "show", e.ID), "in/1.png (index 1)", "input.png: encoded, 9 B", "logo is named-1.bin: encoded, 9 B", "attempt 1 of 1 in worker ", "  | these are my last words")
	shows(runIn(t, dir, "__complete", "quarantine", "--quarantine", "q", "replay", ""), e.ID+"\tin/1.png: exit code 3")

	fake := fakeWorker(t, "")
	if err := os.Remove(cure); err != nil {
		t.Fatal(err)
	}
	shows(q(1, "replay", e.ID, "--worker", fake, "-o", "works.png"), "exited with code 3", "  | these are my last words", "has no result (crashed)")
	if _, err := os.Stat(filepath.Join(dir, "works.png")); err == nil {
		t.Error("what did not work has a result")
	}
	shows(q(0, "replay", e.ID, "--worker", fake, "-o", "works.png"), e.ID+" works now: encoded in", // the attempt before made the file
		fmt.Sprintf("recall: \"encoded %x", sha256.Sum256([]byte("any bytes"))))
	if got := read(t, filepath.Join(dir, "works.png")); got != "\x89PNG\r\n\x1a\n1" {
		t.Errorf("the result is %q", got)
	}
	shows(q(2, "replay", e.ID, "--worker", fake, "-o", "works.png"), "exists already")
	shows(q(2, "replay", e.ID, "--worker", fake, "-o", "works/"), "one frame goes into one image file")
	shows(q(2, "show", "../q"), `"../q" is not an ID`)
	shows(q(2, "rm"), "name the entries to remove, or give --all")
	shows(q(1, "show", "20200101-000000.000-aaaa"), "is not in quarantine")

	write(t, filepath.Join(dir, "q", "20200101-000000.000-aaaa", "input.png"), "torn")
	write(t, filepath.Join(dir, "q", "notes.txt"), "mine")
	shows(q(0, "list"), e.ID, "20200101-000000.000-aaaa  -", "damaged: ")
	shows(q(1, "replay", "20200101-000000.000-aaaa", "--worker", fake), "is damaged")
	shows(q(0, "rm", e.ID), "removed 1 entry")
	shows(q(0, "rm", "--all"), "removed 1 entry")
	shows(q(0, "list"), "nothing is in quarantine")
	holds(t, filepath.Join(dir, "q"), "notes.txt")
}

func TestQuarantineHasAUsualPlaceOrNone(t *testing.T) {
	t.Parallel()
	home, in := t.TempDir(), write(t, filepath.Join(t.TempDir(), "a.png"), "\x89PNG\r\n\x1a\n")
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code string
		kept string // a folder with one entry
	}{
		{"in XDG_STATE_HOME", []string{"XDG_STATE_HOME=" + filepath.Join(home, "state")}, nil, "(poisoned)", "state/cvfarm/quarantine"},
		{"in the home folder", []string{"XDG_STATE_HOME=", "HOME=" + home}, nil, "(poisoned)", ".local/state/cvfarm/quarantine"},
		{"without a home", []string{"XDG_STATE_HOME=relative", "HOME=/nonexistent"}, nil, "(crashed)", ""},
		{"none", nil, []string{"--quarantine", "none"}, "(crashed)", ""},
		{"where nothing can be written", nil, []string{"--quarantine", in + "/q"}, "it is not in quarantine (" + in + "/q)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"run", in, "-p", "exit code=3", "-o", "none", "--attempts", "1", "--worker", fakeWorker(t, "")}, c.args...)
			start(t, command{args: args, env: c.env}).wait().exits(1, c.code)
			if c.kept != "" {
				if all := quarantined(t, home, "--quarantine", c.kept); len(all) != 1 {
					t.Errorf("in quarantine are %+v", all)
				}
			}
		})
	}
}

// A frame that takes more CPU time than its worker is allowed dies with it each time. A worker with more time does it.
func TestQuarantineOfARealFrame(t *testing.T) {
	t.Parallel()
	const heavy = "resize dsize=1000x1000 | bilateral d=51"
	dir := t.TempDir()
	starved := wrapped(t, "ulimit -t 1; exec "+binary(t, "worker"))
	runIn(t, dir, "run", clip(t), "--limit", "1", "-p", heavy, "-o", "want.tif").exits(0)
	runIn(t, dir, "run", clip(t), "--limit", "1", "-p", heavy, "-o", "none", "--worker", starved, "--workers", "1", "--attempts", "2",
		"--quarantine", "q").exits(1, "(poisoned)", `died by signal "killed"`)
	all := quarantined(t, dir, "--quarantine", "q")
	if len(all) != 1 || len(all[0].Attempts) != 2 || all[0].Input.Format != "bgr" || all[0].Attempts[0].Exit.Signal != "killed" {
		t.Fatalf("in quarantine are %+v", all)
	}
	first := produced(t, "first.png", "-i", clip(t), "-frames:v", "1")
	kept := probe(t, filepath.Join(dir, "q", all[0].ID, all[0].Input.File))
	if want := probe(t, first); kept.Width != want.Width || kept.Height != want.Height {
		t.Errorf("the frame is kept as %+v, want %+v", kept, want)
	}
	runIn(t, dir, "quarantine", "--quarantine", "q", "replay", all[0].ID, "-o", "got.tif").exits(0)
	if read(t, filepath.Join(dir, "got.tif")) != read(t, filepath.Join(dir, "want.tif")) {
		t.Error("the replay has another result than a run")
	}
}
