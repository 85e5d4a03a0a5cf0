package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// process is a child process and its streams.
type process struct {
	cmd    *exec.Cmd
	cap    int64         // on its memory; 0 is none
	region *shm.Region   // its own
	group  *cgroup.Group // that it is in; nil is ours

	lifeline *os.File      // while it is open, the worker lives
	line     chan net.Conn // our end of its connection, until gRPC takes it
	bell     *shm.Waiter   // which it rings
	hello    chan string   // its first line; closed after that
	last     tail          // of stderr, and of stdout after the first line
	pumps    sync.WaitGroup
	pipes    []*os.File // our ends of stdout and stderr
	began    time.Time
	done     chan struct{} // closed when the process has been reaped
	exit     Exit          // valid after done

	mu     sync.Mutex // guards what follows
	ended  bool       // no signal may be sent any more
	killed bool       // we sent one
	cause  Cause      // the first order to end it
	detail string
	seen   *ProcSnapshot // just before we killed it
}

// launch runs the program.
func (l *Launcher) launch(c Config) (*process, error) {
	p := &process{
		cmd: c.command(), cap: c.MemoryCap, region: c.Region,
		line: make(chan net.Conn, 1), hello: make(chan string, 1), done: make(chan struct{}),
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var err error
	l.do(func() {
		p.group = l.confine(c)
		err = p.start(c)
	})
	if err != nil {
		p.abandon()
		return nil, err
	}
	p.limitMemory()
	sacrificeFirst(p.pid())
	p.pumps.Go(func() { p.pumpStdout(p.pipes[0]) })
	p.pumps.Go(func() { _, _ = io.Copy(&p.last, p.pipes[1]) })
	go p.wait()
	return p, nil
}

// start runs on the launcher's thread, one process after the other: the files that it opens for a moment are few.
func (p *process) start(c Config) error {
	child, err := p.plumb(c)
	defer closeAll(child)
	if err != nil {
		return err
	}
	p.began = time.Now()
	return p.execute()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// wait sees the end of the process, takes the rest of its group along, and only then lets the kernel forget the pid.
func (p *process) wait() {
	for errors.Is(unix.Waitid(unix.P_PID, p.pid(), nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	p.mu.Lock()
	p.ended = true
	_ = unix.Kill(-p.pid(), unix.SIGKILL)
	p.mu.Unlock()
	for _, f := range p.pipes {
		_ = f.SetReadDeadline(time.Now().Add(drainTime))
	}
	p.pumps.Wait()
	closeAll(p.pipes)
	err := p.cmd.Wait()
	p.exit = p.obituary(err)
	p.removeGroup()
	p.release()
	close(p.done)
}

// release tells the process to end.
func (p *process) release() { p.lifeline.Close() }

func (p *process) obituary(waitErr error) Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := Exit{Cause: CauseExited, PID: p.pid(), Code: -1, Stderr: p.last.String(), Lived: time.Since(p.began), MemoryCap: p.cap}
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
	// An order counts only if it was what ended the process: it may have crashed a moment before, or another may have killed it.
	killed := p.killed && ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
	quit := e.Code == 0 && (p.cause == CauseStop || p.cause == CauseRecycle)
	if killed || quit {
		e.Cause, e.Detail, e.Proc = p.cause, p.detail, p.seen
	}
	p.starved(&e)
	return e
}

// kill ends the process and its group. The first order is the one that is remembered.
func (p *process) kill(cause Cause, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || dead(p.pid()) {
		return // by its own or by another's hand
	}
	p.remember(cause, detail)
	if !p.killed {
		p.seen = p.look()
	}
	p.killed = true
	_ = unix.Kill(-p.pid(), unix.SIGKILL)
}

// order remembers on whose order the process is about to end.
func (p *process) order(cause Cause, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(cause, detail)
}

func (p *process) remember(cause Cause, detail string) {
	if p.cause == "" {
		p.cause, p.detail = cause, detail
	}
}

// lookTime bounds how much later a kill comes for the sake of what /proc tells. Reading it takes a millisecond, unless the
// process holds a lock of the kernel's that the reader needs.
const lookTime = 50 * time.Millisecond

// look is called with mu held: the process cannot be reaped meanwhile, so its pid is not another's.
func (p *process) look() *ProcSnapshot {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	found := make(chan *ProcSnapshot, 1)
	p.pumps.Go(func() { found <- snapshot(ctx, p.pid()) })
	select {
	case s := <-found:
		return s
	case <-ctx.Done():
		return nil
	}
}

// dead reports whether a child has ended that is not reaped yet.
func dead(pid int) bool { return waitable(pid, unix.WEXITED) }

// stopped reports whether a signal has stopped a child, and none continued it.
func stopped(pid int) bool { return waitable(pid, unix.WSTOPPED) }

func waitable(pid, state int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, state|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}
