package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/cvfarm/cvfarm/coordinator/farm"
)

// workerEnv is where the worker binary may be named.
const workerEnv = "CVFARM_WORKER"

func addWorkerFlag(flags *pflag.FlagSet, path *string) {
	flags.StringVar(path, "worker", "", "the worker: an executable `FILE`; else the one next to this program, else $"+workerEnv)
}

// findWorker returns the path of the worker binary: the one that was named, else the one next to this program, else the
// environment's.
func findWorker(named string) (string, error) {
	if named != "" {
		return checkWorker(named, "--worker")
	}
	beside := "worker"
	if self, err := os.Executable(); err == nil {
		beside = filepath.Join(filepath.Dir(self), "worker")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return checkWorker(beside, "worker")
		}
	}
	if env := os.Getenv(workerEnv); env != "" {
		return checkWorker(env, workerEnv)
	}
	return "", usagef("no worker binary: %s does not exist, and neither --worker nor %s names one; make builds it", beside, workerEnv)
}

func checkWorker(path, from string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", usagef("%s %s: there is no such file", from, path)
	case err != nil:
		return "", usagef("%s: %v", from, err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return "", usagef("%s %s: it is not an executable file", from, path)
	}
	return filepath.Abs(path)
}

// closeGrace is how long workers may take to end in good order when all frames are answered.
const closeGrace = 10 * time.Second

func closeFarm(ctx context.Context, f *farm.Farm) error {
	ctx, cancel := context.WithTimeout(ctx, closeGrace)
	defer cancel()
	return f.Close(ctx)
}

// withOneWorker runs do on a farm that has only to tell about itself.
func withOneWorker(ctx context.Context, named string, do func(*farm.Farm) error) error {
	path, err := findWorker(named)
	if err != nil {
		return err
	}
	f, err := farm.Start(ctx, farm.Config{Worker: path, Workers: 1, Memory: 64 << 20})
	if err != nil {
		return err
	}
	return errors.Join(do(f), closeFarm(ctx, f))
}
