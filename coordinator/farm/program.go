package farm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// program is a checked pipeline with the number under which workers know it.
type program struct {
	id     uint32
	text   string
	steps  pipeline.Pipeline
	inputs []*input
	keeps  int // the first step that keeps something from frame to frame, from 1; 0 for none

	runs    atomic.Uint64
	average atomic.Int64 // nanoseconds of a run

	mu         sync.Mutex
	in, out    int // bytes of the last input and what came of it
	knownSizes bool
}

// stateful reports whether its jobs must belong to a stream.
func (p *program) stateful() bool { return p.keeps > 0 }

// pace is how long a run took of late; an unknown one counts as long.
func (p *program) pace() time.Duration {
	if p.runs.Load() == 0 {
		return prefetchTime
	}
	return time.Duration(p.average.Load())
}

// took keeps the pace as a moving average.
func (p *program) took(d time.Duration) {
	if p.runs.Add(1) == 1 {
		p.average.Store(int64(d))
		return
	}
	old := p.average.Load()
	p.average.Store(old + (int64(d)-old)/8)
}

// predict returns how many bytes the output will probably need; 0 for none. A wrong guess costs a round trip to the worker.
func (p *program) predict(g frame.Geometry, in int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.knownSizes && g.IsPixels():
		return in
	case !p.knownSizes || p.in == 0:
		return 0
	case in == p.in || !g.IsPixels():
		return p.out
	}
	return int(float64(p.out) * float64(in) / float64(p.in))
}

func (p *program) learn(in, out int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in, p.out, p.knownSizes = in, out, true
}

// maxPrograms is how many pipelines the farm remembers. Who uses more at a time pays for parsing.
const maxPrograms = 1024

// programs parses, checks and numbers pipelines.
type programs struct {
	ops func() pipeline.Catalogue

	mu     sync.Mutex
	byText map[string]*program
	inputs map[string]*input
	next   uint32
}

// take returns the program of a text, and holds its inputs for the caller, who must release it. The error carries fault.Invalid.
func (p *programs) take(text string) (*program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	prog, ok := p.byText[text]
	if !ok {
		var err error
		if prog, err = p.compile(text); err != nil {
			return nil, err
		}
		if len(p.byText) >= maxPrograms {
			clear(p.byText)
		}
		p.byText[strings.Clone(text)] = prog
	}
	prog.retain()
	return prog, nil
}

func (p *programs) compile(text string) (*program, error) {
	parsed, err := pipeline.Parse(text)
	if err != nil {
		return nil, err
	}
	ops := p.ops()
	if err := ops.Check(parsed); err != nil {
		return nil, err
	}
	prog := &program{text: parsed.String(), steps: parsed, keeps: ops.Stateful(parsed)}
	for _, ref := range ops.Inputs(parsed) {
		in, ok := p.inputs[ref.Name]
		if !ok {
			return nil, fault.At(ref.Step, parsed[ref.Step-1].Op, fault.Invalid, p.noInput(ref))
		}
		if !slices.Contains(prog.inputs, in) {
			prog.inputs = append(prog.inputs, in)
		}
	}
	p.next++
	prog.id = p.next
	return prog, nil
}

func (p *programs) noInput(ref pipeline.InputRef) error {
	if len(p.inputs) == 0 {
		return fmt.Errorf("%s=%s: there is no such input, nor any other", ref.Param, ref.Name)
	}
	names := slices.Sorted(maps.Keys(p.inputs))
	return fmt.Errorf("%s=%s: there is no such input; there are %s", ref.Param, ref.Name, strings.Join(names, ", "))
}
