package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLeastLimitOnTheWayUpCounts(t *testing.T) {
	cases := []struct {
		name, self string
		files      map[string]string
		want       int64 // 0 is no limit
	}{
		{"none", "0::/\n", nil, 0},
		{"a container with a namespace of its own", "0::/\n", map[string]string{"memory.max": "1000\n"}, 1000},
		{"a systemd service", "0::/system.slice/cvfarm.service\n", map[string]string{
			"system.slice/cvfarm.service/memory.max": "3000\n", "system.slice/memory.max": "max\n",
		}, 3000},
		{"its slice allows less", "0::/system.slice/cvfarm.service\n", map[string]string{
			"system.slice/cvfarm.service/memory.max": "3000\n", "system.slice/memory.max": "2000\n",
		}, 2000},
		{"version 1", "4:memory:/user/job\n3:cpuset:/\n", map[string]string{
			"memory/user/job/memory.limit_in_bytes": "5000\n", "memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 5000},
		{"version 1 in a container that sees its own group as the root", "4:memory:/docker/0123\n", map[string]string{
			"memory/memory.limit_in_bytes": "7000\n",
		}, 7000},
		{"version 1 without a limit", "4:memory:/\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		{"both at once", "4:memory:/job\n0::/job\n", map[string]string{
			"memory/job/memory.limit_in_bytes": "5000\n", "unified/job/memory.max": "4000\n",
		}, 4000},
		{"another controller's group", "4:cpu,cpuacct:/job\n", map[string]string{"memory/job/memory.limit_in_bytes": "5000\n"}, 0},
		{"nonsense", "0::/../../x\n", map[string]string{"memory.max": "many\n"}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "proc/1/cgroup", c.self)
			if err := os.Symlink("1", filepath.Join(root, "proc/self")); err != nil {
				t.Fatal(err)
			}
			for name, text := range c.files {
				write(t, root, filepath.Join("sys/fs/cgroup", name), text)
			}
			got, limited := tree(root).limit("memory", "memory.max", "memory.limit_in_bytes")
			if limited != (c.want != 0) || limited && got != c.want {
				t.Fatalf("limit %d, %v; want %d", got, limited, c.want)
			}
		})
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
