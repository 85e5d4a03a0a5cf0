package fake

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/shared/workerpb"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// EnvAt has a fake worker run a pipeline at a moment when it runs no job's, for what it does there: "MOMENT PIPELINE". The
// moments are
//
//	starting  before it serves anything
//	idle      when it gets SIGUSR1
//	received  when a job has come and before it is begun
//	replied   when a job's answer has been sent
//
// The last two run the pipeline on a frame of the job's index. There a lie is the answer to a job that never was, and when idle a
// hang is that of the goroutine that takes messages.
const EnvAt = "CVFARM_FAKE_AT"

// moment is what to do when; nil is nothing.
type moment struct {
	when  string
	what  program
	deaf  atomic.Bool // it takes no messages any more
	mu    sync.Mutex
	index map[uint64]uint64 // of jobs' frames, by the jobs' ids
	say   func(*workerpb.WorkResponse) error
}

// theMoment reads EnvAt.
func theMoment() (*moment, error) {
	when, text, ok := strings.Cut(os.Getenv(EnvAt), " ")
	if !ok {
		return nil, nil
	}
	p, err := pipeline.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvAt, err)
	}
	compiled, err := engine{}.Compile(p, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvAt, err)
	}
	m := &moment{when: when, what: compiled.(program), index: map[uint64]uint64{}}
	if when == "idle" {
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, unix.SIGUSR1)
		go func() {
			for range asked {
				m.act(0)
			}
		}()
	}
	return m, nil
}

// at acts if it is the moment.
func (m *moment) at(when string, index uint64) {
	if m != nil && m.when == when {
		m.act(index)
	}
}

// act does what an op of that name would, as far as that makes sense without a job.
func (m *moment) act(index uint64) {
	in := frame.Frame{Index: index}
	for _, s := range m.what {
		turnsDeaf := s.deed.name == "hang" && m.when == "idle"
		m.deaf.Store(turnsDeaf) // before applies, which shows that it has happened
		switch {
		case !s.applies(in):
			m.deaf.Store(false)
		case s.deed.name == "lie" && m.when == "starting":
			misbehaveAtStart("garbage")
		case s.deed.name == "lie":
			m.mu.Lock()
			say := m.say
			m.mu.Unlock()
			_ = say(&workerpb.WorkResponse{Results: []*workerpb.Result{{Id: 1 << 40}}})
		case turnsDeaf:
		default:
			_ = s.deed.do(s, in, new(serve.Output))
		}
	}
}

// speaks tells how messages are sent.
func (m *moment) speaks(say func(*workerpb.WorkResponse) error) {
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.say = say
	}
}

// received sees a message that came.
func (m *moment) received(r *workerpb.WorkRequest) {
	if m == nil {
		return
	}
	if m.deaf.Load() {
		forever()
	}
	for _, j := range r.Jobs {
		m.mu.Lock()
		m.index[j.Id] = j.Index
		m.mu.Unlock()
		m.at("received", j.Index)
	}
}

// replied sees a message that was sent.
func (m *moment) replied(l liar, r *workerpb.WorkResponse) {
	if m == nil {
		return
	}
	for _, result := range r.Results {
		m.mu.Lock()
		index, ok := m.index[result.Id]
		delete(m.index, result.Id)
		m.mu.Unlock()
		if ok && m.when == "replied" {
			l.Wake()
			m.at("replied", index)
		}
	}
}
