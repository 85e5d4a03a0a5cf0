//go:build opencv

package farm_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log"
	"os"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

// solid is a 100×100 picture of one colour.
func solid(blue, green, red byte) frame.Frame {
	return frame.Frame{
		Geometry: frame.Geometry{Width: 100, Height: 100, Format: frame.FormatBGR},
		Pix:      bytes.Repeat([]byte{blue, green, red}, 100*100),
	}
}

// start launches a farm with the worker that CVFARM_WORKER names, as `make build` makes it.
func start(c farm.Config) *farm.Farm {
	c.Worker = os.Getenv("CVFARM_WORKER")
	f, err := farm.Start(context.Background(), c)
	if err != nil {
		log.Fatal(err)
	}
	return f
}

// Processes and queues: frames go in, a sentinel ends the run, results come out in order.
func ExampleFarm_Queue() {
	ctx := context.Background()
	f := start(farm.Config{})
	defer f.Close(ctx)

	q := f.Queue("gray | canny low=50 high=150")
	go func() {
		defer q.Close() // the sentinel
		for blue := range 5 {
			if err := q.Put(ctx, solid(byte(50*blue), 0, 0)); err != nil {
				log.Print(err)
			}
		}
	}()
	processed := 0
	for edges, err := range q.Results(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		processed++
		edges.Release()
	}
	fmt.Printf("Processed %d images.\n", processed)
	// Output: Processed 5 images.
}

// A thread and a lock around the latest result: the newest frame wins, the newest result can be read at any time.
func ExampleFarm_Latest() {
	ctx := context.Background()
	f := start(farm.Config{Isolation: farm.Thread})
	defer f.Close(ctx)

	latest := f.Latest("gray | canny low=50 high=150")
	defer latest.Close()
	updated := latest.Updated()
	latest.Put(solid(255, 0, 0))
	<-updated
	edges, err := latest.Get()
	if err != nil {
		log.Fatal(err)
	}
	defer edges.Release()
	fmt.Println("Image processed successfully.")
	// Output: Image processed successfully.
}

// An executor that returns futures: the caller goes on, and looks at the answer when it is there.
func ExampleFarm_Submit() {
	ctx := context.Background()
	f := start(farm.Config{})
	defer f.Close(ctx)

	future, err := f.Submit(ctx, farm.Job{Pipeline: "gray | canny low=50 high=150", Frame: solid(0, 255, 0)})
	if err != nil {
		log.Fatal(err)
	}
	select {
	case <-future.Done():
	case <-time.After(time.Minute):
		future.Cancel()
	}
	edges, err := future.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer edges.Release()
	fmt.Printf("Image processed: (%d, %d)\n", edges.Height, edges.Width)
	// Output: Image processed: (100, 100)
}

// Map runs a pipeline over an iterator. What an op finds comes as data beside the pixels.
func ExampleFarm_Map() {
	ctx := context.Background()
	f := start(farm.Config{})
	defer f.Close(ctx)

	frames := func(yield func(frame.Frame, error) bool) {
		for i := range 3 {
			if !yield(solid(0, 0, byte(100*i)), nil) {
				return
			}
		}
	}
	for r, err := range f.Map(ctx, "gray | stats", iter.Seq2[frame.Frame, error](frames)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", r.Values[0].Op, r.Values[0].JSON)
		r.Release()
	}
	// Output:
	// stats: {"mean":[0],"stddev":[0],"min":[0],"max":[0]}
	// stats: {"mean":[30],"stddev":[0],"min":[30],"max":[30]}
	// stats: {"mean":[60],"stddev":[0],"min":[60],"max":[60]}
}

// What goes wrong with a frame is an error of that frame, with a code that never changes.
func ExampleError() {
	ctx := context.Background()
	f := start(farm.Config{})
	defer f.Close(ctx)

	_, err := f.Submit(ctx, farm.Job{Pipeline: "gray | canny lo=50", Frame: solid(0, 0, 0)})
	fmt.Println(err)

	future, err := f.Submit(ctx, farm.Job{Pipeline: "decode | gray", Frame: frame.Encoded([]byte("not a picture"))})
	if err != nil {
		log.Fatal(err)
	}
	_, err = future.Wait(ctx)
	code, _ := fault.CodeOf(err)
	fmt.Println(code)
	// Output:
	// step 2, canny: unknown parameter lo; did you mean low?
	// undecodable
}

// A video is decoded, processed and encoded in workers; pixels pass between them without a copy.
func ExampleFarm_OpenReader() {
	ctx := context.Background()
	f := start(farm.Config{})
	defer f.Close(ctx)

	reader, err := f.OpenReader(ctx, os.Getenv("VIDEO"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()
	video := reader.Video()
	video.Format, video.Container, video.Codec = frame.FormatGray, ".mp4", ""
	writer, err := f.CreateWriter(ctx, "edges.mp4", video)
	if err != nil {
		log.Fatal(err)
	}
	for edges, err := range f.Map(ctx, "gray | canny", reader.Frames(ctx)) {
		if err != nil {
			log.Fatal(err)
		}
		if err := writer.Write(ctx, edges.Frame); err != nil { // takes the frame
			log.Fatal(err)
		}
	}
	if err := writer.Close(ctx); err != nil {
		log.Fatal(err)
	}
}
