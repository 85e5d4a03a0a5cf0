package workertest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/fake"
	"github.com/cvfarm/cvfarm/worker/serve"
	"github.com/cvfarm/cvfarm/worker/workertest"
)

// What this binary is, by its environment: a worker (fake or sloppy), or the test of one with a pipeline.
const (
	envWorker   = "CVFARM_TEST_AS_WORKER"
	envPipeline = "CVFARM_TEST_PIPELINE"
)

func TestMain(m *testing.M) {
	switch os.Getenv(envWorker) {
	case "fake":
		fake.Main()
	case "sloppy":
		serve.Main(func(serve.Settings) (serve.Engine, error) { return serve.Ops("sloppy", sloppy()...), nil })
	}
	goleak.VerifyTestMain(m)
}

var tired atomic.Int32

// sloppy are ops that break rules which the fake worker keeps.
func sloppy() []serve.Op {
	return []serve.Op{
		{
			OpInfo: pipeline.OpInfo{Name: "chat", Doc: "Print.", Params: []pipeline.Param{pipeline.Int("n", 7, 0, 3, "too high a default")}},
			Run: func(_ pipeline.Args, in frame.Frame, out *serve.Output) error {
				fmt.Fprintln(os.Stdout, "hello there")
				_, err := out.Pixels(in.Geometry)
				return err
			},
		},
		{
			OpInfo: pipeline.OpInfo{Name: "tire", Doc: "Fail after some frames."},
			Run: func(_ pipeline.Args, in frame.Frame, out *serve.Output) error {
				if tired.Add(1) > 60 {
					return errors.New("too tired")
				}
				_, err := out.Pixels(in.Geometry)
				return err
			},
		},
		{OpInfo: pipeline.OpInfo{Name: "two words", Doc: "no sentence"}},
		{OpInfo: pipeline.OpInfo{Name: "exclaim", Doc: "Exclaim.", Example: "exclaim loud=true"}},
	}
}

// TestOne is what the tests below run in a process of its own, as it must fail.
func TestOne(t *testing.T) {
	text, self := os.Getenv(envPipeline), os.Args[0]
	if text == "" {
		t.Skip("it is run by the other tests")
	}
	kind, text, _ := strings.Cut(text, ":")
	if kind == "stranger" {
		self = "/bin/true"
	}
	workertest.Run(t, workertest.Config{
		Worker: self, Env: []string{"GORACE=atexit_sleep_ms=0", envWorker + "=" + kind}, Pipelines: []string{text}, Patience: 3 * time.Second,
	})
}

func TestABreachIsFound(t *testing.T) {
	const takes = "takes_or_refuses"
	cases := []struct{ worker, rule, want string }{
		{"fake:lie about=size", takes, "its result"},
		{"fake:lie about=geometry", takes, "its result is none"},
		{"fake:lie about=huge", takes, "its result has 9223372036854775808 bytes"},
		{"fake:lie about=id", takes, "and was at job 2"},
		{"fake:lie about=twice", takes, "it answered job 2, and was at job 2"},
		{"fake:lie about=prefetched", takes, "it asks for memory for job 3, and is at job 2"},
		{"fake:exit code=3", takes, "it ended with exit status 3"},
		{"fake:scribble", takes, "signal: segmentation fault"},
		{"fake:hang", takes, "it has not answered within 3s"},
		{"fake:kill signal=STOP", takes, "it still runs 3s after the coordinator's end"},
		{"fake:fail", takes, "made a picture of any sample"},
		{"fake:no_such_op", takes, "unknown op no_such_op"},
		{"stranger:", "describes", "its first line is"},
		{"sloppy:chat n=1", takes, "it printed on standard output"},
		{"sloppy:tire", "in_order", "too tired"},
		{"sloppy:", "describes", "chat: a default is not allowed"},
		{"sloppy:", "describes", "two words: its names cannot be written in a pipeline"},
		{"sloppy:", "describes", "two words: its doc is one line"},
		{"sloppy:", "describes", "exclaim: its example, exclaim loud=true: step 1, exclaim: unknown parameter loud"},
		{"stranger:", "by_hand", "it must fail and say why"},
	}
	for _, c := range cases {
		t.Run(c.worker+" "+c.want, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestOne$/"+c.rule)
			cmd.Env = append(os.Environ(), envPipeline+"="+c.worker)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v; it does not say %q, but\n%s", err, c.want, out)
			}
		})
	}
}
