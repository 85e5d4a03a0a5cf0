package media

import (
	"errors"
	"fmt"
)

// Position is a place between two frames of a Source's inputs.
type Position struct {
	// Index is the number of frames in front of it, those that failed included.
	Index uint64 `json:"index"`
	// Input is the number of inputs in front of it, and Frame that of frames of the next one that are.
	Input int `json:"input"`
	Frame int `json:"frame,omitempty"`
}

// Follows says why the frames of the inputs cannot lead from one place to another; nil where they can.
func (p Position) Follows(was Position, inputs []Input) error {
	least := p.Frame
	if p.Input == was.Input {
		least -= was.Frame
	}
	switch {
	case p.Input < 0 || p.Input > len(inputs):
		return fmt.Errorf("it goes on at input %d, of %d", p.Input+1, len(inputs))
	case p.Frame < 0 || p.Frame > 0 && (p.Input == len(inputs) || inputs[p.Input].isImage()):
		return fmt.Errorf("it goes on at frame %d of input %d", p.Frame+1, p.Input+1)
	case p.Index < was.Index || p.Input < was.Input || least < 0:
		return errors.New("it goes back")
	}
	passed := inputs[was.Input:p.Input]
	images := ImagesIn(passed)
	n, sure := p.Index-was.Index, uint64(least)+uint64(images)
	if n < sure || n > sure && images == len(passed) {
		return fmt.Errorf("it tells of %d frames, where there are %d", n, sure)
	}
	return nil
}

// ImagesIn counts the inputs that are one frame each for sure.
func ImagesIn(inputs []Input) (n int) {
	for _, in := range inputs {
		if in.isImage() {
			n++
		}
	}
	return n
}

func (in Input) isImage() bool { return in.Err == nil && in.Kind == Image }
