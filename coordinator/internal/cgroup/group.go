package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Owner is a group of this process's, in which it makes groups for its children. Its methods are for one goroutine.
type Owner struct {
	dir  string
	lock *os.File // held as long as this process lives: others then know that the group is in use
	made int
}

// prefix is how the names of owners' groups begin.
const prefix = "cvfarm-"

// Own makes an owner where that is possible, see Delegated. It clears away what owners have left behind that were killed.
func Own() (*Owner, error) {
	dir, err := Delegated()
	if err != nil {
		return nil, err
	}
	return own(dir)
}

func own(parent string) (*Owner, error) {
	if err := enable(parent); err != nil {
		return nil, err
	}
	sweep(parent)
	var err error
	for range 3 { // another who sweeps may have it before we do
		o := &Owner{}
		if o.dir, err = os.MkdirTemp(parent, prefix); err != nil {
			return nil, err
		}
		if o.lock, err = locked(o.dir); err != nil {
			continue
		}
		if err = enable(o.dir); err == nil {
			return o, nil
		}
		o.Close()
	}
	return nil, err
}

// enable lets the memory of a group's children be limited.
func enable(dir string) error {
	if has(dir, "cgroup.subtree_control", "memory") {
		return nil
	}
	return put(dir, "cgroup.subtree_control", "+memory")
}

// locked opens a folder that nobody else has locked.
func locked(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes the groups of owners that are gone, with whoever is left in them.
func sweep(parent string) {
	left, _ := filepath.Glob(path.Join(parent, prefix+"*"))
	for _, dir := range left {
		if lock, err := locked(dir); err == nil {
			removeAll(dir)
			lock.Close()
		}
	}
}

func removeAll(dir string) {
	children, _ := os.ReadDir(dir)
	for _, c := range children {
		if c.IsDir() {
			_ = remove(path.Join(dir, c.Name())) // what stays, the next sweep finds
		}
	}
	_ = remove(dir)
}

// Close removes the owner's group, with those that are left in it.
func (o *Owner) Close() {
	removeAll(o.dir)
	o.lock.Close()
}

// Group is a group for one child and its descendants.
type Group struct {
	// Dir is its folder. A process is started in it by the folder's descriptor.
	Dir string
	// Limit is how much memory those in it may use, in bytes.
	Limit int64
}

// New makes a group. When it reaches its limit, and nothing in it can be given back, the kernel ends all that is in it. It may not
// swap: memory that runs away would only move to the disk.
func (o *Owner) New(limit int64) (*Group, error) {
	o.made++
	g := &Group{Dir: path.Join(o.dir, strconv.Itoa(o.made)), Limit: limit}
	if err := os.Mkdir(g.Dir, 0o755); err != nil {
		return nil, err
	}
	err := errors.Join(put(g.Dir, "memory.max", strconv.FormatInt(limit, 10)), put(g.Dir, "memory.oom.group", "1"))
	if exists(path.Join(g.Dir, "memory.swap.max")) {
		err = errors.Join(err, put(g.Dir, "memory.swap.max", "0"))
	}
	if err != nil {
		_ = g.Remove()
		return nil, err
	}
	return g, nil
}

// Killed reports whether the kernel has killed somebody in the group for want of memory, and whether the group's own limit was the
// reason: if not, a group above it, or the machine, was short.
func (g *Group) Killed() (killed, own bool) {
	return g.event("oom_kill") > 0, g.event("oom") > 0
}

func (g *Group) event(name string) int64 {
	for line := range strings.Lines(content(g.Dir, "memory.events")) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == name {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// Remove ends what is left in the group, and removes it. Shared memory that was counted for it stays, and counts for the groups
// above.
func (g *Group) Remove() error { return remove(g.Dir) }

// emptyTime bounds the wait for processes that were killed.
const emptyTime = 200 * time.Millisecond

func remove(dir string) error {
	err := unix.Rmdir(dir)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	if err := put(dir, "cgroup.kill", "1"); err != nil {
		return err
	}
	if err := awaitEmpty(dir); err != nil {
		return err
	}
	return unix.Rmdir(dir)
}

// awaitEmpty waits until no process is in a group.
func awaitEmpty(dir string) error {
	f, err := os.Open(path.Join(dir, "cgroup.events"))
	if err != nil {
		return err
	}
	defer f.Close()
	for deadline := time.Now().Add(emptyTime); ; {
		var text [256]byte
		n, _ := f.ReadAt(text[:], 0)
		if strings.Contains(string(text[:n]), "populated 0") {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("processes in the group %s do not end", dir)
		}
		// The kernel reports a change of the file as an exceptional condition.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}, int(left.Milliseconds())+1)
	}
}

func put(dir, file, text string) error {
	return os.WriteFile(path.Join(dir, file), []byte(text), 0)
}
