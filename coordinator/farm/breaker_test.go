package farm

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
)

// A worker that cannot be started any more opens the breaker; jobs are refused with the reason that the worker gave; when it can
// be started again, a trial closes the breaker.
func TestTheBreakerOpensAndCloses(t *testing.T) {
	ill := t.TempDir() + "/ill"
	f := newFarm(t, func(c *Config) {
		c.Workers, c.Spares = 1, -1
		c.WorkerEnv = append(c.WorkerEnv, "CVFARM_FAKE_START=ill:"+ill)
	})
	events := f.Events(t.Context())
	if got := f.Snapshot().Workers[0].Breaker; got != Closed {
		t.Fatalf("the breaker is %s", got)
	}
	if err := os.WriteFile(ill, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := one(t, f, Job{Pipeline: "exit code=1", Frame: gray(1)})
	if code(err) != fault.Unavailable || !strings.Contains(err.Error(), "the library is broken today") {
		t.Fatalf("got %v", err)
	}
	if err := os.Remove(ill); err != nil {
		t.Fatal(err)
	}
	for {
		r, err := one(t, f, Job{Pipeline: "echo", Frame: gray(2)})
		if err == nil {
			r.Release()
			break
		}
		if code(err) != fault.Unavailable {
			t.Fatal(err)
		}
	}
	states := []Breaker{Closed}
	timeout := time.After(10 * time.Second)
	for states[len(states)-1] != Closed || len(states) == 1 {
		select {
		case e := <-events:
			if e.Kind == BreakerChanged {
				states = append(states, e.Breaker)
			}
		case <-timeout:
			t.Fatalf("the states were %v", states)
		}
	}
	if states[1] != Open || states[len(states)-2] != HalfOpen || slices.Contains(states[1:len(states)-1], Closed) {
		t.Fatalf("the states were %v", states)
	}
	if got := f.Snapshot().Workers[0]; got.Breaker != Closed {
		t.Fatalf("the worker is %+v", got)
	}
}
