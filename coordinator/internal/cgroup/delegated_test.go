package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhatCountsAsDelegated(t *testing.T) {
	const service = "/system.slice/cvfarm.service"
	cases := []struct {
		name   string
		group  string            // that we are in
		marked string            // that systemd has marked as delegated
		parent map[string]string // files of the group above ours that are otherwise; "-" is none
		says   string            // empty: the group above ours was delegated
	}{
		{"a systemd service with a subgroup", service + "/coordinator", service, nil, ""},
		{"a container that has put us a step below its root", "/main", "", nil, ""},
		{"the same, at the root of the machine", "/main", "", map[string]string{"cgroup.type": "-"}, "was not delegated"},
		{"a service without delegation", service, "", nil, "system.slice was not delegated (systemd: Delegate=memory and"},
		{"a service without a subgroup", service, service, nil, "is in it itself: start it in a child of that (systemd: DelegateSubgroup="},
		{"what was delegated to another above us", "/user@1.service/app.slice/x.service", "/user@1.service", nil, "app.slice was not delegated"},
		{"the root of a container", "/", "", nil, "this process is in the root group"},
		{"no memory controller", service + "/coordinator", service, map[string]string{"cgroup.controllers": "cpu pids\n"},
			"without the memory controller (systemd: Delegate=memory)"},
		{"other processes", service + "/coordinator", service, map[string]string{"cgroup.procs": "17\n"}, "there are processes in the group"},
		{"nothing to write to", service + "/coordinator", service, map[string]string{"cgroup.procs": "-"}, "cannot be written to"},
		{"an old kernel", service + "/coordinator", service, map[string]string{"cgroup.kill": "-"}, "older than Linux 5.14"},
		{"version 1 alone", "/main", "", map[string]string{"cgroup.controllers": "-"}, "no cgroup v2"},
		{"a group that is not seen here", "/../elsewhere", "", nil, "no cgroup v2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			base := filepath.Join(root, "sys/fs/cgroup")
			write(t, root, "proc/1/cgroup", "0::"+c.group+"\n")
			if err := os.Symlink("1", filepath.Join(root, "proc/self")); err != nil {
				t.Fatal(err)
			}
			write(t, base, "cgroup.controllers", "cpu memory pids\n")
			if !strings.Contains(c.group, "..") {
				write(t, base, c.group+"/cgroup.threads", "")
			}
			parent := filepath.Dir(filepath.Join(base, c.group))
			fill(t, parent, map[string]string{
				"cgroup.controllers": "cpu memory pids\n", "cgroup.procs": "", "cgroup.type": "domain\n", "cgroup.kill": "",
			})
			fill(t, parent, c.parent)
			if c.marked != "" {
				mark(t, filepath.Join(base, c.marked))
			}
			got, err := tree(root).delegated()
			switch {
			case c.says == "" && (err != nil || got != parent):
				t.Fatalf("%q, %v; want %q", got, err, parent)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Fatalf("%q, %v; want %q", got, err, c.says)
			}
		})
	}
}

func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if text != "-" {
			write(t, dir, name, text)
		} else if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// mark does to a folder what systemd does to a group.
func mark(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		if unix.Setxattr(dir, name, []byte("1"), 0) == nil {
			return
		}
	}
	t.Skip("NOT TESTED: no folder can be marked on this file system")
}
