package serve

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/shm"
)

// Settings are what the coordinator asks of an engine.
type Settings struct {
	// Threads is how many threads one job may use, at least 1.
	Threads int
	// Lanes is how many jobs run at a time, at least 1.
	Lanes int
}

// Main is the whole life of a worker process: it makes the engine and serves it until the coordinator closes the connection or
// is gone. It never returns. Started by hand, it says what this program is, and exits with code 1.
func Main(open func(Settings) (Engine, error)) {
	MainWith(open, func(w Wire) Wire { return w })
}

// MainWith is Main with something around the wire: to observe the protocol, or to break it in a test.
func MainWith(open func(Settings) (Engine, error), wrap func(Wire) Wire) {
	cfg := handshake.Config()
	if os.Getenv(cfg.MagicCookieKey) != cfg.MagicCookieValue {
		fmt.Fprintf(os.Stderr, startedByHand, filepath.Base(os.Args[0]))
		os.Exit(1)
	}
	if err := run(open, wrap); err != nil {
		fmt.Fprintf(os.Stderr, "worker: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

const startedByHand = `%[1]s is a worker of cvfarm: it runs image processing for a coordinator, which starts it, feeds it
frames through shared memory, and replaces it when it crashes. It is of no use alone. Run the coordinator instead:

  coordinator run photo.jpg -p 'gray | canny low=50 high=150' -o edges.png --worker ./%[1]s
  coordinator ops --worker ./%[1]s
`

func run(open func(Settings) (Engine, error), wrap func(Wire) Wire) error {
	if err := guardStdout(); err != nil {
		return err
	}
	go watchLifeline(os.NewFile(handshake.LifelineFD, "lifeline"))
	view, err := mapArena()
	if err != nil {
		return err
	}
	go beat(view)
	settings := Settings{Threads: positive(handshake.EnvThreads), Lanes: positive(handshake.EnvLanes)}
	engine, err := open(settings)
	if err != nil {
		return err
	}
	unix.CloseOnExec(handshake.BellFD)
	down, up := view.Rings(handshake.BellFD)
	return serveConnection(&server{
		engine: engine, view: view, lanes: settings.Lanes, down: down, up: up, wrap: wrap, programs: map[uint32]*compiled{},
	})
}

// beat shows the coordinator, from a goroutine that no op can block, that this process is running: a stopped one is not.
func beat(view *shm.View) {
	for range time.Tick(handshake.Heartbeat) {
		view.Beat()
	}
}

func mapArena() (*shm.View, error) {
	offset, size, err := handshake.ParseRegion(os.Getenv(handshake.EnvRegion))
	if err != nil {
		return nil, err
	}
	ro, rw := os.NewFile(handshake.ArenaReadFD, "arena"), os.NewFile(handshake.ArenaWriteFD, "region")
	if ro == nil || rw == nil {
		return nil, errors.New("the coordinator passed no shared memory")
	}
	return shm.Open(ro, rw, offset, size)
}

func positive(env string) int {
	n, _ := strconv.Atoi(os.Getenv(env))
	return max(1, n)
}

// watchLifeline ends the process when the coordinator is gone: the kernel closes the other end of the pipe however it died.
func watchLifeline(pipe *os.File) {
	_, _ = io.Copy(io.Discard, pipe)
	os.Exit(0)
}
