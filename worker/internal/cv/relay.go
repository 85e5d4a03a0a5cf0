//go:build opencv

package cv

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gabriel-vasile/mimetype"
)

// relay stands between FFmpeg and a server: FFmpeg takes a connection that broke for the end of the video, and OpenCV tells of
// neither. It serves one file on the loopback interface, under a name that nobody can guess, and remembers what went wrong.
type relay struct {
	uri    string
	size   int64 // of the file; 0 where the server does not say
	ranges bool  // the server sends parts of it
	client *http.Client
	server *http.Server
	url    string // for FFmpeg

	part   []byte // the last that ReadAt fetched
	partAt int64
	image  []byte // the whole file, where it is an image

	mu     sync.Mutex
	broken error // the first
}

// idle bounds how long a server may be silent in the middle of a file. It is less than FFmpeg's, so that the cause is known.
const idle = readTimeout * time.Millisecond * 8 / 10

// newRelay asks the server for the file. Where it returns the reason why there is no relay, FFmpeg may have more luck with the
// server: with a kind of password or a certificate that we refuse, with a playlist, with what is not quite HTTP.
func newRelay(uri string) (*relay, error) {
	if os.Getenv("http_proxy") != "" {
		return nil, errors.New("there is an http_proxy") // FFmpeg would go through it to us
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: probeTimeout}).DialContext,
		TLSHandshakeTimeout:   probeTimeout,
		ResponseHeaderTimeout: probeTimeout,
		DisableCompression:    true,
	}
	r := &relay{uri: uri, client: &http.Client{Transport: transport}}
	err := r.probe()
	if err == nil {
		err = r.serve()
	}
	if err != nil {
		transport.CloseIdleConnections()
		return nil, err
	}
	return r, nil
}

// probeTimeout leaves FFmpeg time to try after us.
const probeTimeout = 5 * time.Second

// probe learns what the server sends, from its beginning.
func (r *relay) probe() error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	late := time.AfterFunc(2*probeTimeout, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	resp, err := r.get(ctx, "bytes=0-")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("the server answers %s", resp.Status)
	}
	r.size, r.ranges = max(resp.ContentLength, 0), resp.StatusCode == http.StatusPartialContent
	head := make([]byte, 512)
	n, _ := io.ReadFull(resp.Body, head)
	if isImage(head[:n]) && r.size > 0 {
		late.Stop()
		return r.whole(head[:n], attentive{resp.Body, func() { cancel(nil) }})
	}
	if isPlaylist(head[:n]) || bytes.Contains(head[:n], []byte("<MPD")) {
		return errors.New("it is a playlist")
	}
	return nil
}

// maxImage bounds an image by its URL, in bytes.
const maxImage = 1 << 30

// whole reads an image to its end: of half an image, FFmpeg makes a frame before anybody knows that the rest will not come. It is
// kept, for FFmpeg bounds the time for all of it, and so would give up a slow one.
func (r *relay) whole(head []byte, rest io.Reader) error {
	if r.size > maxImage {
		return &brokenImage{fmt.Errorf("an image of %d bytes is too large: the limit is %d", r.size, maxImage)}
	}
	image := bytes.NewBuffer(head)
	_, err := io.Copy(image, rest)
	if have := int64(image.Len()); have < r.size {
		return &brokenImage{fmt.Errorf("the transfer broke after %d of %d bytes: %w", have, r.size, cmp.Or(err, io.ErrUnexpectedEOF))}
	}
	r.image = image.Bytes()
	return nil
}

// brokenImage is an image that is too large, or of which a part is missing: nobody has more luck with it.
type brokenImage struct{ error }

func isImage(head []byte) bool { return strings.HasPrefix(mimetype.Detect(head).String(), "image/") }

func (r *relay) get(ctx context.Context, part string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "cvfarm")
	if part != "" {
		req.Header.Set("Range", part)
	}
	resp, err := r.client.Do(req)
	var story *url.Error // names the URL again
	if errors.As(err, &story) {
		err = story.Err
	}
	return resp, err
}

func (r *relay) serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	u, err := url.Parse(r.uri)
	if err != nil {
		return err
	}
	secret := "/" + rand.Text() + "/"
	r.url = "http://" + l.Addr().String() + secret + url.PathEscape(path.Base("/"+u.Path))
	mux := http.NewServeMux()
	mux.HandleFunc(secret, r.pass)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: openTimeout * time.Millisecond}
	go func() { _ = r.server.Serve(l) }()
	return nil
}

// pass answers FFmpeg with what the server answers.
func (r *relay) pass(w http.ResponseWriter, req *http.Request) {
	if r.image != nil {
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(r.image))
		return
	}
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	resp, err := r.get(ctx, req.Header.Get("Range"))
	if err != nil {
		r.failed(req.Context(), err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges"} {
		if v := resp.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(resp.StatusCode)
	r.copy(req.Context(), w, attentive{resp.Body, cancel})
}

// copy passes on what the server sends, as it comes.
func (r *relay) copy(ctx context.Context, w http.ResponseWriter, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return // FFmpeg wants another part, or nothing more
		}
		if err != nil {
			r.failed(ctx, err)
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

// attentive reads what a server sends, and stops one that falls silent.
type attentive struct {
	io.Reader
	stop func()
}

func (a attentive) Read(p []byte) (int, error) {
	watch := time.AfterFunc(idle, a.stop)
	n, err := a.Reader.Read(p)
	if !watch.Stop() {
		err = fmt.Errorf("the server sent nothing for %v", idle)
	}
	return n, err
}

// failed remembers the first error that is the server's, not FFmpeg's leaving.
func (r *relay) failed(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken == nil && err != io.EOF && ctx.Err() == nil {
		r.broken = err
	}
}

// failure is how the connection broke.
func (r *relay) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

// shortfall says why what came cannot have been the whole file; empty where it was, or where nobody knows.
func (r *relay) shortfall() string {
	switch {
	case r == nil:
		return ""
	case r.failure() != nil:
		return fmt.Sprintf("the transfer broke: %v", r.failure())
	case r.ranges:
		return shortfallOf(r, r.size)
	}
	return ""
}

// hint is why a file that is whole may not be readable.
func (r *relay) hint() string {
	if r == nil || r.ranges {
		return ""
	}
	return "; the server sends files only from their beginning (no ranges), so an index at the end cannot be reached"
}

// share is that of mp4Share.
func (r *relay) share() float64 {
	if r == nil || !r.ranges {
		return 0
	}
	return mp4Share(r, r.size)
}

// chunk is how much of the file ReadAt fetches: its callers go from one small part to the next.
const chunk = 64 << 10

// ReadAt reads a part of the file, from a server that sends parts. What p asks for beyond a chunk is not read.
func (r *relay) ReadAt(p []byte, at int64) (int, error) {
	if at < r.partAt || at+int64(len(p)) > r.partAt+int64(len(r.part)) {
		ctx, cancel := context.WithTimeout(context.Background(), readTimeout*time.Millisecond)
		defer cancel()
		resp, err := r.get(ctx, fmt.Sprintf("bytes=%d-%d", at, at+chunk-1))
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusPartialContent {
			return 0, fmt.Errorf("the server answers %s", resp.Status)
		}
		r.partAt = at
		if r.part, err = io.ReadAll(io.LimitReader(resp.Body, chunk)); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.part[at-r.partAt:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// close ends the relay. A nil relay may be closed.
func (r *relay) close() {
	if r != nil {
		_ = r.server.Close()
		r.client.CloseIdleConnections()
	}
}
