//go:build opencv

package cv

import "github.com/cvfarm/cvfarm/shared/frame"

// Shapes tells what comes out of each step. The size of what a decode makes is not known (0x0), nor of what follows from that, up to
// a step that makes one size of all. Where the file decides the depth, nothing is known, of what follows neither.
func (p *program) Shapes(in frame.Geometry) ([]frame.Geometry, error) {
	shapes := make([]frame.Geometry, len(p.steps))
	sized := in.Width > 0 || !in.IsPixels()
	for i := range p.steps {
		s := &p.steps[i]
		if s.decode != nil {
			if in.IsPixels() {
				return nil, p.blame(i, errDecodes(in))
			}
			if !s.decode.anyDepth {
				shapes[i].Format = s.decode.format
			}
			in, sized = shapes[i], false
			continue
		}
		if in.Format == frame.FormatNone {
			return shapes, nil // the file decides
		}
		geometry := s.geometry
		if !sized {
			geometry = s.geometryOfAnySize
		}
		out, err := geometry(in)
		if err != nil {
			return nil, p.blame(i, err)
		}
		if sized = out.Width > 0; !sized {
			out.Height = 0
		}
		shapes[i], in = out, out
	}
	return shapes, nil
}

// geometryOfAnySize is geometry for a picture whose size is not known yet. Of two that are far apart, a large and a small one, it
// tells what is the same. The sides of the large one are multiples of what ops may ask for.
func (s *step) geometryOfAnySize(in frame.Geometry) (frame.Geometry, error) {
	if err := s.suits(in); err != nil {
		return in, err
	}
	in.Width, in.Height = 4092, 4092
	large, tooLarge := s.geometry(in)
	in.Width, in.Height = 37, 23
	small, tooSmall := s.geometry(in)
	switch {
	case tooLarge != nil && tooSmall != nil: // the true size may do
		return frame.Geometry{}, nil
	case tooLarge != nil:
		large = small
	}
	if tooLarge != nil || tooSmall != nil || small != large {
		large.Width, large.Height = 0, 0
	}
	return large, nil
}
