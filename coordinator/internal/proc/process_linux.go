package proc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/handshake"
)

// process is a child process and its streams. It is go-plugin's runner.Runner.
type process struct {
	launcher *Launcher
	cmd      *exec.Cmd
	lifeline *os.File // while it is open, the worker lives

	last      tail           // of stderr, and of stdout after the handshake
	hello     *io.PipeReader // the handshake line, for go-plugin
	helloIn   *io.PipeWriter
	pumps     sync.WaitGroup
	pipes     []*os.File // our ends of stdout and stderr
	began     time.Time
	done      chan struct{} // closed when the process has been reaped
	exit      Exit          // valid after done
	mu        sync.Mutex    // guards what follows
	pid       int           // 0 until it runs
	ended     bool          // no signal may be sent any more
	cause     Cause         // the first order to kill it
	detail    string
	mismatch  string // the protocol version that the worker spoke, where it is not ours
	closeOnce sync.Once
}

// newProcess prepares cmd. inherit are the files it gets as descriptors 3 and up; the lifeline follows them.
func newProcess(l *Launcher, cmd *exec.Cmd, inherit []*os.File) *process {
	p := &process{launcher: l, cmd: cmd, done: make(chan struct{})}
	p.hello, p.helloIn = io.Pipe()
	cmd.Stdin, cmd.ExtraFiles = nil, inherit
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return p
}

// Start runs the program. It is called by go-plugin.
func (p *process) Start(context.Context) error {
	child, err := p.plumb()
	defer closeAll(child)
	if err != nil {
		return err
	}
	p.began = time.Now()
	p.launcher.do(func() { err = p.cmd.Start() })
	if err != nil {
		closeAll(p.pipes)
		p.close()
		return err
	}
	p.started(p.cmd.Process.Pid)
	p.pumps.Go(func() { p.pumpStdout(p.pipes[0]) })
	p.pumps.Go(func() { _, _ = io.Copy(&p.last, p.pipes[1]) })
	go p.wait()
	return nil
}

func (p *process) started(pid int) {
	sacrificeFirst(pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
	if p.cause != "" { // the order came before the process
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
}

// plumb makes the pipes. It returns the child's ends.
func (p *process) plumb() (child []*os.File, err error) {
	for range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			return child, err
		}
		p.pipes, child = append(p.pipes, r), append(child, w)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return child, err
	}
	p.lifeline, child = w, append(child, r)
	p.cmd.Stdout, p.cmd.Stderr = child[0], child[1]
	p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, r)
	return child, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// maxHello bounds the handshake line.
const maxHello = 4 << 10

// pumpStdout gives the first line to go-plugin, once it speaks our protocol, and keeps the rest with stderr.
func (p *process) pumpStdout(stdout *os.File) {
	defer p.helloIn.Close()
	r := bufio.NewReaderSize(stdout, maxHello)
	line, err := r.ReadSlice('\n')
	if fields := strings.Split(string(line), "|"); err == nil && len(fields) > 2 {
		if fields[1] != strconv.Itoa(handshake.Version) {
			p.mu.Lock()
			p.mismatch = fields[1]
			p.mu.Unlock()
		}
		_, _ = p.helloIn.Write(line)
	} else {
		_, _ = p.last.Write(line)
	}
	p.helloIn.Close()
	_, _ = io.Copy(&p.last, r)
}

// drainTime is how long a dead worker's pipes may be held open by its children before we stop listening.
const drainTime = 100 * time.Millisecond

// wait sees the end of the process, takes the rest of its group along, and only then lets the kernel forget the pid.
func (p *process) wait() {
	pid := p.cmd.Process.Pid
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	p.mu.Lock()
	p.ended = true
	_ = unix.Kill(-pid, unix.SIGKILL)
	p.mu.Unlock()
	for _, f := range p.pipes {
		_ = f.SetReadDeadline(time.Now().Add(drainTime))
	}
	p.pumps.Wait()
	closeAll(p.pipes)
	err := p.cmd.Wait()
	p.exit = p.obituary(err)
	p.close()
	close(p.done)
}

func (p *process) close() {
	p.closeOnce.Do(func() {
		if p.lifeline != nil {
			p.lifeline.Close()
		}
		p.hello.Close()
		p.helloIn.Close()
	})
}

func (p *process) obituary(waitErr error) Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := Exit{Cause: CauseExited, PID: p.cmd.Process.Pid, Code: -1, Stderr: p.last.String(), Lived: time.Since(p.began)}
	st := p.cmd.ProcessState
	if st == nil {
		e.Detail = fmt.Sprint(waitErr)
		return e
	}
	e.Code = st.ExitCode()
	if usage, ok := st.SysUsage().(*syscall.Rusage); ok {
		e.MaxRSS = usage.Maxrss << 10
	}
	ws, ok := st.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		e.Signal = ws.Signal().String()
	}
	// An order counts only if it was what ended the process: it may have crashed a moment before.
	killed := ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
	quit := e.Code == 0 && (p.cause == CauseStop || p.cause == CauseRecycle)
	if p.cause != "" && (killed || quit) {
		e.Cause, e.Detail = p.cause, p.detail
	}
	return e
}

// kill ends the process and its group. The first order is the one that is remembered.
func (p *process) kill(cause Cause, detail string) {
	p.order(cause, detail)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended && p.pid != 0 {
		_ = unix.Kill(-p.pid, unix.SIGKILL)
	}
}

// order remembers on whose order the process is about to end.
func (p *process) order(cause Cause, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == "" {
		p.cause, p.detail = cause, detail
	}
}

// The rest of runner.Runner.

func (p *process) Wait(context.Context) error                      { <-p.done; return nil }
func (p *process) Kill(context.Context) error                      { p.kill(CauseStart, "no handshake"); return nil }
func (p *process) Stdout() io.ReadCloser                           { return p.hello }
func (p *process) Stderr() io.ReadCloser                           { return io.NopCloser(strings.NewReader("")) }
func (p *process) Name() string                                    { return p.cmd.Path }
func (p *process) ID() string                                      { return strconv.Itoa(p.pid) }
func (p *process) Diagnose(context.Context) string                 { return "" }
func (p *process) PluginToHost(n, a string) (_, _ string, _ error) { return n, a, nil }
func (p *process) HostToPlugin(n, a string) (_, _ string, _ error) { return n, a, nil }
