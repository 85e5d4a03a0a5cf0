package proc

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/wire"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// connect makes go-plugin's client on the connection that the process was born with. It is ended by the end of the process.
func (w *Worker) connect() error {
	attached := &attached{process: w.process, settled: make(chan struct{})}
	defer close(attached.settled)
	w.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  handshake.Config(),
		Plugins:          handshake.Host(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
		Reattach: &plugin.ReattachConfig{
			Protocol: plugin.ProtocolGRPC, ProtocolVersion: handshake.Version, Addr: &net.UnixAddr{Net: "unix"},
			ReattachFunc: func() (runner.AttachedRunner, error) { return attached, nil },
		},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithContextDialer(w.process.dial),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(handshake.MaxMessage)),
			// A window of fixed size: gRPC otherwise measures the line by a ping for nearly every message.
			grpc.WithInitialWindowSize(handshake.StreamWindow), grpc.WithInitialConnWindowSize(handshake.StreamWindow),
		},
	})
	conn, err := w.client.Client()
	if err != nil {
		return err
	}
	service, err := conn.Dispense(handshake.Name)
	if err != nil {
		return err
	}
	w.service = service.(workerpb.WorkerServiceClient)
	return nil
}

func (w *Worker) openStream(ctx context.Context) error {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	w.watch = time.AfterFunc(time.Hour, func() { w.Kill(CauseProtocol, "it took no message for "+sendTimeout.String()) })
	w.watch.Stop()
	stream, err := w.service.Work(streamCtx)
	if err == nil {
		w.wire = wire.NewHost(stream, w.process.region, w.process.bell)
	}
	return err
}

// FaultOf returns what a worker said of a call to its Service that it refused; nil for any other error.
func FaultOf(err error) *workerpb.Fault {
	for _, d := range status.Convert(err).Details() {
		if f, ok := d.(*workerpb.Fault); ok {
			return f
		}
	}
	return nil
}

// errDialled is what a second connection to a worker gets: there is one.
var errDialled = errors.New("the worker's one connection was used")

// dial returns the connection, once.
func (p *process) dial(context.Context, string) (net.Conn, error) {
	select {
	case conn := <-p.line:
		return conn, nil
	default:
		return nil, errDialled
	}
}

// attached is the process as go-plugin knows it.
type attached struct {
	*process
	settled chan struct{} // closed when go-plugin has made its client
}

// Wait ends with the process, but not while go-plugin makes its client: it would leave the connection open for ever.
func (a *attached) Wait(context.Context) error { <-a.settled; <-a.done; return nil }

func (a *attached) Kill(context.Context) error {
	a.kill(CauseStart, "go-plugin gave it up")
	return nil
}
func (a *attached) ID() string                                         { return a.cmd.Path }
func (a *attached) PluginToHost(n, addr string) (_, _ string, _ error) { return n, addr, nil }
func (a *attached) HostToPlugin(n, addr string) (_, _ string, _ error) { return n, addr, nil }
