// Package handshake is how the two binaries recognise each other: the go-plugin settings, and what a worker finds in its file
// descriptors and environment when the coordinator has started it.
package handshake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// Version is that of the protocol between coordinator and worker. Both sides must have the same one.
const Version = 3

// What a worker inherits, as file descriptors.
const (
	ArenaReadFD  = 3 // the arena, read-only
	ArenaWriteFD = 4 // the arena, to map the own region; closed then
	LifelineFD   = 5 // the read end of a pipe that ends when the coordinator does
	ConnectionFD = 6 // a connected socket, on which the worker serves gRPC
	BellFD       = 7 // an eventfd that wakes the coordinator, see shm.NewBell
)

// What a worker finds in its environment.
const (
	EnvRegion  = "CVFARM_REGION"  // "offset:size" of its region in the arena
	EnvLanes   = "CVFARM_LANES"   // how many jobs it runs at a time
	EnvThreads = "CVFARM_THREADS" // how many threads one job may use
)

// Heartbeat is how often a worker shows a sign of life in shared memory.
const Heartbeat = 50 * time.Millisecond

// Patience is twice as long as a worker keeps back an answer when it has more to do, unless that takes longer than it should.
const Patience = 6 * time.Millisecond

// TimerSlack is how late a worker's timers may be: it is started so. In a process that spends its time in native calls, Go's
// monitor thread wakes every 20 µs, ten thousand times a second, and takes the core from the call each time: for short ops that was
// a tenth of the time. With slack it is woken with the next thing that happens. Threads that run ops set OpTimerSlack, Linux's own.
const (
	TimerSlack   = 2 * time.Millisecond
	OpTimerSlack = 50 * time.Microsecond
)

// StreamWindow is how many bytes may be under way in each direction before the receiver has read them.
const StreamWindow = 4 << 20

// MaxMessage bounds a worker's message, MaxData what one job may find beside the pixels, both in bytes.
const (
	MaxMessage = 64 << 20
	MaxData    = 16 << 20
)

// Name is the one plugin that a worker serves.
const Name = "worker"

// Config is go-plugin's. The cookie keeps people from starting workers by hand; it is no secret.
func Config() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  Version,
		MagicCookieKey:   "CVFARM_WORKER_COOKIE",
		MagicCookieValue: "b06d3a5c0b1f4a2f9f0f6d6c",
	}
}

// Hello is the line that a worker that is ready for its connection writes to standard output: the one that go-plugin defines,
// with the number of a descriptor for an address.
func Hello() string {
	return fmt.Sprintf("%d|%d|fd|%d|%s|\n", plugin.CoreProtocolVersion, Version, ConnectionFD, plugin.ProtocolGRPC)
}

// ParseHello returns the protocol version in a worker's first line. It reports false where the line is not a worker's.
func ParseHello(line string) (version string, ok bool) {
	fields := strings.Split(strings.TrimSuffix(line, "\n"), "|")
	if !strings.HasSuffix(line, "\n") || len(fields) < 5 || fields[0] != strconv.Itoa(plugin.CoreProtocolVersion) {
		return "", false
	}
	return fields[1], true
}

// FormatRegion writes the value of EnvRegion.
func FormatRegion(offset, size int64) string { return fmt.Sprintf("%d:%d", offset, size) }

// ParseRegion reads the value of EnvRegion.
func ParseRegion(s string) (offset, size int64, err error) {
	if _, err := fmt.Sscanf(s, "%d:%d", &offset, &size); err != nil {
		return 0, 0, fmt.Errorf("%s=%q is not offset:size", EnvRegion, s)
	}
	return offset, size, nil
}

// Guest is the worker's plugin set.
func Guest(s workerpb.WorkerServiceServer) plugin.PluginSet {
	return plugin.PluginSet{Name: &glue{server: s}}
}

// Host is the coordinator's plugin set: its client dispenses a workerpb.WorkerServiceClient.
func Host() plugin.PluginSet { return plugin.PluginSet{Name: &glue{}} }

// glue is the plugin.GRPCPlugin of both sides.
type glue struct {
	plugin.NetRPCUnsupportedPlugin
	server workerpb.WorkerServiceServer
}

func (g *glue) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if g.server == nil {
		return errors.New("this side has nothing to serve")
	}
	workerpb.RegisterWorkerServiceServer(s, g.server)
	return nil
}

func (g *glue) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return workerpb.NewWorkerServiceClient(conn), nil
}
