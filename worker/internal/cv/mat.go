//go:build opencv

package cv

import (
	"fmt"
	"strings"
	"unsafe"

	"gocv.io/x/gocv"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// matType is OpenCV's type of such pixels: frame numbers the depths as OpenCV does.
func matType(g frame.Geometry) gocv.MatType {
	return gocv.MatType(int(g.Depth) + (g.Format.Channels()-1)<<3)
}

// wrapPixels makes m a header over the dense rows in pix, which must be kept alive and in place while m is used.
func wrapPixels(m *gocv.Mat, g frame.Geometry, pix []byte) error {
	return wrap(m, unsafe.Pointer(&pix[0]), g.RowBytes(), g.Height, g.Width, matType(g))
}

// geometryOf is what m holds. Where the meaning of the channels is not known it is the usual one.
func geometryOf(m *gocv.Mat, meaning frame.Format) frame.Geometry {
	t := int(m.Type())
	if n := t>>3 + 1; meaning.Channels() != n {
		meaning = usual(n)
	}
	return frame.Geometry{Width: m.Cols(), Height: m.Rows(), Format: meaning, Depth: frame.Depth(t & 7)}
}

// short is the useful part of an OpenCV message, in one line: without the version, the source file and the banner.
func short(err error) string {
	text := strings.Join(strings.Fields(words(err)), " ")
	if r := []rune(text); len(r) > 240 {
		text = string(r[:240]) + " …"
	}
	if limit, capped := serve.MemoryCap(); capped && lacksMemory(err) {
		text += fmt.Sprintf("; this worker's memory is capped at %d MiB", limit>>20)
	}
	return text
}

// demand is the condition of one of OpenCV's assertions; of another error it is short.
func demand(err error) string {
	text := short(err)
	if after, ok := strings.CutPrefix(text, "(-215:Assertion failed) "); ok {
		text, _, _ = strings.Cut(after, " in function '")
	}
	return text
}

// words are what follows the version and the source file in an OpenCV message.
func words(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, " error: "); ok {
		return after
	}
	return text
}

// lacksMemory reports whether an error is OpenCV's StsNoMem, of which there is nothing but the message.
func lacksMemory(err error) bool { return strings.HasPrefix(words(err), "(-4:") }
