package chaos

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// child is a handle of a child process of ours. Unlike its number it never becomes another's.
type child struct{ fd int }

var errNoChild = errors.New("it is no living child of this process")

// openChild fails for what is no living child of this process.
func openChild(pid int) (*child, error) {
	if pid <= 1 {
		return nil, fmt.Errorf("process %d: %w", pid, errNoChild)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	// If what the handle is of has ended by now and the number is another's, signals through the handle reach nobody.
	if !isChild(pid) {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("process %d: %w", pid, errNoChild)
	}
	return &child{fd}, nil
}

func isChild(pid int) bool {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return false
	}
	stat, err := p.Stat()
	return err == nil && stat.PPID == os.Getpid() && stat.State != "Z" && stat.State != "X"
}

func (c *child) signal(s unix.Signal) error { return unix.PidfdSendSignal(c.fd, s, nil, 0) }

func (c *child) close() { _ = unix.Close(c.fd) }

// children counts this process's, dead ones that were not reaped among them.
func children() int {
	tasks, _ := os.ReadDir("/proc/self/task")
	n := 0
	for _, t := range tasks {
		if _, err := strconv.Atoi(t.Name()); err == nil {
			text, _ := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
			n += len(strings.Fields(string(text)))
		}
	}
	return n
}
