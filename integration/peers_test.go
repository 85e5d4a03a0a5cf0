//go:build opencv

package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// peers is the comparison, with the packages of the distribution only.
func peers(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	args = append([]string{"peers.py", "--image", sample(t, "space_shuttle.jpg")}, args...)
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", args...)
	cmd.Dir = "peers"
	return cmd
}

// The kill was another one for cvfarm than for the others, and each had a number of frames in flight of its own.
func TestPeersAreTreatedAlike(t *testing.T) {
	t.Parallel()
	out, bin := t.TempDir(), crashPrograms(t)
	cmd := peers(t, "--coordinator", binary(t, "coordinator"), "--crash-farm", filepath.Join(bin, "crashfarm"),
		"--crash-worker", filepath.Join(bin, "crashworker"), "--out", out, "--rounds", "2", "--seconds", "0.5",
		"--ways", "inline,threads,ProcessPoolExecutor", "--work", "flip 100x100,gray+canny 640x480")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	text := read(t, filepath.Join(out, "peers.md"))
	for _, want := range []string{
		`\| µs per frame \| flip, 100×100 \| gray\+canny, 640×480 \| lost of 1,000 at kill -9 \|`,
		`\| in flight \| 128 \| 16 \| 16 \|`,
		`\| inline \| [\d,]+ \| [\d,]+ \| 500: the program is gone \|`,
		`\| threads \| [\d,]+ \| [\d,]+ \| [45]\d\d: the program is gone \|`,
		`\| ProcessPoolExecutor \| [\d,]+ \| [\d,]+ \| \d+: the rest fails: BrokenProcessPool \|`,
		`\| cvfarm \| [\d,]+ \| [\d,]+ \| 0: runs on \|`,
		`\| cvfarm, zero copy \| [\d,]+ \| [\d,]+ \|  \|`,
		`\| cvfarm \| 1.00 \| 1.00 \|`,
		`\| bare OpenCV \| \d+\.\d\d \| \d+\.\d\d \|`,
	} {
		if !regexp.MustCompile("(?m)^" + want + "$").MatchString(text) {
			t.Errorf("no line is like %s:\n%s", want, text)
		}
	}
	if chart := read(t, filepath.Join(out, "peers.svg")); !strings.Contains(chart, ">ProcessPoolExecutor</text>") {
		t.Error("the chart lacks a way")
	}
}

// crashPrograms builds the programs by which a worker of cvfarm is killed as those of its peers are.
func crashPrograms(t *testing.T) (dir string) {
	t.Helper()
	tags, err := exec.Command("../.ci/tags").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	build := exec.Command("go", "build", "-tags", strings.TrimSpace(string(tags)), "-o", dir+"/", "./peers/...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// A comparison that is interrupted left its peers' processes, semaphores and folders behind.
func TestPeersLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	mark := "CVFARM_TEST_MARK=" + t.TempDir()
	cmd := peers(t, "--coordinator", "no", "--crash-farm", "no", "--crash-worker", "no", "--out", t.TempDir(),
		"--ways", "inline,shared memory + queue")
	cmd.Env = append(os.Environ(), mark)
	stderr, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = pipe
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pipe.Close()
	said, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil || !strings.HasPrefix(said, "inline: 500 lost, the program is gone") {
		t.Errorf("it says %q, %v", said, err)
	}
	var shared string // of the second way, whose frames are under way
	eventually(t, patience, func() error {
		for _, pid := range marked(mark) {
			name := fmt.Sprintf("/dev/shm/peers-%d", pid)
			if _, err := os.Stat(name); err == nil {
				shared = name
				return nil
			}
		}
		return fmt.Errorf("the second way has not begun")
	})
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("it ended with %v", err)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if _, err := os.Stat(shared); err == nil {
		t.Errorf("%s is left", shared)
	}
}

// marked returns the processes that have this in their environment.
func marked(mark string) []int {
	return slices.DeleteFunc(processes(), func(pid int) bool {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		return !bytes.Contains(env, []byte(mark))
	})
}
