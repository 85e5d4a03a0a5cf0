//go:build opencv

package cv

import (
	"errors"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// reference is a picture beside the frame: a template, a mask, what to compare with. It is read-only once it is made.
type reference struct {
	param, name string
	// variants are the picture in the formats in which frames may ask for it. Pixels have the one that they came in and, of
	// bgr, gray; a file has bgr and gray, each as the decoder makes it, with the depth of the file.
	variants []variant
}

type variant struct {
	g   frame.Geometry
	mat gocv.Mat
}

// referenceOf returns the picture that an image parameter names.
func referenceOf(a pipeline.Args, param string, in serve.Inputs) (*reference, error) {
	return decodedOf(a, param, in, gocv.IMReadColor|gocv.IMReadAnyDepth, gocv.IMReadGrayScale|gocv.IMReadAnyDepth)
}

// decodedOf is referenceOf with a variant of a file for each of the flags.
func decodedOf(a pipeline.Args, param string, in serve.Inputs, flags ...gocv.IMReadFlag) (*reference, error) {
	name := a.String(param)
	f, ok := in[name]
	if !ok {
		return nil, wrong(param, "%s=%s: there is no input of that name", param, name)
	}
	r := &reference{param: param, name: name}
	err := r.load(f, flags)
	if err != nil {
		r.close()
		return nil, wrong(param, "%s=%s: %v", param, name, err)
	}
	return r, nil
}

func (r *reference) load(f frame.Frame, flags []gocv.IMReadFlag) error {
	if f.IsPixels() {
		return r.copy(f)
	}
	if len(f.Pix) == 0 {
		return errors.New("it is empty")
	}
	h := readHeader(f.Pix)
	if err := h.checkSize(); err != nil {
		return err
	}
	if h.cut(f.Pix) {
		return errors.New("it is a truncated jpeg")
	}
	for _, flag := range flags {
		m := gocv.NewMat()
		err := imdecode(f.Pix, flag, &m)
		if err != nil || m.Empty() { // OpenCV makes no colour of a gray TIFF of floats
			m.Close()
			continue
		}
		r.keep(m, frame.FormatBGR)
	}
	if len(r.variants) == 0 {
		return errors.New(looksLike(f.Pix, h))
	}
	return nil
}

// copy takes pixels. Of bgr it makes gray, too, for ops that want that.
func (r *reference) copy(f frame.Frame) error {
	header, own, gray := gocv.NewMat(), gocv.NewMat(), gocv.NewMat()
	defer header.Close()
	if err := wrapPixels(&header, f.Geometry, f.Pix); err != nil {
		return err
	}
	err := header.CopyTo(&own)
	r.keep(own, f.Format)
	if err != nil || f.Format != frame.FormatBGR {
		return errors.Join(err, gray.Close())
	}
	err = gocv.CvtColor(own, &gray, gocv.ColorBGRToGray)
	r.keep(gray, frame.FormatGray)
	return err
}

func (r *reference) keep(m gocv.Mat, meaning frame.Format) {
	r.variants = append(r.variants, variant{geometryOf(&m, meaning), m})
}

func (r *reference) close() {
	for _, v := range r.variants {
		v.mat.Close()
	}
}

// like returns the picture in the format and depth of g.
func (r *reference) like(g frame.Geometry) (variant, error) {
	for _, v := range r.variants {
		if v.g.Format == g.Format && v.g.Depth == g.Depth {
			return v, nil
		}
	}
	return variant{}, wrong(r.param, "%s is %v, the frame is %v: they must have the same format and depth", r.name, r.variants[0].g, g)
}

// fits is the fits of a step that asks for like.
func (r *reference) fits(in frame.Geometry) error { _, err := r.like(in); return err }

// over is like, for a picture that must have the size of the frame.
func (r *reference) over(g frame.Geometry) (variant, error) {
	v, err := r.like(g)
	if err == nil && (v.g.Width != g.Width || v.g.Height != g.Height) {
		return v, wrong(r.param, "%s has %dx%d, the frame has %dx%d: they must have the same size", r.name, v.g.Width, v.g.Height, g.Width, g.Height)
	}
	return v, err
}

// mask returns the picture as a mask for frames of geometry g.
func (r *reference) mask(g frame.Geometry) (variant, error) {
	if err := r.fitsMask(g); err != nil {
		return variant{}, err
	}
	g.Format, g.Depth = frame.FormatGray, frame.U8
	return r.over(g)
}

// fitsMask is the fits of a step that asks for a mask.
func (r *reference) fitsMask(frame.Geometry) error {
	if _, err := r.like(frame.Geometry{Format: frame.FormatGray, Depth: frame.U8}); err != nil {
		return wrong(r.param, "%s is %v: it must be gray or bgr u8", r.name, r.variants[0].g)
	}
	return nil
}

// labels returns the picture as labels for frames of geometry g: whole numbers.
func (r *reference) labels(g frame.Geometry) (variant, error) {
	v, err := r.whole()
	if err != nil {
		return v, err
	}
	g.Format, g.Depth = v.g.Format, v.g.Depth
	return r.over(g)
}

func (r *reference) whole() (variant, error) {
	for _, v := range r.variants {
		if only(frame.FormatGray).of(frame.U8, frame.U16, frame.S32).check(v.g) == nil {
			return v, nil
		}
	}
	return variant{}, wrong(r.param, "%s is %v, it must be gray u8, u16 or s32", r.name, r.variants[0].g)
}

// fitsLabels is the fits of a step that asks for labels.
func (r *reference) fitsLabels(frame.Geometry) error { _, err := r.whole(); return err }

// passing makes a shape of a check: what comes out has the geometry of what goes in.
func passing(check func(frame.Geometry) (variant, error)) func(frame.Geometry) (frame.Geometry, error) {
	return func(in frame.Geometry) (frame.Geometry, error) {
		_, err := check(in)
		return in, err
	}
}

// after is a shape that is asked where the one before it, which passes pictures on, has no objection. It may be nil.
func after(check, shape func(frame.Geometry) (frame.Geometry, error)) func(frame.Geometry) (frame.Geometry, error) {
	return func(in frame.Geometry) (frame.Geometry, error) {
		if _, err := check(in); err != nil || shape == nil {
			return in, err
		}
		return shape(in)
	}
}

// beside makes the bind of an op with one picture beside the frame.
func beside(param string, bind func(a pipeline.Args, r *reference) (step, error)) func(pipeline.Args, serve.Inputs) (step, error) {
	return func(a pipeline.Args, in serve.Inputs) (step, error) {
		r, err := referenceOf(a, param, in)
		if err != nil {
			return step{}, err
		}
		s, err := bind(a, r)
		closing := s.close
		s.close = func() {
			if closing != nil {
				closing()
			}
			r.close()
		}
		return s, err
	}
}
