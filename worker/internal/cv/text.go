//go:build opencv

package cv

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/cvfarm/cvfarm/shared/pipeline"
	"gocv.io/x/gocv"
)

// writtenText is what the put_text op finds.
type writtenText struct {
	Text     string `json:"text"`
	Size     pixel  `json:"size"`
	Baseline int    `json:"baseline"`
}

func putTextStep(a pipeline.Args) (step, error) {
	text, i, bottomLeft := a.String("text"), inkOf(a), a.Bool("bottomLeftOrigin")
	org, err := pointOf(a, "org")
	if err != nil {
		return step{}, err
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) || len(text) > maxLine {
		return step{}, wrong("text", "text=%q is not allowed: it takes at most %d printable ASCII characters", text, maxLine)
	}
	f := font{gocv.HersheyFont(index(fonts, a.String("fontFace"))), a.Float("fontScale"), i.thickness}
	return step{takes: drawable(), fits: forColor(a), apply: func(src picture, dst *gocv.Mat) (any, error) {
		line := numbered(text, src.index)
		size, baseline, err := textSize(line, f)
		if err != nil {
			return nil, err
		}
		if err := src.CopyTo(dst); err != nil {
			return nil, err
		}
		return writtenText{line, size, baseline}, putText(dst, line, org, f, bottomLeft, i)
	}}, nil
}

// maxLine is longer than what fits on a picture.
const maxLine = 1000

var placeholder = regexp.MustCompile(`%%|%0?\d{0,2}d`)

// numbered fills in the index of a frame.
func numbered(text string, index uint64) string {
	return placeholder.ReplaceAllStringFunc(text, func(verb string) string {
		if verb == "%%" {
			return "%"
		}
		return fmt.Sprintf(verb, index)
	})
}
