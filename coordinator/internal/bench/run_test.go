package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
	fake.ServeIfWorker()
	goleak.VerifyTestMain(m)
}

func fakeOptions(t *testing.T, pipeline string) Options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Worker: exe, Pipeline: pipeline, Work: Ops, Sizes: []Size{{8, 4}}, Time: 20 * time.Millisecond, Rounds: 2, Workers: 2,
		Isolation: farm.Process,
	}
}

// Any engine can be measured: both sides know nothing of pixels.
func TestBothSidesOfAFakeWorkerAreMeasured(t *testing.T) {
	all, err := Run(t.Context(), fakeOptions(t, "invert | sleep ms=1"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].FarmFPS <= 0 || all[0].BareFPS <= 0 || len(all[0].Ratios) != 2 || len(all[0].Steps) != 2 {
		t.Fatalf("got %+v", all)
	}
	// 2 workers that sleep 1 ms a frame cannot do more than 2,000 frames a second.
	if all[0].FarmFPS > 2100 || all[0].BareFPS > 2100 {
		t.Errorf("more than can be: farm %v, bare %v", all[0].FarmFPS, all[0].BareFPS)
	}
}

func TestAFailureIsTold(t *testing.T) {
	for pipeline, want := range map[string]string{
		"fail":           "as it was told to",
		"kill index=5":   "killed",
		"sleep ms=1 x=2": "x",
	} {
		if _, err := Run(t.Context(), fakeOptions(t, pipeline)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pipeline, err, want)
		}
	}
}
