package farm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// holding is what this process has of the kernel.
type holding struct{ files, children, arenas int }

func holdings(t *testing.T) holding {
	t.Helper()
	var h holding
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	h.files = len(files)
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		h.children += len(strings.Fields(string(text)))
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	h.arenas = strings.Count(string(maps), "memfd:")
	return h
}

// processesWith are the processes that have this in their environment.
func processesWith(env string) []string {
	var all []string
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range environs {
		if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), env+"\x00") {
			all = append(all, filepath.Base(filepath.Dir(name)))
		}
	}
	return all
}
