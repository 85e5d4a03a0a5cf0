package farm

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A job that was sent beforehand to a worker whose own job takes long had to wait for it, with another worker at hand that had
// nothing to do.
func TestAJobBehindALongOneIsDoneElsewhere(t *testing.T) {
	f := newFarm(t, func(c *Config) { c.Workers = 2 })
	dir := t.TempDir()
	var held []*Future
	var files []string
	for i := range 2 {
		file := filepath.Join(dir, fmt.Sprint(i))
		files = append(files, file)
		held = append(held, submitted(t, f, Job{Pipeline: "hold file=" + file, Frame: gray(i)}))
	}
	var quick []*Future
	for i := range 20 {
		quick = append(quick, submitted(t, f, Job{Pipeline: "invert", Frame: gray(2 + i)}))
	}
	release := func(i int) {
		if err := os.WriteFile(files[i], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	release(0)
	for i, future := range quick {
		r, err := future.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Attempts != 1 || r.Index != uint64(2+i) {
			t.Errorf("frame %d: attempt %d, index %d", 2+i, r.Attempts, r.Index)
		}
		r.Release()
	}
	select {
	case <-held[1].Done():
		t.Fatal("the long job is over, so nothing was shown")
	default:
	}
	release(1)
	for _, future := range held {
		r, err := future.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
	if c := f.Snapshot().Counts; c.Failed != 0 || c.Retries != 0 {
		t.Fatalf("%+v", c)
	}
}

func submitted(t *testing.T, f *Farm, j Job) *Future {
	t.Helper()
	future, err := f.Submit(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return future
}
