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
	"slices"
	"strings"
)

// Segment is a file to join.
type Segment struct {
	Name string
	// Frames is how many it must hold, one at least.
	Frames int
}

// Containers are the extensions of what Join can make.
func Containers() []string { return []string{".mp4", ".mov"} }

// Can reports whether videos with the extension ext can be joined.
func Can(ext string) bool { return slices.Contains(Containers(), strings.ToLower(ext)) }

// Join writes the video that the segments make together, of the container with the extension ext. The same segments make the same
// bytes. It reads each file twice and holds the index of all of them in memory: some twenty bytes a frame.
func Join(to io.Writer, ext string, segments []Segment) error {
	switch {
	case !Can(ext):
		return fmt.Errorf("cannot join %s: segments of %s can be joined", ext, strings.Join(Containers(), " and "))
	case len(segments) == 0:
		return errors.New("cannot join: there is no segment")
	}
	return joinMP4(to, segments)
}
