package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cvfarm/cvfarm/worker/workertest"
)

func TestWorker(t *testing.T) {
	mine := filepath.Join(t.TempDir(), "mine")
	if out, err := exec.Command("go", "build", "-o", mine, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	workertest.Run(t, workertest.Config{Worker: mine})
}
