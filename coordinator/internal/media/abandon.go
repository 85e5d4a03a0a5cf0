package media

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// abandonable is a reader whose Read gives up when its context ends, though the read beneath cannot be interrupted. The
// goroutine that is stuck in it ends with the next byte or the end of the stream, or with the process; it holds one buffer.
type abandonable struct {
	ctx  context.Context
	rest []byte

	ask    chan struct{} // out
	chunks chan chunk    // in
}

type chunk struct {
	data []byte
	err  error
}

func newAbandonable(ctx context.Context, r io.Reader) *abandonable {
	a := &abandonable{ctx: ctx, ask: make(chan struct{}), chunks: make(chan chunk, 1)}
	go a.read(r)
	return a
}

// read answers each ask with one chunk. The next is asked for only when the last was used up, so one buffer is enough.
func (a *abandonable) read(r io.Reader) {
	buf := make([]byte, 64<<10)
	for range a.ask {
		n, err := r.Read(buf)
		a.chunks <- chunk{buf[:n], err}
	}
}

// Read fails with the context's error when that ends.
func (a *abandonable) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		select {
		case a.ask <- struct{}{}:
		case <-a.ctx.Done():
			return 0, a.ctx.Err()
		}
		select {
		case c := <-a.chunks:
			if len(c.data) == 0 {
				return 0, c.err
			}
			a.rest = c.data
		case <-a.ctx.Done():
			return 0, a.ctx.Err()
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close lets the goroutine end, once its last read did.
func (a *abandonable) Close() error {
	close(a.ask)
	return nil
}

// openStream opens what may be a named pipe. An open of one that nobody writes to waits and cannot be interrupted, and a read ends
// at once where the open did not wait; so the wait is here.
func openStream(ctx context.Context, name string) (io.ReadCloser, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := awaitWriter(ctx, fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	return fileStream{newAbandonable(ctx, f), f}, nil
}

// awaitWriter waits until there is something to read, or an end.
func awaitWriter(ctx context.Context, fd int) error {
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 50)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return ctx.Err()
}

// fileStream closes the file too.
type fileStream struct {
	*abandonable
	file *os.File
}

func (f fileStream) Close() error {
	_ = f.abandonable.Close()
	return f.file.Close()
}

// Abandonable returns a writer whose Write gives up when ctx ends, though the write beneath cannot be interrupted: nobody may be
// reading. What was being written then is written in part, or never.
func Abandonable(ctx context.Context, w io.Writer) io.Writer { return abandonableWriter{ctx, w} }

type abandonableWriter struct {
	ctx context.Context
	to  io.Writer
}

func (a abandonableWriter) Write(p []byte) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	type outcome struct {
		n   int
		err error
	}
	own, written := append([]byte(nil), p...), make(chan outcome, 1)
	go func() {
		n, err := a.to.Write(own)
		written <- outcome{n, err}
	}()
	select {
	case o := <-written:
		return o.n, o.err
	case <-a.ctx.Done():
		return 0, a.ctx.Err()
	}
}
