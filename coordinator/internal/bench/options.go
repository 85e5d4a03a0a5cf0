package bench

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// Work is what kind of work is measured.
type Work string

// The kinds.
const (
	Ops    Work = "ops"    // pixels in, pixels out
	Decode Work = "decode" // JPEG in, pixels out
	Encode Work = "encode" // pixels in, JPEG out
)

// Works are all kinds.
func Works() []string { return []string{string(Ops), string(Decode), string(Encode)} }

// Options say what to measure. All fields but Pipeline, Named, Image, Isolation, Memory, InFlight and Progress are required.
type Options struct {
	// Worker is the path of the worker binary.
	Worker string
	// Pipeline is empty for the work's usual one. Named finds the files that it takes beside the frames; nil where none can be had.
	Pipeline pipeline.Pipeline
	Named    func(pipeline.Catalogue) ([]Named, error)
	Work     Work
	Sizes    []Size
	// Image is an image file's bytes for the content, Content its name. Without it the content is made: see deadLeaves.
	Image   []byte
	Content string
	// Time is that of one turn of one side.
	Time time.Duration
	// Rounds is how often all sides take their turns.
	Rounds  int
	Workers int
	// Isolation and Memory are the farm's; the bare loop has as many processes as the farm has workers in any case.
	Isolation farm.Isolation
	Memory    int64
	// InFlight is how many frames are under way at full load. Defaults to what keeps the workers busy.
	InFlight int
	// Progress is told what is being measured. It may be nil.
	Progress func(what string)
}

// Named is a file that a pipeline takes beside the frames.
type Named struct {
	Name string
	Data []byte
}

// Size is that of a picture.
type Size struct{ Width, Height int }

// ParseSize reads a size such as 640x480.
func ParseSize(text string) (Size, error) {
	w, h, _ := strings.Cut(text, "x")
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	s := Size{width, height}
	if errW != nil || errH != nil || min(width, height) < 1 || max(width, height) > frame.MaxSide {
		return s, fmt.Errorf("size %q: it is such as 640x480, each side 1 to %d", text, frame.MaxSide)
	}
	return s, nil
}

func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// steps is the pipeline to measure: the usual one of the work, or the one that was asked for, with decode in front and encode behind
// where the work has them.
func (o Options) steps() pipeline.Pipeline {
	p := o.Pipeline
	if len(p) == 0 {
		p, _ = pipeline.Parse(usual[o.Work])
	}
	if o.Work == Decode && p[0].Op != "decode" {
		p = append(pipeline.Pipeline{{Op: "decode"}}, p...)
	}
	if o.Work == Encode && p[len(p)-1].Op != "encode" {
		p = append(slices.Clip(p), pipeline.Step{Op: "encode"})
	}
	return p
}

var usual = map[Work]string{Ops: "gray | canny low=50 high=150", Decode: "decode", Encode: "encode ext=.jpg"}

// framesFor is how many frames of that many bytes to go round over: more than caches hold, within reason and within the memory
// that there is for one copy of each for every worker and two more.
func framesFor(bytes, workers int, memory int64) (int, error) {
	each := int64(bytes) * int64(workers+2)
	if n := memory / 2 / each; n > 0 {
		return min(max(64<<20/bytes, 4), 64, int(min(n, 64))), nil
	}
	return 0, fmt.Errorf("a frame of %d bytes, with one copy for each of %d workers and two more, takes more than half of the %d MiB of memory: measure a smaller size, or fewer workers",
		bytes, workers, memory>>20)
}

// inFlightFor is how many frames that take so much CPU time keep so many workers busy: two for each and two more, or 9 ms of work
// for each, as short frames travel several at a time; that as a power of two, so that it is the same in the next run.
func inFlightFor(workers int, perFrame time.Duration) int {
	short := int(9 * time.Millisecond / max(perFrame, 10*time.Microsecond))
	return min(max(2*workers+2, workers<<bits.Len(uint(short))), max(256, 2*workers+2))
}
