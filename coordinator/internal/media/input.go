package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is how an input is read.
type Kind string

// The kinds.
const (
	Image  Kind = "image"  // a file of one encoded image
	Video  Kind = "video"  // a file with frames, read by a worker
	Live   Kind = "live"   // a camera or a URL, read by a worker
	Stream Kind = "stream" // images one after the other, on standard input or another pipe
)

// Input is one thing to read frames from.
type Input struct {
	Kind Kind
	// Name is what messages call it.
	Name string
	// Path is what to open: a file, a URL, "camera:0" or "-".
	Path string
	// Rel is the name that outputs in a folder are derived from; relative, with slashes, with the input's own extension.
	Rel string
	// Err is why there is nothing to read, where that is known already. The input then counts as one failed frame.
	Err error
}

// pixels reports whether the frames come decoded.
func (in *Input) pixels() bool { return in.Kind == Video || in.Kind == Live }

// UsageError is a mistake in what was asked for, as against one that a run meets.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Resolve turns what a user named into inputs, in that order; files of a folder or a glob are in natural order.
//
// Each name is a file, a folder, a glob, a URL of a video, "camera:N", or "-" for standard input. A file given by name is
// always tried. Of a folder (and with recursive, of those within it) the files are taken whose content is an image's, and
// those that only their extension calls images, so that a broken one is reported rather than passed over; hidden files are
// not. Names are held in memory, contents are not. What cannot be used is an Input with its Err; only a *UsageError is
// returned.
func Resolve(names []string, recursive bool) ([]Input, error) {
	var all []Input
	stdin := false
	for _, name := range names {
		if name == "-" {
			if stdin {
				return nil, usagef("standard input (-) is given twice: it can be read once")
			}
			stdin = true
		}
		in, err := resolve(name, recursive)
		if err != nil {
			return nil, err
		}
		all = append(all, in...)
	}
	return all, nil
}

func resolve(name string, recursive bool) ([]Input, error) {
	switch scheme, rest, ok := strings.Cut(name, "://"); {
	case name == "":
		return nil, usagef("an input is empty: name a file, a folder, a URL, camera:0 or -")
	case name == "-":
		return []Input{{Kind: Stream, Name: "standard input", Path: "-", Rel: "stdin"}}, nil
	case ok:
		return resolveURL(name, scheme, rest)
	case strings.HasPrefix(name, "camera:"):
		return resolveCamera(name)
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?["):
		return resolveGlob(name, recursive)
	case err != nil:
		return []Input{unreadable(name, err)}, nil
	case info.IsDir():
		return resolveFolder(name, recursive), nil
	}
	return []Input{resolveFile(name, filepath.Base(name), info)}, nil
}

func resolveURL(name, scheme, rest string) ([]Input, error) {
	known := []string{"rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt"}
	if !slices.Contains(known, strings.ToLower(scheme)) {
		return nil, usagef("input %s: URLs begin with %s://; a file is given by its path", name, strings.Join(known, "://, "))
	}
	rest, _, _ = strings.Cut(rest, "?")
	base := filepath.Base(strings.TrimRight(rest, "/"))
	path := strings.ToLower(scheme) + strings.TrimPrefix(name, scheme)
	return []Input{{Kind: Live, Name: name, Path: path, Rel: strings.Trim(strings.ReplaceAll(base, ":", "-"), ".")}}, nil
}

func resolveCamera(name string) ([]Input, error) {
	n := strings.TrimPrefix(name, "camera:")
	if n == "" || len(n) > 4 || digits(n) != len(n) {
		return nil, usagef("input %s: a camera has a number, such as camera:0", name)
	}
	return []Input{{Kind: Live, Name: name, Path: name, Rel: "camera-" + n}}, nil
}

func resolveGlob(pattern string, recursive bool) ([]Input, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, usagef("input %s: not a valid glob: *, ? and [a-z] are possible", pattern)
	}
	if !strings.HasPrefix(filepath.Base(pattern), ".") { // as in a shell
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(filepath.Base(name), ".") })
	}
	if len(names) == 0 {
		return []Input{{Name: pattern, Rel: "glob", Err: fmt.Errorf("nothing matches %s", pattern)}}, nil
	}
	slices.SortFunc(names, natural)
	root := globRoot(pattern)
	var all []Input
	for _, name := range names {
		in, err := resolve(name, recursive)
		if err != nil {
			return nil, err
		}
		if rel, err := filepath.Rel(root, name); err == nil && len(in) == 1 && in[0].Path == name {
			in[0].Rel = filepath.ToSlash(rel)
		}
		all = append(all, in...)
	}
	return all, nil
}

// globRoot is the folder in front of the first pattern: outputs keep their names relative to it.
func globRoot(pattern string) string {
	return filepath.Dir(pattern[:strings.IndexAny(pattern, "*?[")] + "x")
}

func unreadable(name string, err error) Input {
	return Input{Name: name, Path: name, Rel: filepath.Base(name), Err: cannotRead(name, err)}
}

func resolveFile(name, rel string, info fs.FileInfo) Input {
	in := Input{Kind: Image, Name: name, Path: name, Rel: rel}
	if !info.Mode().IsRegular() {
		in.Kind = Stream
		return in
	}
	head, err := readHead(name)
	if err != nil {
		in.Err = cannotRead(name, err)
		return in
	}
	if classify(name, head) == classVideo {
		in.Kind = Video
	}
	return in
}

func readHead(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, sniffLen)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], err
}

// cannotRead names the file once.
func cannotRead(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot read %s: %w", name, err)
}
