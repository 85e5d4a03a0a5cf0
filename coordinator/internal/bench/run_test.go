package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/fake"
)

func TestMain(m *testing.M) {
	fake.ServeIfWorker()
	goleak.VerifyTestMain(m)
}

func fakeOptions(t *testing.T, text string) Options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Worker: exe, Pipeline: parsed(t, text), Work: Ops, Sizes: []Size{{8, 4}}, Time: 20 * time.Millisecond, Rounds: 2, Workers: 2,
		Isolation: farm.Process,
	}
}

// Any engine can be measured: both sides know nothing of pixels.
func TestBothSidesOfAFakeWorkerAreMeasured(t *testing.T) {
	all, err := Run(t.Context(), fakeOptions(t, "invert | sleep ms=1"))
	if err != nil {
		t.Fatal(err)
	}
	if versions := all[0].Machine.versions(); !strings.Contains(versions, "fake 1") {
		t.Errorf("measured with %s", versions)
	}
	if len(all) != 1 || all[0].FarmFPS <= 0 || all[0].BareFPS <= 0 || len(all[0].Ratios) != 2 || len(all[0].Steps) != 2 {
		t.Fatalf("got %+v", all)
	}
	// 2 workers that sleep 1 ms a frame cannot do more than 2,000 frames a second.
	if all[0].FarmFPS > 2100 || all[0].BareFPS > 2100 {
		t.Errorf("more than can be: farm %v, bare %v", all[0].FarmFPS, all[0].BareFPS)
	}
}

// Many processes on few cores counted at different times, each with more of the cores than was its share.
func TestTheBareLoopCannotUseMoreThanThereIs(t *testing.T) {
	o := fakeOptions(t, "invert")
	o.Sizes = []Size{{800, 600}}
	o.Workers, o.Time, o.Rounds, o.InFlight = 4*farm.CPUQuota(), 200*time.Millisecond, 1, 1
	all, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if cores := all[0].BareFPS * all[0].BareCPU / 1e6; cores > 1.15*float64(farm.CPUQuota()) {
		t.Errorf("%d processes used %.2f of %d CPUs", o.Workers, cores, farm.CPUQuota())
	}
}

func TestTheEndOfAWorkerMakesTheMeasurementVoid(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	o := fakeOptions(t, "kill signal=KILL index=100 once="+once)
	all, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "void") || !strings.Contains(err.Error(), "killed") || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestWhatCannotBeMeasuredIsRefusedBefore(t *testing.T) {
	for text, want := range map[string]string{"invert | count": "step 2, count, keeps something", "sleep ms=1 x=2": "x", "recall input=logo": "logo"} {
		var wrong *PipelineError
		o := fakeOptions(t, text)
		o.Named = func(pipeline.Catalogue) ([]Named, error) { return nil, errors.New("there is no logo") }
		if text != "recall input=logo" {
			o.Named = nil
		}
		if _, err := Run(t.Context(), o); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestBothSidesHaveWhatThePipelineNames(t *testing.T) {
	o := fakeOptions(t, "recall input=logo")
	o.Named = func(pipeline.Catalogue) ([]Named, error) { return []Named{{"logo", []byte("any bytes")}}, nil }
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func TestAFailureIsTold(t *testing.T) {
	for text, want := range map[string]string{
		"fail":         "as it was told to",
		"kill index=5": "killed",
	} {
		if _, err := Run(t.Context(), fakeOptions(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
