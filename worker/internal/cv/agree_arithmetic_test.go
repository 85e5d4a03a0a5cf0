//go:build opencv

package cv

import (
	"strconv"
	"strings"

	"gocv.io/x/gocv"
)

// countdown is a table from 255 down to 0.
func countdown() string {
	var numbers []string
	for i := range 256 {
		numbers = append(numbers, strconv.Itoa(255-i))
	}
	return strings.Join(numbers, ",")
}

const numbers = "colour gray alpha odd one pixel row column u16 s16 f32 f64 s32 s8"

var arithmeticAgreements = []agreement{
	{"convert depth=f32", "convert(img, np.float32)", nil, numbers},
	{"convert depth=u8 alpha=128 beta=-2", "convert(img, np.uint8, 128, -2)", func(s gocv.Mat, d *gocv.Mat) error { return s.ConvertToWithParams(d, gocv.MatTypeCV8U, 128, -2) }, numbers},
	{"convert depth=s16 alpha=-3.5", "convert(img, np.int16, -3.5)", nil, "colour gray alpha odd one pixel row column u16 s16 s8"},
	{"convert depth=u16 alpha=257", "convert(img, np.uint16, 257)", nil, "colour gray alpha odd one pixel row column u16 s16 s8"},
	{"convert depth=f64 alpha=0.25 beta=0.5", "convert(img, np.float64, 0.25, 0.5)", nil, numbers},
	{"convert depth=s32 beta=7", "convert(img, np.int32, 1, 7)", nil, "colour gray alpha odd one pixel row column u16 s16 s8"},
	{"convert depth=s8", "convert(img, np.int8)", nil, "colour gray alpha odd one pixel row column u16 s16 s8"},
	{"convert_scale_abs", "cv2.convertScaleAbs(img)", nil, numbers},
	{"convert_scale_abs alpha=-0.37 beta=9.5", "cv2.convertScaleAbs(img, alpha=-0.37, beta=9.5)", nil, numbers},
	{"normalize alpha=200 beta=10 norm_type=l2", "cv2.normalize(img, None, 200, 10, cv2.NORM_L2)", nil, numbers},
	{"normalize alpha=200 beta=10 norm_type=l1", "cv2.normalize(img, None, 200, 10, cv2.NORM_L1)", nil, numbers},
	{"normalize alpha=200 beta=10 norm_type=inf", "cv2.normalize(img, None, 200, 10, cv2.NORM_INF)", nil, numbers},
	{"normalize alpha=200 beta=10 norm_type=minmax", "cv2.normalize(img, None, 200, 10, cv2.NORM_MINMAX)", nil, numbers},
	{"normalize norm_type=minmax dtype=f32", "cv2.normalize(img, None, 1, 0, cv2.NORM_MINMAX, cv2.CV_32F)", nil, numbers},
	{"add value=10", "cv2.add(img, (10, 10, 10, 10))", nil, numbers},
	{"add value=10.6,-20,300", "cv2.add(img, (10.6, -20, 300, 0))", nil, "colour odd one pixel row u16 f32"},
	{"add value=1,2,3,4", "cv2.add(img, (1, 2, 3, 4))", nil, "alpha"},
	{"add value=100 dtype=s16", "cv2.add(img, (100, 100, 100, 100), dtype=cv2.CV_16S)", nil, "colour gray alpha odd one pixel row column"},
	{"subtract value=50", "cv2.subtract(img, (50, 50, 50, 50))", nil, numbers},
	{"subtract value=127 dtype=f32", "cv2.subtract(img, (127, 127, 127, 127), dtype=cv2.CV_32F)", nil, "colour gray alpha odd one pixel row column u16 s16 f32"},
	{"multiply value=1.7", "cv2.multiply(img, (1.7, 1.7, 1.7, 1.7))", nil, numbers},
	{"multiply value=0.5,1,2 scale=0.7", "cv2.multiply(img, (0.5, 1, 2, 0), scale=0.7)", nil, "colour odd one pixel row u16 f32"},
	{"multiply value=0.1 dtype=f64", "cv2.multiply(img, (0.1, 0.1, 0.1, 0.1), dtype=cv2.CV_64F)", nil, numbers},
	{"divide value=3", "cv2.divide(img, (3, 3, 3, 3))", nil, numbers},
	{"divide value=0 scale=2", "cv2.divide(img, (0, 0, 0, 0), scale=2)", nil, "colour gray alpha odd one pixel row column u16 s16"},
	{"divide value=4 scale=2 dtype=f32", "cv2.divide(img, (4, 4, 4, 4), scale=2, dtype=cv2.CV_32F)", nil, "colour gray alpha odd one pixel row column u16 s16 f32"},
	{"abs_diff value=99.5", "cv2.absdiff(img, (99.5, 99.5, 99.5, 99.5))", nil, numbers},
	{"min value=100", "apart(lambda i: cv2.min(i, (100, 100, 100, 100)), img)", nil, numbers},
	{"max value=10,200,50", "apart(lambda i: cv2.max(i, (10, 200, 50, 0)), img)", nil, "colour odd one pixel row u16 f32"},
	{"bitwise_and value=170", "apart(lambda i: cv2.bitwise_and(i, (170, 170, 170, 170)), img)", nil, "colour gray alpha odd one pixel row column u16 s16 s32 s8"},
	{"bitwise_or value=170", "apart(lambda i: cv2.bitwise_or(i, (170, 170, 170, 170)), img)", nil, "colour gray alpha odd one pixel row column u16 s16 s32 s8"},
	{"bitwise_xor value=170", "apart(lambda i: cv2.bitwise_xor(i, (170, 170, 170, 170)), img)", nil, "colour gray alpha odd one pixel row column u16 s16 s32 s8"},
	{"compare value=100 cmpop=eq", "apart(lambda i: cv2.compare(i, 100, cv2.CMP_EQ), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"compare value=100 cmpop=gt", "apart(lambda i: cv2.compare(i, 100, cv2.CMP_GT), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"compare value=100 cmpop=ge", "apart(lambda i: cv2.compare(i, 100, cv2.CMP_GE), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"compare value=100 cmpop=lt", "apart(lambda i: cv2.compare(i, 100, cv2.CMP_LT), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"compare value=100 cmpop=le", "apart(lambda i: cv2.compare(i, 100, cv2.CMP_LE), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"compare value=100 cmpop=ne", "apart(lambda i: cv2.compare(i, 100, cv2.CMP_NE), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"compare value=99.5 cmpop=gt", "apart(lambda i: cv2.compare(i, 99.5, cv2.CMP_GT), img) if img.ndim == 2 else refuse", nil, "gray odd one pixel column u16 s16 f32 f64 s32"},
	{"pow power=2", "cv2.pow(img, 2)", nil, numbers},
	{"pow power=3", "cv2.pow(img, 3)", nil, numbers},
	{"pow power=-1", "cv2.pow(img, -1)", nil, numbers},
	{"pow power=0.7", "cv2.pow(img, 0.7)", nil, "none"},
	{"sqrt", "cv2.sqrt(img)", nil, "none"},
	{"exp", "cv2.exp(img)", nil, "none"},
	{"log", "cv2.log(img)", nil, "none"},
	{"gamma", "cv2.LUT(img, np.rint(255 * (np.arange(256) / 255) ** 2.2).astype(np.uint8)) if img.dtype == np.uint8 else cv2.pow(img, 2.2)", nil, "colour gray alpha odd one pixel row column f32 f64"},
	{"lut table=" + countdown(), "cv2.LUT(img, np.arange(255, -1, -1, dtype=np.uint8))", nil, "colour gray alpha odd one pixel row column"},
	{"lut table=" + countdown() + "," + identityTable() + "," + times("7", 256, ","), "cv2.LUT(img, np.dstack([np.arange(255, -1, -1), np.arange(256), np.full(256, 7)]).astype(np.uint8))", nil, "colour odd one pixel row"},
}
