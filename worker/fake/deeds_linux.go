package fake

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/fault"
	"github.com/cvfarm/cvfarm/shared/frame"
	"github.com/cvfarm/cvfarm/shared/pipeline"
	"github.com/cvfarm/cvfarm/worker/serve"
)

// EnvStart names a deed that a fake worker does before it serves: crash, hang, version, garbage, killed:FILE (dies by a signal if
// the file does not exist; it does afterwards), ill:FILE (crashes while the file exists), or nothing.
const EnvStart = "CVFARM_FAKE_START"

func misbehaveAtStart(deed string) {
	deed, file, _ := strings.Cut(deed, ":")
	switch deed {
	case "killed":
		if first(file) {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			forever()
		}
	case "ill":
		if _, err := os.Stat(file); err == nil {
			fmt.Fprintln(os.Stderr, "the library is broken today")
			os.Exit(3)
		}
	case "crash":
		fmt.Fprintln(os.Stderr, "cannot load the library that does not exist")
		os.Exit(3)
	case "hang":
		forever()
	case "version":
		fmt.Println("1|999|unix|/nowhere|grpc")
		forever()
	case "garbage":
		fmt.Println(strings.Repeat("not a handshake ", 4096))
		forever()
	}
}

// deed is one op of the fake worker.
type deed struct {
	name   string
	doc    string
	params []pipeline.Param
	do     func(a step, in frame.Frame, out *serve.Output) error
}

var millis = pipeline.Int("ms", 10, 0, 3_600_000, "How long, in milliseconds.")

// deeds is everything that the fake worker can do.
var deeds = []deed{
	{"echo", "Let the frame pass.", nil, pass},
	{"decode", "Let the frame pass, for commands that put decode in front.", nil, pass},
	{"encode", "Let the frame pass.", []pipeline.Param{pipeline.String("ext", ".png", "Ignored.")}, pass},
	{"invert", "Complement every byte.", nil, invert},
	{"grow", "Return a gray frame of that many bytes.", []pipeline.Param{pipeline.Int("n", 1, 1, frame.MaxSide, "Bytes.")}, grow},
	{"index", "Report the frame's index as data.", nil, func(_ step, in frame.Frame, out *serve.Output) error {
		return out.Value("index", in.Index)
	}},
	{"pid", "Report the process's number as data.", nil, func(_ step, _ frame.Frame, out *serve.Output) error {
		return out.Value("pid", os.Getpid())
	}},
	{"say", "Report a lot as data.", []pipeline.Param{pipeline.Int("mb", 1, 1, 1<<10, "How much.")}, func(a step, _ frame.Frame, out *serve.Output) error {
		return out.Value("say", strings.Repeat("x", a.Int("mb")<<20))
	}},
	{"sleep", "Take a while.", []pipeline.Param{millis}, func(a step, _ frame.Frame, _ *serve.Output) error {
		sleep(time.Duration(a.Int("ms")) * time.Millisecond)
		return nil
	}},
	{"hold", "Wait until a file exists.", []pipeline.Param{pipeline.String("file", "", "Which.")}, func(a step, _ frame.Frame, _ *serve.Output) error {
		for _, err := os.Stat(a.String("file")); err != nil; _, err = os.Stat(a.String("file")) {
			time.Sleep(time.Millisecond)
		}
		return nil
	}},
	{"fail", "Refuse the frame.", nil, func(step, frame.Frame, *serve.Output) error { return invalid("as it was told to") }},
	{"undecodable", "Say that the bytes are no image.", nil, func(step, frame.Frame, *serve.Output) error {
		return fault.Errorf(fault.Undecodable, "as it was told to")
	}},
	{"kill", "Die by a signal.", []pipeline.Param{pipeline.Choice("signal", []string{"KILL", "SEGV", "ABRT", "STOP", "TERM"}, "Which.")}, die},
	{"exit", "End the process.", []pipeline.Param{pipeline.Int("code", 0, 0, 255, "Exit code.")}, func(a step, _ frame.Frame, _ *serve.Output) error {
		fmt.Fprintln(os.NewFile(2, "stderr"), "these are my last words")
		os.Exit(a.Int("code"))
		return nil
	}},
	{"panic", "Panic.", nil, func(step, frame.Frame, *serve.Output) error { panic("as it was told to") }},
	{"hang", "Never return.", nil, func(step, frame.Frame, *serve.Output) error { forever(); return nil }},
	{"scribble", "Write into the input.", nil, scribble},
	{"lie", "Answer with something that was not asked for.", []pipeline.Param{
		pipeline.Choice("about", []string{"size", "geometry", "id", "twice", "huge", "prefetched"}, "What the lie is about."),
	}, lie},
	{"flood", "Print a lot.", []pipeline.Param{
		pipeline.Int("fd", 2, 1, 2, "Where to."), pipeline.Int("kb", 1024, 1, 1<<20, "How much."),
	}, flood},
	{"mumble", "Print what breaks go-plugin's own parser of standard error (it panics on it).", nil, func(step, frame.Frame, *serve.Output) error {
		_, err := unix.Write(2, []byte("{\"@message\": 5, \"@level\": [], \"@timestamp\": {}}\n\xff\xfe\x1b[2J\n"))
		return err
	}},
	{"grandchild", "Start a process that keeps standard output and error open.", nil, func(step, frame.Frame, *serve.Output) error {
		cmd := exec.Command("sleep", "3600")
		cmd.Stdout, cmd.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
		return cmd.Start()
	}},
	{"recall", "Report the digest of an input.", []pipeline.Param{pipeline.File("input", "Which.")}, func(a step, _ frame.Frame, out *serve.Output) error {
		return out.Value("recall", a.inputs[a.String("input")])
	}},
	{"count", "Report how many frames of the stream this worker has seen.", nil, count},
	{"hog", "Take memory.", []pipeline.Param{pipeline.Int("mb", 64, 1, 1<<20, "How much.")}, hog},
}

