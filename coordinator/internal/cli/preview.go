package cli

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/coordinator/internal/media"
	"github.com/cvfarm/cvfarm/coordinator/internal/sheet"
	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// previewOptions is the preview command's flags as they were written.
type previewOptions struct {
	pipeline, output, worker string
	frame, width             int
	overwrite                bool
	named                    namedInputs
}

func (app App) previewCommand() *cobra.Command {
	var o previewOptions
	cmd := &cobra.Command{
		Use:   "preview INPUT -p PIPELINE -o SHEET.png",
		Short: "Draw what each step of a pipeline makes of one frame",
		Long: `Run the first step of a pipeline, the first two, and so on, on one frame, and draw the results side by side: below each name
is what the step makes and how long it took, below each picture what it found. The times are also printed on standard error.

Pictures of 8 bits are shown as they are. Of others the least value is black and the greatest white, and the sheet says which
these are. Colour spaces such as HSV are shown as if they were BGR, as OpenCV's imshow does. A step that keeps something from
frame to frame sees this frame only.

Exit code: 1 when a step refuses the frame; the sheet then shows the steps before it, and the reason.`,
		Example: `  coordinator preview photo.jpg -p 'gray | canny low=50 high=150' -o sheet.png
  coordinator preview clip.mp4 --frame 100 -p @edges.cvf -o sheet.png --overwrite`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("preview takes one input, but got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return app.preview(cmd.Context(), &o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.pipeline, "pipeline", "p", "", pipelineUsage)
	f.StringVarP(&o.output, "output", "o", "", "the contact `sheet.png`; - is standard output")
	f.IntVar(&o.frame, "frame", 1, "which frame of a video, or which image of a folder, from 1")
	f.IntVar(&o.width, "width", 320, "width of a picture on the sheet, and its greatest height")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace a sheet that exists")
	o.named.addFlag(cmd)
	addWorkerFlag(f, &o.worker)
	return cmd
}

func (o *previewOptions) validate(app App) error {
	switch {
	case o.output == "":
		return usagef("no output: name the sheet, such as -o sheet.png")
	case o.output == "-" && app.Terminal(app.Out):
		return usagef("-o - would write an image to the terminal: redirect standard output, or name a file")
	case o.output != "-" && !strings.EqualFold(filepath.Ext(o.output), ".png"):
		return usagef("output %s: a sheet is a .png", o.output)
	case o.frame < 1:
		return usagef("--frame %d: frames are counted from 1", o.frame)
	case o.width < 32 || o.width > 4096:
		return usagef("--width %d: 32 to 4096 are possible", o.width)
	}
	if _, err := o.named.parse(); err != nil {
		return err
	}
	if err := media.Vacant(o.output, o.overwrite); o.output != "-" && err != nil {
		return usageError{err}
	}
	return nil
}

// preview is the command.
func (app App) preview(ctx context.Context, o *previewOptions, input string) error {
	s, err := readScript(o.pipeline)
	if err != nil {
		return err
	}
	if err := o.validate(app); err != nil {
		return err
	}
	inputs, err := media.Resolve([]string{input}, false)
	if err != nil {
		return err
	}
	worker, err := findWorker(o.worker)
	if err != nil {
		return err
	}
	ctx, cancel := app.untilDrain(ctx)
	defer cancel()
	f, err := farm.Start(ctx, farm.Config{Worker: worker, Workers: 1, Spares: -1})
	if err == nil {
		p := &preview{App: app, options: o, script: s, inputs: inputs, farm: f}
		err = p.run(ctx)
		if cerr := closeFarm(ctx, f); err == nil {
			err = cerr
		}
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// preview is one run of the preview command.
type preview struct {
	App
	options *previewOptions
	script  script
	inputs  []media.Input
	farm    *farm.Farm
}

// run tries the steps, tells their times, and writes the sheet. A step that failed is on the sheet, and is the error.
func (p *preview) run(ctx context.Context) error {
	variant, err := p.plan(ctx)
	if err != nil {
		return err
	}
	item, err := p.frame(ctx)
	if err != nil {
		return err
	}
	t := &trial{farm: p.farm, side: p.options.width, frame: item.Frame, shift: variant.Shift}
	if t.steps, err = pipeline.Parse(variant.Pipeline); err != nil {
		return err
	}
	failed := t.run(ctx)
	if failed != nil && (!isFrames(failed) || len(t.seen) == 0) {
		return variant.Unshift(failed)
	}
	if err := t.printTimes(p.Err); err != nil {
		return err
	}
	if err := p.write(t.tiles(p.caption(item), failed)); err != nil {
		return err
	}
	return variant.Unshift(failed)
}

// plan refuses what cannot be run, and puts decode in front where the frame comes encoded.
func (p *preview) plan(ctx context.Context) (media.Variant, error) {
	if err := p.farm.Ops().Check(p.script.Pipeline); err != nil {
		return media.Variant{}, p.script.point(err)
	}
	beside, err := p.options.named.beside(p.farm.Ops(), p.script)
	if err == nil {
		err = upload(ctx, p.farm, p.script, beside)
	}
	if err != nil {
		return media.Variant{}, err
	}
	plan, err := media.NewPlan(p.script.Pipeline, media.Output{Kind: media.ToNone}, p.farm.Ops())
	if err != nil {
		return media.Variant{}, err
	}
	variants, err := plan.Variants(p.inputs)
	if err != nil || len(variants) == 0 {
		return media.Variant{}, err
	}
	return variants[0], nil
}

// frame returns the frame that was asked for, in Go memory.
func (p *preview) frame(ctx context.Context) (media.Item, error) {
	source := media.Source{Inputs: p.inputs, Limit: p.options.frame, Open: farmEngine{p.farm}.open, Stdin: p.In}
	n := 0
	for it := range source.Items(ctx) {
		if n++; it.Err != nil {
			return it, it.Err
		}
		if n == p.options.frame {
			defer it.Frame.Release()
			it.Frame = it.Frame.Copy()
			return it, nil
		}
		it.Frame.Release()
	}
	if ctx.Err() != nil {
		return media.Item{}, ctx.Err()
	}
	return media.Item{}, usagef("--frame %d: there is no such frame, only %d", p.options.frame, n)
}

func (p *preview) caption(it media.Item) string {
	name := filepath.Base(it.Input.Name)
	if it.Number > 0 {
		return fmt.Sprintf("%s, frame %d", name, it.Number)
	}
	return name
}

func (p *preview) write(tiles []sheet.Tile) error {
	picture, err := sheet.Draw(tiles, p.options.width)
	if err != nil {
		return err
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		return err
	}
	if p.options.output == "-" {
		_, err := p.Out.Write(encoded.Bytes())
		return err
	}
	f, err := media.CreateFile(p.options.output, p.options.overwrite)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(encoded.Bytes()); err != nil {
		return err
	}
	return f.Commit()
}
