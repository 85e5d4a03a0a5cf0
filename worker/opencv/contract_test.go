//go:build opencv

package opencv

import (
	"os"
	"testing"

	"github.com/cvfarm/cvfarm/worker/workertest"
)

func TestContract(t *testing.T) {
	worker := os.Getenv("CVFARM_WORKER")
	if worker == "" {
		t.Fatal("CVFARM_WORKER does not name the worker's binary: run make test, which builds it")
	}
	workertest.Run(t, workertest.Config{Worker: worker})
}
