package integration

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cvfarm/cvfarm"

// The two towers, from the top. Imports go down only: never up, never sideways. What stands below both is shared/..., which
// Go itself keeps free of circles. Every package of a tower has a place here, and so has everything in its folder.
var towers = map[string][][]string{
	"coordinator": {
		{"coordinator"}, // main
		{"coordinator/internal/cli/..."},
		{"coordinator/internal/server/...", "coordinator/internal/dash/...", "coordinator/internal/media/...", "coordinator/internal/sheet/...",
			"coordinator/internal/bench/...", "coordinator/internal/chaos/...", "coordinator/client/..."},
		{"coordinator/farm/..."},
		{"coordinator/internal/quarantine/..."},
		{"coordinator/internal/proc/...", "coordinator/internal/restart/..."},
		{"coordinator/internal/cgroup/...", "coordinator/internal/journal/...", "coordinator/internal/splice/..."},
	},
	"worker": {
		{"worker", "worker/example/..."}, // mains
		{"worker/opencv/..."},
		{"worker/internal/cv/...", "worker/fake/...", "worker/codec/..."},
		{"worker/workertest/..."},
		{"worker/serve/..."},
	},
}

// A rule names who may import some packages; nobody else may. What no rule names,
// anybody may import.
type rule struct {
	what    []string
	by      []string          // whose duty it is
	inTests []string          // whose _test.go files may, besides
	except  map[string]string // who else may, and the reason
	why     string
}

var anywhere = []string{"..."}

var rules = []rule{
	{
		what:    []string{"coordinator/..."},
		by:      []string{"coordinator/..."},
		inTests: []string{"integration/..."},
		except: map[string]string{
			"integration/readme":          "is the README's example of a program of the user's",
			"integration/peers/crashfarm": "is measured against others as a program of the user's",
		},
		why: "neither tower knows the other, and shared lies below both",
	},
	{
		what:    []string{"worker/..."},
		by:      []string{"worker/..."},
		inTests: []string{"coordinator/...", "integration/..."}, // worker/internal is kept from them by the compiler
		except:  map[string]string{"integration/peers/crashworker": "is a worker of the user's, which crashes"},
		why:     "neither tower knows the other: what may crash is never linked into what may not",
	},
	{
		what: []string{"integration/..."},
		why:  "whole programs are tested from outside",
	},
	{
		what: []string{"gocv.io/x/gocv/...", "C"},
		by:   []string{"worker/internal/cv/..."},
		why:  "native code has one door",
	},
	{
		what: []string{"unsafe"},
		by:   []string{"shared/shm", "worker/internal/cv/..."},
		except: map[string]string{
			"worker/serve": "gives a signal back its default action, which os/signal cannot",
		},
		why: "memory is shared in one package, and lent to OpenCV in one other",
	},
	{
		what: []string{"github.com/hashicorp/go-plugin/..."},
		by:   []string{"coordinator/internal/proc", "shared/handshake", "worker/serve"},
		why:  "how the two processes find each other is known at the two ends, and nowhere between",
	},
	{
		what:    []string{"os/exec", "syscall"},
		by:      []string{"coordinator/internal/proc", "shared/handshake", "worker/serve"},
		inTests: anywhere,
		except: map[string]string{
			"shared/shm":        "waits for a bell by the run-time's interface for that, syscall.RawConn",
			"worker/fake":       "leaves a grandchild behind that holds its pipes, as a wrapper script may",
			"worker/workertest": "starts a worker as a coordinator of its own, which it cannot import",
		},
		why: "how processes are started, watched and ended is known to proc, and to its other end in the worker",
	},
	{
		what:    []string{"golang.org/x/sys/unix"},
		by:      []string{"coordinator/internal/proc", "shared/handshake", "worker/serve", "shared/shm"},
		inTests: anywhere,
		except: map[string]string{
			"coordinator":                     "names the signals that it answers to",
			"coordinator/internal/cgroup":     "asks whether a group was delegated, and locks its own",
			"coordinator/internal/bench":      "tells what a measurement cost in CPU time",
			"coordinator/internal/cli":        "doctor asks what this kernel can and allows; the report, what a run cost",
			"coordinator/internal/chaos":      "does to workers what their enemies do",
			"coordinator/internal/media":      "puts files in place without replacing any, and sees a full disk before the encoder does",
			"coordinator/farm":                "sizes its shared memory by the machine's",
			"worker/fake":                     "dies by every signal there is",
			"worker/workertest":               "makes the connection that a worker is born with",
			"coordinator/internal/quarantine": "tells a file system that cannot sync a folder from one that failed to",
			"coordinator/internal/journal":    "keeps a second coordinator away from a journal",
		},
		why: "the kernel is asked by those whose duty it is",
	},
	{
		what:    []string{"google.golang.org/grpc/codes", "google.golang.org/grpc/status"},
		by:      []string{"coordinator/internal/server", "coordinator/internal/proc", "worker/serve"},
		inTests: anywhere,
		why:     "transport codes are for the door; behind it a failure is a fault.Code",
	},
	{
		what:    []string{"net/http/..."},
		by:      []string{"coordinator/internal/server", "coordinator/internal/dash"},
		inTests: anywhere,
		except: map[string]string{
			"worker/internal/cv": "reads videos from HTTP servers, and has to know when one breaks off, which FFmpeg does not tell",
		},
		why: "there is one door for HTTP and one page behind it",
	},
}

