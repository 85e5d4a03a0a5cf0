package bench

import (
	"fmt"
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

// Options say what to measure. All fields but Pipeline, Image, Isolation and InFlight are required.
type Options struct {
	// Worker is the path of the worker binary.
	Worker string
	// Pipeline defaults to the work's usual one.
	Pipeline string
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
	// Isolation is the farm's; the bare loop has as many processes as the farm has workers in any case.
	Isolation farm.Isolation
	// InFlight is how many frames are under way at full load. Defaults to what keeps the workers busy.
	InFlight int
	// Progress is told what is being measured. It may be nil.
	Progress func(what string)
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

// resolve returns the pipeline to measure: the usual one of the work, or the one that was asked for, with decode in front and
// encode behind where the work has them.
func resolve(text string, w Work) (pipeline.Pipeline, error) {
	usual := map[Work]string{Ops: "gray | canny low=50 high=150", Decode: "decode", Encode: "encode ext=.jpg"}
	if text == "" {
		text = usual[w]
	}
	p, err := pipeline.Parse(text)
	if err != nil {
		return nil, err
	}
	if w == Decode && p[0].Op != "decode" {
		p = append(pipeline.Pipeline{{Op: "decode"}}, p...)
	}
	if w == Encode && p[len(p)-1].Op != "encode" {
		p = append(p, pipeline.Step{Op: "encode"})
	}
	return p, nil
}

// framesFor is how many frames of that many bytes to go round over: more than caches hold, within reason.
func framesFor(bytes int) int { return min(max(64<<20/bytes, 4), 64) }

// inFlightFor is how many frames of that duration keep so many workers busy: two for each and two more, or 12 ms of work for
// each, as short frames travel several at a time.
func inFlightFor(workers int, perFrame time.Duration) int {
	short := workers * int(12*time.Millisecond/max(perFrame, 10*time.Microsecond))
	return min(max(2*workers+2, short), max(256, 2*workers+2))
}
