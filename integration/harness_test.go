//go:build opencv

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/worker/fake"
)

// shop is where test material is made, once for all tests.
var shop string

func TestMain(m *testing.M) {
	fake.ServeIfWorker()
	var err error
	if shop, err = os.MkdirTemp("", "cvfarm-integration-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(shop)
		os.Exit(code)
	}))
}

// binary returns a program that make built.
func binary(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("CVFARM_BIN")
	if dir == "" {
		t.Fatal("CVFARM_BIN does not say where the binaries are: run make test, which builds them")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run make test, which builds it", err)
	}
	return path
}

// fakeWorker returns a worker that obeys scripts: this test binary, started as a worker. With a deed it does that before it
// serves anything; see fake.EnvStart.
func fakeWorker(t *testing.T, deed string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return wrapped(t, fmt.Sprintf("%s=%s exec %s", fake.EnvStart, deed, self))
}

// wrapped returns an executable script. Workers have an environment of their own, so what a test wants to say stands in here.
func wrapped(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker")
	write(t, path, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// command is a coordinator to start.
type command struct {
	args   []string
	dir    string // where it runs; a new folder otherwise
	env    []string
	stdin  io.Reader
	stdout *os.File // nil: collected
}

// program is a coordinator that runs. It has a temporary folder of its own, so that all that is left of it can be found.
type program struct {
	*exec.Cmd
	t       *testing.T
	dir     string
	temp    string
	stdout  bytes.Buffer // valid after ended
	stderr  journal
	started time.Time
	took    time.Duration // valid after ended
	ended   chan struct{}
}

// patience is for what must happen sooner or later, on a machine that is busy with other things too.
const patience = 60 * time.Second

// start runs the coordinator. At the test's end it must have ended, and nothing of it may be left.
func start(t *testing.T, c command) *program {
	t.Helper()
	p := &program{t: t, dir: c.dir, temp: t.TempDir(), started: time.Now(), ended: make(chan struct{})}
	if p.dir == "" {
		p.dir = t.TempDir()
	}
	p.Cmd = exec.Command(binary(t, "coordinator"), c.args...)
	p.Cmd.Dir, p.Cmd.Stdin, p.Cmd.Stdout, p.Cmd.Stderr = p.dir, c.stdin, &p.stdout, &p.stderr
	if c.stdout != nil {
		p.Cmd.Stdout = c.stdout
	}
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cmd.Env = append(append(os.Environ(), "XDG_STATE_HOME="+t.TempDir()), c.env...)
	p.Cmd.Env = append(p.Cmd.Env, "TMPDIR="+p.temp)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Cmd.Wait()
		p.took = time.Since(p.started)
		p.stderr.close()
	}()
	t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			p.kill()
		}
		p.leavesNothing()
	})
	return p
}

// run runs the coordinator to its end.
func run(t *testing.T, args ...string) *program {
	t.Helper()
	return start(t, command{args: args}).wait()
}

// runIn is run in a folder.
func runIn(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	return start(t, command{args: args, dir: dir}).wait()
}

// wait waits for the end.
func (p *program) wait() *program {
	p.t.Helper()
	p.endsWithin(patience)
	return p
}

func (p *program) endsWithin(d time.Duration) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(d):
		p.kill()
		p.t.Fatalf("coordinator %q still runs after %v; it said:\n%s", p.Args[1:], d, p.stderr.text())
	}
}

// kill is kill -9.
func (p *program) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// signal does what a terminal does: it signals the coordinator's process group.
func (p *program) signal(s unix.Signal) {
	p.t.Helper()
	kill(p.t, -p.Process.Pid, s)
}

// exits checks the exit code, and that standard error has all of the texts.
func (p *program) exits(code int, says ...string) *program {
	p.t.Helper()
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("coordinator %q: exit code %d, want %d; it said:\n%s", p.Args[1:], got, code, p.stderr.text())
	}
	for _, want := range says {
		if !strings.Contains(p.stderr.text(), want) {
			p.t.Errorf("coordinator %q does not say %q, but:\n%s", p.Args[1:], want, p.stderr.text())
		}
	}
	return p
}

// leavesNothing is the invariant of every run, however it ended: a second later there is no process and no file of it.
func (p *program) leavesNothing() {
	p.t.Helper()
	p.allGone()
	p.leftInTemp(0)
}

// eventually asks until there is no error, in vain for at most d.
func eventually(t *testing.T, d time.Duration, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Errorf("after %v: %v", d, err)
			return
		}
	}
}

// journal is what a program says, line by line.
type journal struct {
	mu      sync.Mutex
	data    bytes.Buffer
	closed  bool
	changed chan struct{} // closed at the next change; nil while nobody waits
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.data.Write(b)
	j.wake()
	return len(b), nil
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	j.wake()
}

func (j *journal) wake() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.data.String()
}

// await waits for a line that fits.
func (p *program) await(what string, fits func(line string) bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.stderr.mu.Lock()
		if p.stderr.changed == nil {
			p.stderr.changed = make(chan struct{})
		}
		text, closed, changed := p.stderr.data.String(), p.stderr.closed, p.stderr.changed
		p.stderr.mu.Unlock()
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, "\n") && fits(line) {
				return
			}
		}
		if closed {
			p.t.Fatalf("the coordinator ended without %s; it said:\n%s", what, text)
		}
		select {
		case <-changed:
		case <-deadline:
			p.t.Fatalf("no %s within %v; the coordinator said:\n%s", what, patience, text)
		}
	}
}

// paced starts a run whose frames the test lets through: for each it prints a line on standard output, which is a pipe that
// holds few.
func paced(t *testing.T, c command) (*program, *pacer) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	c.stdout = w
	c.args = append(c.args, "--data", "-")
	t.Cleanup(func() { r.Close() })
	p := start(t, c)
	w.Close()
	return p, &pacer{t: t, program: p, pipe: r}
}

// pacer reads what a run found.
type pacer struct {
	t       *testing.T
	program *program
	pipe    *os.File
	lines   int
}

// reach lets frames through until n have passed.
func (p *pacer) reach(n int) {
	p.t.Helper()
	buf := make([]byte, 512)
	for p.lines < n {
		k, err := p.pipe.Read(buf)
		p.lines += bytes.Count(buf[:k], []byte("\n"))
		if err != nil {
			p.t.Fatalf("the run ended after %d frames, before %d: %v; it said:\n%s", p.lines, n, err, p.program.stderr.text())
		}
	}
}

// jam waits until the run is stuck because nobody reads.
func (p *pacer) jam() {
	p.t.Helper()
	last, same := -1, 0
	eventually(p.t, patience, func() error {
		unread, err := unix.IoctlGetInt(int(p.pipe.Fd()), unix.TIOCINQ)
		if same++; unread != last {
			last, same = unread, 0
		}
		if err == nil && (unread < 3000 || same < 20) {
			err = fmt.Errorf("the run is not stuck: %d bytes are unread", unread)
		}
		return err
	})
}

// finish lets the rest through, and waits for the end.
func (p *pacer) finish() *program {
	p.t.Helper()
	_ = p.pipe.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 32<<10)
	for {
		k, err := p.pipe.Read(buf)
		p.lines += bytes.Count(buf[:k], []byte("\n"))
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			p.t.Fatalf("after %d frames: %v", p.lines, err)
		}
		return p.program.wait()
	}
}
