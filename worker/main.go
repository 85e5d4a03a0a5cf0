// Command worker runs OpenCV for a coordinator of cvfarm. It is built with the tags that `make print-tags` prints; without them
// it says how to get them.
package main

import (
	"github.com/cvfarm/cvfarm/worker/opencv"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func main() { serve.Main(opencv.New) }
