package media

import (
	"errors"
	"slices"
	"strings"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// Plan completes what the user wrote: decode in front where the frames come encoded, encode behind where the output takes
// images and the pipeline does not end in one.
type Plan struct {
	text    string
	decodes bool   // it begins with decode
	own     string // the extension of its own encode step; empty where it does not end in one
	output  Output
	exts    []string // what the worker's encode op can write; empty where it takes anything
}

// Variant is the plan for one sort of frame.
type Variant struct {
	Pipeline string
	// Ext is the extension of the image that comes out; empty where pixels do.
	Ext string
	// Shift is how many steps stand in front of the user's own.
	Shift int
	// Takes is what the frames are, as far as that is known beforehand.
	Takes frame.Geometry
}

// Unshift makes an error's step one of the user's own; 0 where it is none of them.
func (v Variant) Unshift(err error) error {
	var e *farm.Error
	if errors.As(err, &e) {
		e.Step = max(0, e.Step-v.Shift)
	}
	return err
}

// NewPlan refuses what cannot lead to the output. ops is the worker's catalogue, which knows what encode can write.
func NewPlan(p pipeline.Pipeline, out Output, ops pipeline.Catalogue) (*Plan, error) {
	plan := &Plan{text: p.String(), decodes: p[0].Op == "decode", output: out}
	encode, _ := ops.Find("encode")
	def := ".png"
	for _, param := range encode.Params {
		if param.Name == "ext" {
			plan.exts = param.Choices
			if d, ok := param.Default.(string); ok {
				def = d
			}
		}
	}
	if last := p[len(p)-1]; last.Op == "encode" {
		plan.own = dotted(argument(last, "ext", def))
	}
	switch {
	case plan.own != "" && out.Kind == ToVideo:
		return nil, usagef("output %s: the pipeline ends in encode, but a video is made of pixels: leave encode out, or write images",
			out.Path)
	case plan.own != "" && out.Ext != "" && sameFormat(plan.own) != sameFormat(out.Ext):
		return nil, usagef("output %s: the pipeline ends in encode ext=%s: leave encode out, or name the output %s",
			out.Path, plan.own, stem(out.Path)+plan.own)
	case out.wantsImages() && out.Ext != "" && plan.value(out.Ext) == "":
		return nil, usagef("output %s: this worker writes no %s; it writes %s", out.Path, out.Ext, strings.Join(plan.exts, ", "))
	}
	return plan, nil
}

func argument(s pipeline.Step, name, def string) string {
	for _, a := range s.Args {
		if a.Name == name {
			return a.Value
		}
	}
	return def
}

func dotted(ext string) string { return "." + strings.TrimPrefix(strings.ToLower(ext), ".") }

// sameFormat maps the extensions of one format to one of them.
func sameFormat(ext string) string {
	if f, ok := formatNamed("x" + ext); ok {
		return f.exts[0]
	}
	return ext
}

// value is how the encode op is told an extension; empty where it cannot write it.
func (p *Plan) value(ext string) string {
	if len(p.exts) == 0 {
		return ext
	}
	if i := slices.IndexFunc(p.exts, func(c string) bool { return dotted(c) == ext }); i >= 0 {
		return p.exts[i]
	}
	if sameFormat(ext) == ".ppm" { // .pgm and .pbm are not other names for it: they have fewer channels
		return ""
	}
	if i := slices.IndexFunc(p.exts, func(c string) bool { return sameFormat(dotted(c)) == sameFormat(ext) }); i >= 0 {
		return p.exts[i]
	}
	return ""
}

// For returns the plan for a frame that comes encoded or as pixels, from an image with that extension, or "".
func (p *Plan) For(encoded bool, ext string) Variant {
	v := Variant{Pipeline: p.text, Takes: frame.Geometry{Format: frame.FormatBGR}}
	if encoded {
		v.Takes.Format = frame.FormatEncoded
	}
	if encoded && !p.decodes {
		v.Pipeline, v.Shift = "decode | "+v.Pipeline, 1
	}
	if v.Ext = p.own; v.Ext != "" || !p.output.wantsImages() {
		return v
	}
	v.Ext = p.output.Ext
	if v.Ext == "" {
		v.Ext = ext
	}
	if v.Ext == "" || p.value(v.Ext) == "" {
		v.Ext = ".png"
	}
	v.Pipeline += " | " + p.Encode(v.Ext)
	return v
}

// Encode is the step that makes an image of the format that has the extension.
func (p *Plan) Encode(ext string) string { return "encode ext=" + p.value(ext) }

// Variants returns each variant that the inputs will need, as far as they are known, so that they can be checked beforehand.
func (p *Plan) Variants(inputs []Input) ([]Variant, error) {
	var all []Variant
	for i := range inputs {
		in := &inputs[i]
		if in.Err != nil {
			continue
		}
		if in.pixels() && p.decodes {
			return nil, usagef("the pipeline begins with decode, but the frames of %s are decoded already: leave decode out", in.Name)
		}
		if v := p.Of(in); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all, nil
}

// Of returns the variant that an input needs, as far as that is known before it is read.
func (p *Plan) Of(in *Input) Variant {
	ext := ""
	if in.Kind == Image {
		ext = inputExt(in)
	}
	return p.For(!in.pixels(), ext)
}
