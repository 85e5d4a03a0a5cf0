package farm

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// program is a checked pipeline with the number under which workers know it.
type program struct {
	id   uint32
	text string

	runs    atomic.Uint64
	average atomic.Int64 // nanoseconds of a run

	mu         sync.Mutex
	in, out    int // bytes of the last input and what came of it
	knownSizes bool
}

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
	next   uint32
}

// get returns the program of a text. The error carries fault.Invalid.
func (p *programs) get(text string) (*program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.byText[text]; ok {
		return known, nil
	}
	parsed, err := pipeline.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := p.ops().Check(parsed); err != nil {
		return nil, err
	}
	if len(p.byText) >= maxPrograms {
		clear(p.byText)
	}
	p.next++
	prog := &program{id: p.next, text: parsed.String()}
	p.byText[strings.Clone(text)] = prog
	return prog, nil
}
