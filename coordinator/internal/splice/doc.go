// Package splice joins videos that were encoded in segments, without decoding them: the result holds their frames as they are,
// one segment after the other.
//
// Each segment is a whole file with one picture track, of the same codec, size and clock. The files were made by worker
// processes, so that nothing in them is believed: what does not fit together is an error that names the file. The package starts
// no goroutine and keeps nothing.
package splice

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Segment is a file to join.
type Segment struct {
	Name string
	// Frames is how many it must hold, one at least.
	Frames int
}

// open returns the segment's file and its size.
func (s Segment) open() (*os.File, uint64, error) {
	f, err := os.Open(s.Name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, uint64(info.Size()), nil
}

// container is a kind of file, and how files of that kind are joined.
type container struct {
	ext  string
	join func(io.Writer, []Segment) error
}

func containers() []container {
	return []container{
		{".mp4", joinMP4}, {".mov", joinMP4}, {".mkv", joinMatroska}, {".webm", joinMatroska}, {".avi", joinAVI},
	}
}

// Containers are the extensions of what Join can make.
func Containers() []string {
	var all []string
	for _, c := range containers() {
		all = append(all, c.ext)
	}
	return all
}

// ErrTooLarge is that of segments that no file of the kind can hold.
var ErrTooLarge = errors.New("it is too large")

// Fits says that segments of so many bytes in all are too many for sure, with ErrTooLarge; nil where Join will tell.
func Fits(ext string, segments int, bytes int64) error {
	const heads = 64 << 10 // of a segment at most, which are not joined
	if strings.ToLower(ext) == ".avi" && bytes-int64(segments)*heads > maxAVI {
		return fmt.Errorf("%w: an .avi holds %d bytes at most: write an .mkv or .mp4", ErrTooLarge, maxAVI)
	}
	return nil
}

// Join writes the video that the segments make together, of the container with the extension ext. The same segments make the same
// bytes, whatever random identities their encoder gave them. It reads each file twice and holds the index of all of them in
// memory: some forty bytes a frame. An .avi is refused above 2 GiB.
func Join(to io.Writer, ext string, segments []Segment) error {
	if len(segments) == 0 {
		return errors.New("cannot join: there is no segment")
	}
	for _, c := range containers() {
		if c.ext == strings.ToLower(ext) {
			return c.join(to, segments)
		}
	}
	return fmt.Errorf("cannot join %s: segments of %s can be joined", ext, strings.Join(Containers(), ", "))
}
