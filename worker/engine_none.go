//go:build !opencv

package main

import (
	"errors"

	"github.com/cvfarm/cvfarm/worker/serve"
)

func open(serve.Settings) (serve.Engine, error) {
	return nil, errors.New(`this worker was built without OpenCV: build it with "make build", or with go build -tags "$(make -s print-tags)" ./worker`)
}