func TestTreeImportsKeepTheRules(t *testing.T) {
	for _, s := range tree(t) {
		s.imports(func(line int, what string) {
			for _, r := range rules {
				if matches(r.what, what) && !r.allows(s) {
					t.Errorf("%s:%d imports %s, which is for %s: %s", s.file, line, what, r.readers(), r.why)
				}
			}
		})
	}
}

func (r rule) allows(s source) bool {
	_, excepted := r.except[s.pkg]
	return excepted || matches(r.by, s.pkg) || s.test && matches(r.inTests, s.pkg)
}

func (r rule) readers() string {
	if len(r.by) == 0 {
		return "nobody"
	}
	return strings.Join(r.by, ", ") + " only"
}

// Tests are free to look up: farm's may read a file through media.
func TestTreeImportsGoDownOnly(t *testing.T) {
	for _, s := range tree(t) {
		tower, place, row := placeOf(s.pkg)
		if tower == nil || s.test {
			continue
		}
		if place == "" {
			t.Errorf("%s has no place in its tower; give it one in integration/layers_test.go", s.pkg)
			continue
		}
		s.imports(func(line int, what string) {
			other, below, its := placeOf(what)
			if other != nil && below != place && its <= row && &tower[0] == &other[0] {
				t.Errorf("%s:%d: %s imports %s, which is not below it", s.file, line, s.pkg, what)
			}
		})
	}
}

// placeOf finds a package's tower, its entry there and the row of that, counted from the top.
func placeOf(pkg string) (tower [][]string, place string, row int) {
	name, _, _ := strings.Cut(pkg, "/")
	tower = towers[name]
	for row, entries := range tower {
		for _, place := range entries {
			if matches([]string{place}, pkg) {
				return tower, place, row
			}
		}
	}
	return tower, "", -1
}

// The coordinator may not crash, so nothing native is linked into it, by whatever way it would come.
func TestTreeCoordinatorIsPureGo(t *testing.T) {
	for _, tags := range []string{"", "opencv"} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags, "./coordinator")
		list.Dir = root
		list.Env = append(os.Environ(), "CGO_ENABLED=0")
		list.Stderr = t.Output()
		out, err := list.Output()
		if err != nil {
			t.Fatalf("cannot list what the coordinator is made of (tags %q): %v", tags, err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			own := strings.TrimPrefix(dep, module+"/")
			if strings.Contains(dep, "gocv") || dep == "runtime/cgo" || matches([]string{"worker/..."}, own) {
				t.Errorf("the coordinator links %s (tags %q)", dep, tags)
			}
		}
	}
}

// An exception that nobody needs any more is taken out.
func TestTreeExceptionsAreUsed(t *testing.T) {
	all := tree(t)
	for _, r := range rules {
		for pkg := range r.except {
			used := slices.ContainsFunc(all, func(s source) bool {
				found := false
				s.imports(func(_ int, what string) { found = found || matches(r.what, what) })
				return found && s.pkg == pkg && !s.test
			})
			if !used {
				t.Errorf("%s has an exception for %s and does not use it", pkg, strings.Join(r.what, ", "))
			}
		}
	}
}

// matches tells whether a pattern covers the import path: itself, or with /... everything below it too.
func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		stem, below := strings.CutSuffix(p, "...")
		stem = strings.TrimSuffix(stem, "/")
		return p == pkg || below && (stem == "" || pkg == stem || strings.HasPrefix(pkg, stem+"/"))
	})
}
