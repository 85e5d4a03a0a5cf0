//go:build opencv

package main

import (
	"github.com/cvfarm/cvfarm/worker/internal/cv"
	"github.com/cvfarm/cvfarm/worker/serve"
)

func open(s serve.Settings) (serve.Engine, error) {
	serve.TrueSignals()
	return cv.New(cv.Options{Threads: s.Threads}), nil
}
