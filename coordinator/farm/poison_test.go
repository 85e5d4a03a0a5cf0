package farm

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/internal/proc"
	"github.com/cvfarm/cvfarm/coordinator/internal/quarantine"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// newQuarantined is newFarm with a folder for poisoned jobs.
func newQuarantined(t *testing.T, change ...func(*Config)) (*Farm, *quarantine.Store) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "quarantine")
	f := newFarm(t, append([]func(*Config){func(c *Config) { c.Quarantine = folder }}, change...)...)
	return f, &quarantine.Store{Folder: folder}
}

func entries(t *testing.T, s *quarantine.Store) []quarantine.Entry {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// poisons is every way in which a job can end its worker that is charged to it.
var poisons = []struct {
	name, pipeline string
	cause          proc.Cause
	signal, story  string
}{
	{"it crashes", "kill signal=SEGV", proc.CauseExited, "segmentation fault", ""},
	{"it exits", "exit code=3", proc.CauseExited, "", "these are my last words"},
	{"it stalls", "kill signal=STOP", proc.CauseStalled, "killed", ""},
	{"it lies", "lie about=size", proc.CauseProtocol, "killed", ""},
}

func TestAJobThatEndsEveryWorkerIsQuarantined(t *testing.T) {
	for _, p := range poisons {
		t.Run(p.name, func(t *testing.T) {
			f, store := newQuarantined(t, func(c *Config) { c.StallTimeout, c.Attempts = 600*time.Millisecond, 2 })
			events := f.Events(t.Context())
			good, entry := 0, ""
			for r, err := range f.Map(t.Context(), p.pipeline+" index=5 | invert", grays(12)) {
				var e *Error
				switch {
				case err == nil:
					good++
					r.Release()
				case !errors.As(err, &e) || e.Index != 5 || e.Code != fault.Poisoned || !strings.Contains(err.Error(), "it is in quarantine as "+e.Entry):
					t.Fatalf("%v: %+v", err, e)
				default:
					entry = e.Entry
				}
			}
			all := entries(t, store)
			if good != 11 || len(all) != 1 || all[0].ID != entry || all[0].Damaged != "" {
				t.Fatalf("%d of the other 11 frames came; in quarantine are %+v", good, all)
			}
			e := all[0]
			in, err := store.Frame(e, e.Input)
			if err != nil || string(in.Pix) != string(gray(5).Pix) || e.Source != "frame-5" || e.Index != 5 || e.Timeout != 20*time.Second ||
				e.Pipeline != p.pipeline+" index=5 | invert" || len(e.Attempts) != 2 {
				t.Fatalf("%v: %+v", err, e)
			}
			for i, a := range e.Attempts {
				if a.Exit.Cause != p.cause || a.Exit.Signal != p.signal || !strings.Contains(a.Exit.Stderr, p.story) || a.Exit.PID < 1 ||
					a.Worker < 1 || i > 0 && a.Ran <= 0 || (a.Exit.Proc == nil) != (p.cause == proc.CauseExited) {
					t.Errorf("an attempt is told as %+v", a)
				}
			}
			if s := f.Snapshot(); s.Poisoned != 1 || s.NotQuarantined != 0 {
				t.Errorf("counted as %+v", s.Counts)
			}
			if e := happened(t, events, JobPoisoned); e.Entry != entry || e.Err != nil || e.Exit.Cause != p.cause {
				t.Errorf("the event is %+v", e)
			}
		})
	}
}

// happened returns the first event of a kind.
func happened(t *testing.T, events <-chan Event, kind EventKind) Event {
	t.Helper()
	late := deadline(t, 10*time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return e
			}
		case <-late.Done():
			t.Fatalf("there was no %q", kind)
		}
	}
}

