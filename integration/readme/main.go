// Command readme is the Go program of the README. A test keeps the two alike, and runs it.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
)

func main() {
	ctx := context.Background()
	f, err := farm.Start(ctx, farm.Config{Worker: "bin/worker"}) // one worker for each CPU
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close(ctx) // finishes what was submitted, then ends the workers

	jpeg, err := os.ReadFile("photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	future, err := f.Submit(ctx, farm.Job{
		Pipeline: "decode | resize dsize=320x0 | gray | stats",
		Frame:    frame.Encoded(jpeg),
	})
	if err != nil {
		log.Fatal(err) // the pipeline is wrong, or the farm is closing
	}

	// The event loop goes on here. <-future.Done() fits into its select.

	result, err := future.Wait(ctx)
	if code, ok := fault.CodeOf(err); ok {
		log.Fatalf("no result (%s): %v", code, err) // undecodable, deadline_exceeded, crashed, ...
	}
	defer result.Release() // the pixels lie in shared memory; result.Copy() keeps them

	fmt.Println(result.Geometry, len(result.Pix))
	fmt.Printf("%s: %s\n", result.Values[0].Op, result.Values[0].JSON)
}
