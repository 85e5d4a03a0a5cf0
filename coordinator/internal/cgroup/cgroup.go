// Package cgroup reads the limits that control groups set for this process, and makes groups of its own for the memory of
// children, where a part of the tree was delegated to it.
//
// Limits are those of version 2, version 1, and both at once. A limit may stand in any group on the way from the process's own up
// to the root, as a systemd service's and its slice's do; the least counts.
//
// Groups are made in version 2 only, and only where somebody who had the right to it has handed a part of the tree over: see
// Delegated. No process that exists is ever moved.
package cgroup

import (
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// MemoryLimit is how many bytes this process and the others of its groups may use. It reports false where no group limits them.
func MemoryLimit() (int64, bool) {
	return tree("/").limit("memory", "memory.max", "memory.limit_in_bytes")
}

// TaskLimit is how many threads the processes of its groups may have. It reports false where no group limits them.
func TaskLimit() (int64, bool) { return tree("/").limit("pids", "pids.max", "pids.max") }

// tree is the root of a file system with proc and sys in it.
type tree string

// unlimited is what version 1 writes for no limit, and more: the largest multiple of a page.
const unlimited = math.MaxInt64 / 2

func (t tree) limit(controller, file2, file1 string) (int64, bool) {
	least := int64(unlimited)
	for _, g := range t.groups() {
		base, file := []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"}, file2
		if g.HierarchyID != 0 {
			if !slices.Contains(g.Controllers, controller) {
				continue
			}
			base, file = []string{"sys/fs/cgroup/" + controller}, file1
		}
		for _, b := range base {
			least = min(least, t.walk(b, g.Path, file))
		}
	}
	return least, least < unlimited
}

// groups are those that the process is in; none where that cannot be read.
func (t tree) groups() []procfs.Cgroup {
	var groups []procfs.Cgroup
	if fs, err := procfs.NewFS(path.Join(string(t), "proc")); err == nil {
		if self, err := fs.Self(); err == nil {
			groups, _ = self.Cgroups()
		}
	}
	return groups
}

// walk returns the least value of file in the group and in those above it. In a container the group's path may be the host's,
// of which only the root is seen here: what is missing is passed over.
func (t tree) walk(base, group, file string) int64 {
	least := int64(unlimited)
	for dir := path.Join("/", group); ; dir = path.Dir(dir) {
		if text, err := os.ReadFile(path.Join(string(t), base, dir, file)); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n >= 0 {
				least = min(least, n)
			}
		}
		if dir == "/" {
			return least
		}
	}
}
