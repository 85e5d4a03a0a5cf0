package fake

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/workertest"
)

// asWorker in the environment makes this binary a worker's, whoever starts it.
const asWorker = "CVFARM_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		Main()
	}
	goleak.VerifyTestMain(m)
}

// The fake worker misbehaves only where it is told to.
func TestContract(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asWorker, "1") // for when it is started by hand
	workertest.Run(t, workertest.Config{
		Worker: self, Env: []string{"GORACE=atexit_sleep_ms=0", asWorker + "=1"}, Inputs: map[string]frame.Frame{"model": frame.Encoded([]byte("a model"))},
		Pipelines: []string{"echo", "invert", "grow n=5 | echo", "invert | index | pid", "fail", "undecodable", "recall input=model", "count"},
	})
}
