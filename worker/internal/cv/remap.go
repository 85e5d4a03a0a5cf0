//go:build opencv

package cv

import (
	"image"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
	"gocv.io/x/gocv"
)

// remapOp moves pixels by maps, such as those of cv2.initUndistortRectifyMap.
func remapOp() op {
	how := warpParams()
	how[0].Name = "interpolation" // cv2's name for it, here
	return op{
		OpInfo: info("remap", "imgproc", "Take each pixel from where a map says.", append([]pipeline.Param{
			pipeline.Image("map1", "the x of each place in f32: a TIFF or EXR of one channel, as cv2.imwrite makes it of a map of "+
				"cv2.initUndistortRectifyMap; or a picture of two channels, x and y"),
			pipeline.Image("map2", "the y of each place, like map1; not with a map1 of two channels").Optional(),
		}, how...)...).
			WithReturns("a picture of the size of the maps").WithExample("remap map1=x.tiff map2=y.tiff interpolation=cubic"),
		with: remap,
	}
}

func remap(a pipeline.Args, in serve.Inputs) (step, error) {
	m, err := mapsOf(a, in)
	if err != nil {
		return step{}, err
	}
	flags, size := interpolations[a.String("interpolation")], image.Pt(m.x.g.Width, m.x.g.Height)
	s := bordered(a, warp("map1", func(frame.Geometry) image.Point { return size }, func(src picture, dst *gocv.Mat, _ image.Point) error {
		o, err := outsideOf(a, src.g)
		if err != nil {
			return err
		}
		return remapped(src.Mat, dst, m.x.mat, m.y.mat, flags, o)
	}))
	s.close = m.close
	return s, nil
}

// maps are where pixels come from. y is empty where x has two channels.
type maps struct{ x, y variant }

// mapsOf returns the maps that the arguments name. The caller closes them.
func mapsOf(a pipeline.Args, in serve.Inputs) (m maps, err error) {
	m.x.mat, m.y.mat = gocv.NewMat(), gocv.NewMat()
	err = m.x.loadMap(a, "map1", in)
	if err == nil && a.String("map2") != "" {
		err = m.y.loadMap(a, "map2", in)
	}
	if err == nil {
		err = m.check()
	}
	if err != nil {
		m.close()
	}
	return m, err
}

// loadMap makes v what an image parameter names, in the depth and with the channels that it has.
func (v *variant) loadMap(a pipeline.Args, param string, in serve.Inputs) error {
	r, err := decodedOf(a, param, in, gocv.IMReadUnchanged)
	if err != nil {
		return err
	}
	defer r.close()
	v.g = r.variants[0].g
	return r.variants[0].mat.CopyTo(&v.mat)
}

func (m maps) check() error {
	x, y := m.x.g, m.y.g
	switch both := x.Format.Channels() == 2; {
	case x.Depth != frame.F32 || x.Format.Channels() > 2:
		return wrong("map1", "map1 is %v: it must have f32, and one channel or two", x)
	case both && y.IsPixels():
		return wrong("map2 map1", "map1 is %v, which is x and y: there is nothing for map2 to say", x)
	case !both && !y.IsPixels():
		return wrong("map1", "map1 is %v, which is x only: it needs map2, for y", x)
	case !both && (y.Width != x.Width || y.Height != x.Height || y.Depth != x.Depth || y.Format.Channels() != 1):
		return wrong("map2 map1", "map1 is %v, map2 is %v: they must have the same size and f32, and one channel each", x, y)
	}
	return nil
}

func (m maps) close() {
	m.x.mat.Close()
	m.y.mat.Close()
}
