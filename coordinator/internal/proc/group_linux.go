package proc

import (
	"os"
	"os/exec"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
)

// kernelMemory is what the kernel needs for a worker beside its memory: page tables, stacks, buffers of pipes and sockets.
const kernelMemory = 64 << 20

// confine makes a group for a worker with a memory cap. It is nil where there is no cap, and where none can be made: then the
// cap is RLIMIT_DATA's alone. It is called on the launcher's thread.
//
// The group may have the cap, and what the worker may come to hold of the shared memory: the kernel counts a page of that for
// whoever touches it first. That is each page of its results, and each page of a frame that it reads before anybody has written to
// it; never more than all that is lent. It counts for the group until it is given back, also after the worker's end.
func (l *Launcher) confine(c Config) *cgroup.Group {
	if c.MemoryCap <= 0 {
		return nil
	}
	if !l.asked {
		l.asked = true
		l.groups, _ = cgroup.Own() // doctor tells why not
	}
	if l.groups == nil {
		return nil
	}
	g, err := l.groups.New(c.MemoryCap + c.Shared + kernelMemory)
	if err != nil {
		return nil
	}
	return g
}

// execute starts the program in the process's group. Where that is refused, as a sandbox may that does not know clone3, it starts
// without one.
func (p *process) execute() error {
	if p.group == nil {
		return p.cmd.Start()
	}
	dir, err := os.Open(p.group.Dir)
	if err == nil {
		defer dir.Close()
		p.cmd.SysProcAttr.UseCgroupFD, p.cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
		if err = p.cmd.Start(); err == nil {
			return nil
		}
	}
	p.removeGroup()
	p.group = nil
	attr := *p.cmd.SysProcAttr
	attr.UseCgroupFD = false
	p.cmd = &exec.Cmd{Path: p.cmd.Path, Args: p.cmd.Args, Env: p.cmd.Env, Stdout: p.cmd.Stdout, Stderr: p.cmd.Stderr,
		ExtraFiles: p.cmd.ExtraFiles, SysProcAttr: &attr, Err: p.cmd.Err}
	return p.cmd.Start()
}

// removeGroup removes the group, once nobody is in it.
func (p *process) removeGroup() {
	if p.group != nil {
		_ = p.group.Remove() // what stays is removed when the launcher closes
	}
}

// starved says for want of whose memory the kernel has killed the process.
func (p *process) starved(e *Exit) {
	if p.group == nil {
		return
	}
	switch killed, own := p.group.Killed(); {
	case killed && own:
		e.OOM, e.OOMLimit = OOMOwn, p.group.Limit
	case killed:
		e.OOM = OOMOthers
	}
}
