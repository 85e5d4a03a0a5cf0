package serve

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/cvfarm/cvfarm/shared/handshake"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// serveConnection serves go-plugin's gRPC services and ours on the socket that the process was started with, until the
// coordinator asks for the end. plugin.Serve would listen at a path, which a process that is killed leaves behind.
func serveConnection(service workerpb.WorkerServiceServer) error {
	file := os.NewFile(handshake.ConnectionFD, "connection")
	conn, err := net.FileConn(file)
	if err != nil {
		return fmt.Errorf("the coordinator passed no connection: %w", err)
	}
	file.Close()                                         // FileConn has a duplicate, which our children do not inherit
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // Ctrl-C is for the coordinator
	silence, _ := io.Pipe()                              // standard output and error reach the coordinator by themselves
	server := &plugin.GRPCServer{
		Plugins: handshake.Guest(service),
		Server: func(opts []grpc.ServerOption) *grpc.Server {
			// A window of fixed size: gRPC otherwise measures the line by a ping for nearly every message.
			window := []grpc.ServerOption{grpc.InitialWindowSize(handshake.StreamWindow), grpc.InitialConnWindowSize(handshake.StreamWindow)}
			return grpc.NewServer(append(window, opts...)...)
		},
		DoneCh: make(chan struct{}),
		Stdout: silence, Stderr: silence,
	}
	if err := server.Init(); err != nil {
		return err
	}
	if _, err := os.Stdout.WriteString(handshake.Hello()); err != nil {
		return err
	}
	server.Serve(newOneConnection(conn))
	return nil
}

// oneConnection is a net.Listener that accepts one connection, which is there already.
type oneConnection struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newOneConnection(conn net.Conn) *oneConnection {
	l := &oneConnection{addr: conn.LocalAddr(), conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	l.conns <- conn
	return l
}

// Accept blocks after the first connection until Close.
func (l *oneConnection) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConnection) Close() error   { l.close(); return nil }
func (l *oneConnection) Addr() net.Addr { return l.addr }
