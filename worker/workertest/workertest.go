// Package workertest is what every worker must keep to, as a test that it runs on itself:
//
//	func TestWorker(t *testing.T) {
//		workertest.Run(t, workertest.Config{Worker: "./mine", Pipelines: []string{"blacken level=80"}})
//	}
//
// It starts the worker's binary as a coordinator does and speaks the protocol with it (package handshake, proto/), so it tests
// workers in any language. Whoever uses package serve has most of it for nothing, and is tested for what the ops do.
package workertest

import (
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// Config says what is tested.
type Config struct {
	// Worker is the path of the worker's binary. Required.
	Worker string
	// Env is added to its environment, which otherwise has the few variables that coordinators leave to workers.
	Env []string
	// Pipelines are what it runs on pictures of many kinds and sizes. At least one of them must make a picture of some.
	// Defaults to the examples of its catalogue, and where an op has none and needs no argument, its name.
	Pipelines []string
	// Inputs are what the pipelines name. Examples that name others are left out.
	Inputs map[string]frame.Frame
	// Patience bounds the wait for each answer of the worker. Defaults to 30 s.
	Patience time.Duration
}

// Run tests the worker. Each rule is a subtest with a process of its own, which has ended when Run returns.
func Run(t *testing.T, c Config) {
	t.Helper()
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { r.check(start(t, c)) })
	}
	t.Run("started by hand, it says what it is and fails", func(t *testing.T) { byHand(t, c) })
}

// rules are the contract. Beside each, every rule checks what host.stop and host.checkResult do: that nothing is printed on
// standard output after the handshake, that answers make sense, and that the worker lives to the end.
var rules = []struct {
	name  string
	check func(h *host)
}{
	{"it describes itself and its ops", describesItself},
	{"it takes or refuses any picture, and keeps to the memory that it was lent", takesAnyPicture},
	{"it answers every job once and in order, and then drains", answersInOrder},
	{"it asks for memory where it was lent too little, and bears to be refused", asksForMemory},
	{"it refuses pipelines that its catalogue does not allow", refusesPipelines},
	{"it answers nonsense with a fault", bearsNonsense},
	{"it forgets programs and learns others", forgets},
	{"it shows a heartbeat", beats},
	{"it ends when the coordinator is gone", endsWithCoordinator},
}

// pipelines are those to run.
func (h *host) pipelines() []string {
	if len(h.config.Pipelines) > 0 {
		return h.config.Pipelines
	}
	var all []string
	for _, op := range h.ops {
		text := op.Example
		if text == "" {
			text = op.Name
		}
		if p, err := pipeline.Parse(text); err == nil && h.ops.Check(p) == nil && h.hasInputs(p) {
			all = append(all, text)
		}
	}
	return all
}

func (h *host) hasInputs(p pipeline.Pipeline) bool {
	for _, ref := range h.ops.Inputs(p) {
		if _, ok := h.config.Inputs[ref.Name]; !ok {
			return false
		}
	}
	return true
}