// sleep waits as a native call does: in its thread, of which Go knows nothing.
func sleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for errors.Is(unix.Nanosleep(&left, &left), unix.EINTR) {
	}
}

func pass(step, frame.Frame, *serve.Output) error { return nil }

func invert(_ step, in frame.Frame, out *serve.Output) error {
	dst, err := same(in, out)
	for i := range dst {
		dst[i] = ^in.Pix[i]
	}
	return err
}

// same is an output like the input.
func same(in frame.Frame, out *serve.Output) ([]byte, error) {
	if in.IsPixels() {
		return out.Pixels(in.Geometry)
	}
	return out.Encoded(len(in.Pix))
}

func grow(a step, in frame.Frame, out *serve.Output) error {
	dst, err := out.Pixels(frame.Geometry{Width: a.Int("n"), Height: 1, Format: frame.FormatGray})
	for i := range dst {
		dst[i] = byte(in.Index)
	}
	return err
}

var signals = map[string]unix.Signal{"KILL": unix.SIGKILL, "SEGV": unix.SIGSEGV, "ABRT": unix.SIGABRT, "STOP": unix.SIGSTOP, "TERM": unix.SIGTERM}

func die(a step, _ frame.Frame, _ *serve.Output) error {
	serve.TrueSignals()
	if err := unix.Kill(os.Getpid(), signals[a.String("signal")]); err != nil {
		return err
	}
	forever() // the signal may reach another thread first
	return nil
}

// scribble does to its input what a wild write of native code would. It dies by the signal, as that would.
func scribble(_ step, in frame.Frame, _ *serve.Output) error {
	serve.TrueSignals()
	in.Pix[0] ^= 1
	return nil
}

func flood(a step, _ frame.Frame, _ *serve.Output) error {
	chunk := []byte(strings.Repeat("x", 1023) + "\n")
	for range a.Int("kb") {
		if _, err := unix.Write(a.Int("fd"), chunk); err != nil {
			return err
		}
	}
	return nil
}

func hog(a step, _ frame.Frame, out *serve.Output) error {
	mem := make([]byte, a.Int("mb")<<20)
	for i := 0; i < len(mem); i += 4096 {
		mem[i] = 1
	}
	return out.Value("hog", len(mem))
}
