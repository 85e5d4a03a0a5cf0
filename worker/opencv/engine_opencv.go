//go:build opencv

package opencv

import (
	"github.com/cvfarm/cvfarm/worker/internal/cv"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// New returns the engine, which reads and writes videos too. Faults in native code end the process by their own signals from
// then on. OpenCV's number of threads is one for the whole process.
func New(s serve.Settings) (serve.Engine, error) {
	serve.TrueSignals()
	return cv.New(cv.Options{Threads: s.Threads}), nil
}
