//go:build opencv

package integration

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// role is what a worker process does for a run.
type role string

const (
	ops     role = "ops"
	decoder role = "decoder"
	encoder role = "encoder"
)

// crew are the workers of a run, by what they do, the oldest first: the spare one comes last.
type crew map[role][]int

// children are a run's workers. A decoder has the input open, an encoder the output in the making.
func (p *program) children() crew {
	all, started := crew{}, map[int]int{}
	for _, pid := range processes() {
		ppid, start := parent(pid)
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if ppid == p.Process.Pid && exe != p.Path { // until it executes the worker, a child has the coordinator's files open
			r := roleOf(pid)
			all[r], started[pid] = append(all[r], pid), start
		}
	}
	for _, pids := range all {
		slices.SortFunc(pids, func(a, b int) int { return cmp.Or(started[a]-started[b], a-b) })
	}
	return all
}

// include reports whether all of the others are still there.
func (c crew) include(others crew) bool {
	for r, pids := range others {
		for _, pid := range pids {
			if !slices.Contains(c[r], pid) {
				return false
			}
		}
	}
	return true
}

func roleOf(pid int) role {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		name, _ := os.Readlink(fd)
		switch {
		case strings.Contains(filepath.Base(name), ".tmp-"):
			return encoder
		case strings.HasSuffix(name, ".mp4"):
			return decoder
		}
	}
	return ops
}

// one returns a worker with the role.
func (p *program) one(r role) int {
	p.t.Helper()
	pids := p.children()[r]
	if len(pids) == 0 {
		p.t.Fatalf("no worker has the role %s: %v", r, p.children())
	}
	return pids[0]
}

// onlyEncoder waits until one worker, and no more, writes a video.
func (p *program) onlyEncoder() (pid int) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		pids := p.children()[encoder]
		if len(pids) != 1 {
			return fmt.Errorf("%d workers write a video", len(pids))
		}
		pid = pids[0]
		return nil
	})
	return pid
}

func processes() []int {
	entries, _ := os.ReadDir("/proc")
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// parent returns the parent's number and the time of the start in clock ticks; 0 where the process is gone, or dead and not
// buried yet.
func parent(pid int) (ppid, started int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on: the state
	if fields[0] == "Z" {
		return 0, 0
	}
	ppid, _ = strconv.Atoi(fields[1])
	started, _ = strconv.Atoi(fields[19])
	return ppid, started
}

// processesOf are those whose temporary folder this is: a run's coordinator, its workers, and their children.
func processesOf(temp string) []int {
	var all []int
	for _, pid := range processes() {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(env, []byte("TMPDIR="+temp+"\x00")) {
			all = append(all, pid)
		}
	}
	return all
}

func kill(t *testing.T, pid int, s unix.Signal) {
	t.Helper()
	if err := unix.Kill(pid, s); err != nil {
		t.Fatalf("cannot send %v to %d: %v", s, pid, err)
	}
}

// memory is a process's, in bytes.
type memory struct{ rss, anon, shmem, file int64 }

func (m memory) String() string {
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	return fmt.Sprintf("RSS %.1f MiB (anonymous %.1f, shared %.1f, files %.1f)", mib(m.rss), mib(m.anon), mib(m.shmem), mib(m.file))
}

func memoryOf(t *testing.T, pid int) memory {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var m memory
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, _ := strconv.ParseInt(kib, 10, 64)
		switch n <<= 10; name {
		case "VmRSS":
			m.rss = n
		case "RssAnon":
			m.anon = n
		case "RssShmem":
			m.shmem = n
		case "RssFile":
			m.file = n
		}
	}
	return m
}

// stateOf is a letter such as T for a process that is stopped; empty where there is none.
func stateOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
}
