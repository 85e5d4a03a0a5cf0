//go:build !opencv

package opencv

import (
	"errors"

	"github.com/cvfarm/cvfarm/worker/serve"
)

// New fails: there is no OpenCV in this build.
func New(serve.Settings) (serve.Engine, error) {
	return nil, errors.New(`this worker was built without OpenCV: build it with "make build", or with go build -tags "$(make -s print-tags)" ./worker`)
}
