//go:build opencv

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A process shares the coordinator's memory until it executes its program. Were it to handle a signal then, as one to the process
// group, the coordinator would come to harm: none may start with signals on. It is not parallel, for it waits for all children of
// its thread.
func TestProcessesStartWithSignalsOff(t *testing.T) {
	args := []string{"run", clip(t), "--limit", "3", "-p", "gray", "-o", "out.mp4"}
	dir := t.TempDir()
	type result struct {
		masks []string
		err   error
	}
	found := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: it alone may trace
		masks, err := masksAtStart(dir, binary(t, "coordinator"), args...)
		found <- result{masks, err}
	}()
	r := <-found
	if r.err != nil {
		t.Fatal(r.err)
	}
	if len(r.masks) < 2 {
		t.Errorf("only %d processes were seen", len(r.masks))
	}
	for i, mask := range r.masks {
		if mask != "fffffffffffbfeff" { // all but SIGKILL and SIGSTOP
			t.Errorf("process %d of %d started with these signals off: %s", i+1, len(r.masks), mask)
		}
	}
}

// masksAtStart runs a program, and returns which signals were off, as in /proc/pid/status, in each process that it started, before
// that did anything.
func masksAtStart(dir, program string, args ...string) (masks []string, err error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer cmd.Process.Release()
	pid := cmd.Process.Pid
	seen := map[int]bool{}
	for {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return masks, fmt.Errorf("wait: %w", err)
		case tid == pid && (ws.Exited() || ws.Signaled()):
			if ws.ExitStatus() != 0 {
				err = fmt.Errorf("the program ended with status %#x", uint32(ws))
			}
			return masks, err
		case !ws.Stopped():
			continue
		}
		signal := int(ws.StopSignal())
		if !seen[tid] {
			seen[tid] = true
			signal = 0
			if tid == pid {
				err = unix.PtraceSetOptions(pid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACEFORK|unix.PTRACE_O_TRACEVFORK)
			} else if status := statusOf(tid); status["Tgid"] != fmt.Sprint(pid) {
				masks = append(masks, status["SigBlk"])
				if err := unix.PtraceDetach(tid); err != nil {
					return masks, fmt.Errorf("detach: %w", err)
				}
				continue
			}
			if err != nil {
				return masks, fmt.Errorf("trace: %w", err)
			}
		}
		if signal == int(unix.SIGTRAP) {
			signal = 0 // an event
		}
		if err := unix.PtraceCont(tid, signal); err != nil && err != unix.ESRCH {
			return masks, fmt.Errorf("continue: %w", err)
		}
	}
}

// statusOf reads /proc/pid/status.
func statusOf(pid int) map[string]string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		values[name] = strings.TrimSpace(value)
	}
	return values
}
