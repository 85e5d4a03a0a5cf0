package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/sheet"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// trial runs the first k steps of a pipeline on one frame, for every k.
type trial struct {
	farm  *farm.Farm
	side  int // how large pictures are shown
	frame frame.Frame
	steps pipeline.Pipeline
	shift int // steps in front of the user's

	first *sight  // the frame itself, where it has pixels
	seen  []sight // by step
	times []time.Duration
}

// sight is what is to be seen after a step.
type sight struct {
	made    string // what it is, in words
	picture image.Image
	notes   []string
}

// run ends at the first step that fails.
func (t *trial) run(ctx context.Context) error {
	if t.frame.IsPixels() {
		s := t.show(t.frame)
		t.first = &s
	}
	for k := range t.steps {
		// Each run is a stream of its own: what a stateful step keeps of one is not for the next.
		r, err := t.submit(ctx, farm.Job{Pipeline: t.steps[:k+1].String(), Frame: t.frame, Stream: fmt.Sprint("preview ", k)})
		if err != nil {
			return err
		}
		t.times = r.Steps // of the longest run, which comes last: what runs first also warms up
		s, err := t.look(ctx, r, k)
		r.Release()
		if err != nil {
			return err
		}
		t.seen = append(t.seen, s)
	}
	return nil
}

func (t *trial) submit(ctx context.Context, j farm.Job) (*farm.Result, error) {
	future, err := t.farm.Submit(ctx, j)
	if err != nil {
		return nil, err
	}
	defer future.Cancel()
	return future.Wait(ctx)
}

// look makes a sight of the result of steps 0 to k.
func (t *trial) look(ctx context.Context, r *farm.Result, k int) (sight, error) {
	s, err := t.open(ctx, r.Frame)
	for _, v := range r.Values {
		if v.Step == k {
			s.notes = append(s.notes, v.Op+" "+string(v.JSON))
		}
	}
	return s, err
}

// open shows a frame. Encoded bytes are decoded by a worker, where it can.
func (t *trial) open(ctx context.Context, f frame.Frame) (sight, error) {
	_, decodes := t.farm.Ops().Find("decode")
	if f.Format != frame.FormatEncoded || !decodes {
		return t.show(f), nil
	}
	r, err := t.submit(ctx, farm.Job{Pipeline: "decode", Frame: f.Copy()})
	var refused *farm.Error
	switch {
	case errors.As(err, &refused):
		return sight{made: encodedText(f), notes: []string{"cannot be shown: " + refused.Message}}, nil
	case err != nil:
		return sight{}, err
	}
	defer r.Release()
	s := t.show(r.Frame)
	s.made = encodedText(f)
	return s, nil
}

func encodedText(f frame.Frame) string { return "encoded, " + bytesText(uint64(len(f.Pix))) }

func (t *trial) show(f frame.Frame) sight {
	s := sight{made: f.Geometry.String()}
	switch {
	case f.Format == frame.FormatEncoded:
		s.made = encodedText(f)
		return s
	case !f.IsPixels():
		s.made = "no picture"
		return s
	}
	picture, text, err := sheet.Shrink(f, t.side)
	if err != nil {
		s.notes = []string{"cannot be shown: " + err.Error()}
		return s
	}
	s.picture = picture
	if text != "" {
		s.notes = []string{text}
	}
	return s
}

// tiles returns the sheet's; a failure is the last.
func (t *trial) tiles(input string, failed error) []sheet.Tile {
	var all []sheet.Tile
	if t.first != nil {
		all = append(all, tileOf("input", t.first, ""))
	}
	for i := range t.seen {
		all = append(all, tileOf(t.title(i), &t.seen[i], t.time(i)))
	}
	all[0].Notes = strings.TrimSpace(input + "\n" + all[0].Notes)
	if failed != nil {
		message := failed.Error()
		var refused *farm.Error
		if errors.As(failed, &refused) {
			message = refused.Message
		}
		all = append(all, sheet.Tile{Title: t.title(len(t.seen)), Detail: "failed", Notes: message, Alarm: true})
	}
	return all
}

func tileOf(title string, s *sight, took string) sheet.Tile {
	detail := s.made
	if took != "" {
		detail += ", " + took
	}
	return sheet.Tile{Title: title, Detail: detail, Picture: s.picture, Notes: strings.Join(s.notes, "\n")}
}

// title is such as "2  canny low=50".
func (t *trial) title(i int) string {
	return strings.TrimSpace(t.number(i) + "  " + t.steps[i].String())
}

// number counts the user's steps.
func (t *trial) number(i int) string {
	if i < t.shift {
		return ""
	}
	return strconv.Itoa(i + 1 - t.shift)
}

// time is empty where the worker does not tell.
func (t *trial) time(i int) string {
	if i >= len(t.times) {
		return ""
	}
	return fmt.Sprintf("%.2f ms", float64(t.times[i])/float64(time.Millisecond))
}

func (t *trial) printTimes(w io.Writer) error {
	return tabulate(w, func(row func(...string)) {
		row("STEP", "OP", "TIME", "MAKES")
		for i, s := range t.seen {
			row(t.number(i), t.steps[i].Op, t.time(i), s.made)
		}
	})
}
