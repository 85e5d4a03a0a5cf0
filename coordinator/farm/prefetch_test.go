package farm

import "testing"

func TestShareIsThatOfAllWorkers(t *testing.T) {
	for _, c := range []struct {
		jobs    int64
		workers int32
		want    int
	}{{3, 0, 3}, {0, 2, 0}, {1, 2, 1}, {2, 2, 1}, {6, 2, 3}, {7, 2, 4}, {256, 64, 4}, {257, 64, 5}, {5, 1, 5}} {
		f := &Farm{}
		f.serving.Store(c.workers)
		f.unanswered.Store(c.jobs)
		if got := f.share(); got != c.want {
			t.Errorf("%d jobs, %d workers: %d, want %d", c.jobs, c.workers, got, c.want)
		}
	}
}

// Every way that a job may end takes it from those that are under way: else the shares would grow for ever.
func TestNoJobStaysUnanswered(t *testing.T) {
	f := newFarm(t)
	for _, pipeline := range []string{"echo", "fail", "exit", "no such op"} {
		if r, err := one(t, f, Job{Pipeline: pipeline, Frame: gray(1)}); err == nil {
			r.Release()
		}
	}
	future, err := f.Submit(t.Context(), Job{Pipeline: "hang", Frame: gray(1)})
	if err != nil {
		t.Fatal(err)
	}
	future.Cancel()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.unanswered.Load(); n != 0 {
		t.Errorf("%d jobs are counted as under way, after all were answered", n)
	}
}
