// Command crashfarm does with cvfarm what `ways.py WAY crash` does with the others: frame 500 ends its worker by kill -9 the
// first time it is tried, and the file answered in FOLDER tells how many frames have had a result.
//
//	crashfarm WORKER WIDTHxHEIGHT WORKERS WINDOW FRAMES COUNT PICTURE FOLDER
//
// PICTURE holds the bytes of one BGR frame.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/frame"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 8 {
		return fmt.Errorf("%d arguments: they are WORKER WIDTHxHEIGHT WORKERS WINDOW FRAMES COUNT PICTURE FOLDER", len(args))
	}
	var numbers [4]int
	for i, text := range args[2:6] {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q: a number above 0 is needed", text)
		}
		numbers[i] = n
	}
	workers, window, copies, count := numbers[0], numbers[1], numbers[2], numbers[3]
	frames, err := load(args[6], args[1], copies)
	if err != nil {
		return err
	}
	f, err := farm.Start(ctx, farm.Config{Worker: args[0], Workers: workers})
	if err != nil {
		return err
	}
	defer f.Close(ctx)
	p := fmt.Sprintf("crash at=500 once='%s' | gray | canny low=50 high=150", filepath.Join(args[7], "once"))
	return feed(ctx, f, p, frames, window, count, filepath.Join(args[7], "answered"))
}

// load returns copies of the picture in a file.
func load(file, size string, copies int) ([]frame.Frame, error) {
	g := frame.Geometry{Format: frame.FormatBGR}
	if _, err := fmt.Sscanf(size, "%dx%d", &g.Width, &g.Height); err != nil {
		return nil, fmt.Errorf("size %q: it is such as 640x480", size)
	}
	pix, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	frames := make([]frame.Frame, copies)
	for i := range frames {
		if frames[i], err = frame.New(g); err != nil {
			return nil, err
		}
		if n := len(frames[i].Pix); n != len(pix) {
			return nil, fmt.Errorf("%s has %d bytes, not the %d of %v", file, len(pix), n, g)
		}
		copy(frames[i].Pix, pix)
	}
	return frames, nil
}

// feed keeps a window of frames in flight, and takes the results in order. A frame that fails costs its own result.
func feed(ctx context.Context, f *farm.Farm, pipeline string, frames []frame.Frame, window, count int, file string) error {
	futures, answered := make(chan *farm.Future, window), 0
	for next := 0; next < count || len(futures) > 0; {
		for ; next < count && len(futures) < window; next++ {
			in := frames[next%len(frames)]
			in.Index = uint64(next)
			future, err := f.Submit(ctx, farm.Job{Pipeline: pipeline, Frame: in})
			if err != nil {
				return err
			}
			futures <- future
		}
		r, err := (<-futures).Wait(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		r.Release()
		answered++
		if err := os.WriteFile(file, []byte(strconv.Itoa(answered)), 0o644); err != nil {
			return err
		}
	}
	return nil
}