// What fails for another reason than the end of its workers is nobody's poison, nor is what was only near.
func TestOtherFailuresAreNotQuarantined(t *testing.T) {
	f, store := newQuarantined(t, func(c *Config) { c.Isolation, c.Workers, c.Timeout, c.Attempts = Thread, 3, 300*time.Millisecond, 2 })
	for _, c := range []struct {
		pipeline string
		code     fault.Code
	}{
		{"hang index=1", fault.Deadline}, {"fail index=1", fault.Invalid}, {"undecodable index=1", fault.Undecodable},
		{"exit code=3 index=1 once=" + filepath.Join(t.TempDir(), "once"), ""},
	} {
		for r, err := range f.Map(t.Context(), "sleep ms=5 | "+c.pipeline, grays(20)) {
			if err == nil {
				r.Release()
			} else if code(err) != c.code {
				t.Fatalf("%s: %v", c.pipeline, err)
			}
		}
	}
	future, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	future.Cancel()
	if _, err := f.Plan(t.Context(), "echo", gray(1).Geometry); err != nil {
		t.Fatal(err)
	}
	if all := entries(t, store); len(all) != 0 || f.Snapshot().Poisoned+f.Snapshot().NotQuarantined != 0 {
		t.Fatalf("in quarantine are %+v", all)
	}
}

func TestAJobThatCannotBeQuarantinedSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		kept   int
		want   string
	}{
		{"too many", func(c *Config) { c.QuarantineEntries = 1 }, 1, "the quarantine is full: it has 1 entries, which is the limit"},
		{"too large", func(c *Config) { c.QuarantineBytes = 100 }, 0, "the quarantine is full: of its 100 bytes 100 are left"},
		{"no folder", func(c *Config) { c.Quarantine = filepath.Join(file, "q") }, 0, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := newQuarantined(t, func(c *Config) { c.Attempts = 1 }, c.change)
			events := f.Events(t.Context())
			for i := range c.kept {
				if _, err := one(t, f, Job{Pipeline: "exit", Frame: gray(i)}); code(err) != fault.Poisoned {
					t.Fatal(err)
				}
			}
			_, err := one(t, f, Job{Pipeline: "exit", Frame: gray(9)})
			if code(err) != fault.Crashed || !strings.Contains(err.Error(), "exited with code 0") || !strings.Contains(err.Error(), c.want) {
				t.Fatal(err)
			}
			for range c.kept {
				happened(t, events, JobPoisoned)
			}
			if e := happened(t, events, JobPoisoned); e.Err == nil || e.Entry != "" {
				t.Errorf("the event is %+v", e)
			}
			if s := f.Snapshot(); s.NotQuarantined != 1 || int(s.Poisoned) != c.kept {
				t.Errorf("counted as %+v", s.Counts)
			}
		})
	}
}

func TestNamedInputsAreQuarantinedToo(t *testing.T) {
	f, store := newQuarantined(t, func(c *Config) { c.Attempts = 1 })
	if err := f.Upload(t.Context(), "logo", gray(7)); err != nil {
		t.Fatal(err)
	}
	if _, err := one(t, f, Job{Pipeline: "recall input=logo | exit", Frame: gray(1), Stream: "camera"}); code(err) != fault.Poisoned {
		t.Fatal(err)
	}
	e := entries(t, store)[0]
	if len(e.Inputs) != 1 || e.Inputs[0].Name != "logo" || e.Stream != "camera" {
		t.Fatalf("%+v", e)
	}
	if logo, err := store.Frame(e, e.Inputs[0]); err != nil || !slices.Equal(logo.Pix, gray(7).Pix) {
		t.Fatalf("%v, %v", logo, err)
	}
}

// Close came before the disk was done: it waits, and nobody's answer or memory is lost. newFarm checks the memory.
func TestCloseWaitsForTheQuarantine(t *testing.T) {
	f, store := newQuarantined(t, func(c *Config) { c.Attempts = 1 })
	var futures []*Future
	for i := range 5 {
		future, err := f.Submit(t.Context(), Job{Pipeline: "exit", Frame: gray(i)})
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, future)
	}
	if err := f.Close(deadline(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, future := range futures {
		if _, err := future.Wait(t.Context()); code(err) != fault.Poisoned {
			t.Error(err)
		}
	}
	if all := entries(t, store); len(all) != len(futures) {
		t.Fatalf("%d entries", len(all))
	}
}
