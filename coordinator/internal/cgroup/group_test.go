package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"syscall"
	"testing"
)

// owner is one on the real tree.
func owner(t *testing.T) *Owner {
	t.Helper()
	o, err := Own()
	if err != nil {
		t.Skip("NOT TESTED, as no cgroup can be made here: ", err)
	}
	t.Cleanup(o.Close)
	return o
}

func TestAGroupHasItsLimit(t *testing.T) {
	o := owner(t)
	g, err := o.New(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if content(g.Dir, "memory.max") != "67108864" || content(g.Dir, "memory.oom.group") != "1" {
		t.Errorf("limit %s, kills all: %s", content(g.Dir, "memory.max"), content(g.Dir, "memory.oom.group"))
	}
	if killed, own := g.Killed(); killed || own {
		t.Error("somebody was killed in an empty group")
	}
	if err := g.Remove(); err != nil || exists(g.Dir) {
		t.Errorf("it is there still: %v", err)
	}
}

// A coordinator that is killed leaves its groups; only those, and not one that is in use, does the next clear away.
func TestTheNextClearsAwayWhatAKilledOneLeft(t *testing.T) {
	dead, living := owner(t), owner(t)
	g, err := dead.New(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	orphan := sleeperIn(t, g)
	dead.lock.Close() // as the kernel does
	owner(t)
	if exists(dead.dir) || !exists(living.dir) {
		t.Errorf("the dead one's group is there: %v, the living one's: %v", exists(dead.dir), exists(living.dir))
	}
	var end *exec.ExitError
	if err := orphan.Wait(); !errors.As(err, &end) || end.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("who was left in it ended by %v", err)
	}
}

func TestCloseEndsWhatIsLeft(t *testing.T) {
	o := owner(t)
	g, err := o.New(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	orphan := sleeperIn(t, g)
	o.Close()
	if err := orphan.Wait(); err == nil || exists(o.dir) {
		t.Errorf("it ended by %v, the group is there: %v", err, exists(o.dir))
	}
}

// sleeperIn starts a program in a group that does not end by itself.
func sleeperIn(t *testing.T, g *Group) *exec.Cmd {
	t.Helper()
	dir, err := os.Open(g.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSleeper$")
	cmd.Env = append(os.Environ(), "CGROUP_TEST_SLEEP=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if content(g.Dir, "cgroup.procs") == "" {
		t.Errorf("%s is empty", path.Base(g.Dir))
	}
	return cmd
}

// TestSleeper is the program.
func TestSleeper(*testing.T) {
	if os.Getenv("CGROUP_TEST_SLEEP") != "" {
		select {}
	}
}
