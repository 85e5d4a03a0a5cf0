package bench

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// deadLeaves makes a picture with the statistics of a photograph: discs of all sizes cover one another like leaves on the
// ground, as many small as the cube of their radius is small, with a little noise (Lee, Mumford, Huang: "Occlusion models for
// natural images", 2001; test charts of cameras are made so). A black or a random picture would flatter or punish ops that look
// at edges. The same size gives the same picture.
func deadLeaves(ctx context.Context, s Size) (frame.Frame, error) {
	f, err := frame.New(frame.Geometry{Width: s.Width, Height: s.Height, Format: frame.FormatBGR, Depth: frame.U8})
	if err != nil {
		return f, err
	}
	p := painter{Frame: f, rand: rand.New(rand.NewPCG(uint64(s.Width), uint64(s.Height)))}
	small, large := 2.0, math.Max(4, float64(max(s.Width, s.Height))/4)
	covered, enough := 0.0, 12*float64(s.Width)*float64(s.Height)
	for covered < enough {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		r := p.radius(small, large)
		p.disc(p.rand.Float64()*float64(s.Width), p.rand.Float64()*float64(s.Height), r)
		covered += math.Pi * r * r
	}
	p.noise()
	return f, nil
}

type painter struct {
	frame.Frame
	rand *rand.Rand
}

// radius draws from the density r^-3 between two bounds.
func (p *painter) radius(low, high float64) float64 {
	a, b := 1/(low*low), 1/(high*high)
	return 1 / math.Sqrt(b+p.rand.Float64()*(a-b))
}

// disc paints a disc of one colour, shaded from one side to the other as things in the light are.
func (p *painter) disc(x, y, r float64) {
	colour := [3]float64{p.rand.Float64() * 255, p.rand.Float64() * 255, p.rand.Float64() * 255}
	shade := (p.rand.Float64() - 0.5) * 60 / r
	for row := max(0, int(y-r)); row < min(p.Height, int(y+r)+1); row++ {
		half := math.Sqrt(math.Max(0, r*r-(float64(row)-y)*(float64(row)-y)))
		for col := max(0, int(x-half)); col < min(p.Width, int(x+half)+1); col++ {
			at := (row*p.Width + col) * 3
			light := shade * (float64(col) - x)
			for c := range colour {
				p.Pix[at+c] = clamp(colour[c] + light)
			}
		}
	}
}

// noise adds that of a camera's sensor in good light.
func (p *painter) noise() {
	for i, v := range p.Pix {
		p.Pix[i] = clamp(float64(v) + p.rand.NormFloat64()*2)
	}
}

func clamp(v float64) byte { return byte(min(max(v, 0), 255)) }
