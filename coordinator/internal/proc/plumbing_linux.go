package proc

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/shm"
)

// plumb makes what connects us with the process: its standard streams, the lifeline, a pair of sockets for gRPC, and the
// bell. None of it has a name in any file system, so nothing can be left behind, and nobody else can connect. It returns the child's ends.
func (p *process) plumb(c Config) (child []*os.File, err error) {
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
	theirs, err := p.pair()
	if err != nil {
		return child, err
	}
	child = append(child, theirs)
	bell, err := shm.NewBell()
	if err != nil {
		return child, err
	}
	if p.bell, err = shm.NewWaiter(bell); err != nil {
		return child, err
	}
	readable, writable := c.Arena.Files()
	p.cmd.Stdout, p.cmd.Stderr = child[0], child[1]
	p.cmd.ExtraFiles = []*os.File{readable, writable, r, theirs, bell} // in the order of handshake's descriptors
	return child, nil
}

// pair makes the connection. It keeps our end for gRPC and returns the other.
func (p *process) pair() (theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "connection"), os.NewFile(uintptr(fds[1]), "connection")
	defer ours.Close() // FileConn has a duplicate
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, err
	}
	p.line <- conn
	return theirs, nil
}

// abandon closes our ends where there is no process.
func (p *process) abandon() {
	p.removeGroup()
	closeAll(p.pipes)
	if p.lifeline != nil {
		p.lifeline.Close()
	}
	if p.bell != nil {
		p.bell.Close()
	}
	if conn, err := p.dial(context.Background(), ""); err == nil {
		conn.Close()
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// drainTime is how long a dead worker's pipes may be held open by its children before we stop listening.
const drainTime = 100 * time.Millisecond

// maxHello bounds the first line.
const maxHello = 4 << 10

// pumpStdout tells the first line, and keeps the rest with stderr.
func (p *process) pumpStdout(stdout *os.File) {
	r := bufio.NewReaderSize(stdout, maxHello)
	line, err := r.ReadSlice('\n')
	if greeting(string(line)) != nil {
		_, _ = p.last.Write(line) // a stranger's words may tell who it is
	}
	if err == nil || len(line) > 0 {
		p.hello <- string(line)
	}
	close(p.hello)
	_, _ = io.Copy(&p.last, r)
}

// greeted waits for the first line of the process.
func (p *process) greeted(ctx context.Context) error {
	select {
	case line, ok := <-p.hello:
		if !ok {
			return errSilent
		}
		return greeting(line)
	case <-ctx.Done():
		return ctx.Err()
	}
}
