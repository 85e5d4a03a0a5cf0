package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Delegated returns the folder of the group below which this process may make groups that limit memory, or an error that says
// why there is none and what would help. It changes nothing.
//
// That group is the parent of the one that this process is in, for the kernel limits the memory of a group's children only where
// no process is in the group itself (its "no internal process constraint"), and we move none. It must have been handed over, for
// root may write anywhere, which does not make it the owner: either systemd has marked it, as it does for Delegate=, or it is the
// root of a cgroup namespace, which the kernel takes for a delegation too. Then DelegateSubgroup=, or whoever started the
// container, has put this process a step below. The memory controller must have been handed over with it.
func Delegated() (string, error) { return tree("/").delegated() }

func (t tree) delegated() (string, error) {
	base, group, err := t.unified()
	if err != nil {
		return "", err
	}
	own := path.Join(base, group)
	switch {
	case !has(base, "cgroup.controllers", "memory"):
		return "", fmt.Errorf("the memory controller is not in the tree of cgroup v2, %s: version 1 has it (boot with cgroup_no_v1=memory), "+
			"or it was not handed over (systemd: Delegate=memory)", base)
	case group == "/":
		return "", fmt.Errorf("this process is in the root group %s itself: start it in a child of that", own)
	case handedOver(base, own):
		return "", fmt.Errorf("the group %s was delegated, but this process is in it itself: start it in a child of that "+
			"(systemd: DelegateSubgroup=coordinator)", own)
	case !handedOver(base, path.Dir(own)):
		return "", fmt.Errorf("the group %s was not delegated (systemd: Delegate=memory and DelegateSubgroup=coordinator)", path.Dir(own))
	}
	return path.Dir(own), usable(path.Dir(own))
}

// usable reports what keeps us from making groups in one that was delegated.
func usable(dir string) error {
	may := unix.Access(path.Join(dir, "cgroup.procs"), unix.W_OK)
	switch {
	case !has(dir, "cgroup.controllers", "memory"):
		return fmt.Errorf("the group %s was delegated without the memory controller (systemd: Delegate=memory)", dir)
	case may != nil:
		return fmt.Errorf("the group %s cannot be written to: %w", dir, may)
	case content(dir, "cgroup.procs") != "":
		return fmt.Errorf("there are processes in the group %s itself: move them to a child of it", dir)
	case !exists(path.Join(dir, "cgroup.kill")):
		return errors.New("this kernel is older than Linux 5.14")
	}
	return nil
}

// unified finds the tree of version 2 and this process's group in it.
func (t tree) unified() (base, group string, err error) {
	for _, b := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
		base := path.Join(string(t), b)
		if content(base, "cgroup.controllers") == "" {
			continue
		}
		for _, g := range t.groups() {
			if g.HierarchyID == 0 && exists(path.Join(base, g.Path)) {
				return base, path.Clean(g.Path), nil
			}
		}
	}
	return "", "", errors.New("there is no cgroup v2 with controllers here; those of version 1 are not used")
}

// handedOver reports whether a group was delegated to whoever is in it. The root of what we see is, where it is not the very root
// of the machine, which alone has no type.
func handedOver(base, dir string) bool {
	for _, mark := range []string{"user.delegate", "trusted.delegate"} {
		var b [8]byte
		if n, err := unix.Getxattr(dir, mark, b[:]); err == nil && string(b[:n]) == "1" {
			return true
		}
	}
	return dir == base && exists(path.Join(dir, "cgroup.type"))
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// content is that of a file, without what surrounds it; empty where there is none.
func content(dir, file string) string {
	text, _ := os.ReadFile(path.Join(dir, file))
	return strings.TrimSpace(string(text))
}

func has(dir, file, word string) bool {
	return slices.Contains(strings.Fields(content(dir, file)), word)
}
