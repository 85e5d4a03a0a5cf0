//go:build opencv

package cv

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"os"
)

// A damaged video and a complete one end alike for OpenCV: there is no next frame. Nor does the number of frames that the
// container claims tell them apart: an edit list hides frames of a sound mp4, and mkv claims what its duration, which may be
// that of the sound, times its frame rate comes to. But mp4, mkv and avi write down how long their parts are, and mp4 how long
// its edits are.

// shortfall says why a video file cannot be complete; empty where it is, or where its format does not tell. The lengths in the
// file are compared with the file's own and used for nothing else.
func shortfall(path string) (why string, err error) {
	err = withFile(path, func(f io.ReaderAt, size int64) { why = shortfallOf(f, size) })
	return why, err
}

// withFile calls do with a file that has a length.
func withFile(path string, do func(f io.ReaderAt, size int64)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		do(f, info.Size())
	}
	return err
}

func shortfallOf(r io.ReaderAt, size int64) string {
	var magic [12]byte
	r.ReadAt(magic[:], 0) // zeros where the file is shorter
	switch {
	case isMP4(string(magic[4:8])):
		return mp4Shortfall(r, size)
	case string(magic[:4]) == "\x1aE\xdf\xa3":
		return mkvShortfall(r, size)
	case string(magic[:4]) == "RIFF" && string(magic[8:]) == "AVI ":
		return aviShortfall(r, size)
	}
	return ""
}

func missing(have, want int64) string {
	return fmt.Sprintf("the file is truncated: %d of %d bytes are there", have, want)
}

// mkvShortfall compares the length of the segment, which holds everything but the header.
func mkvShortfall(r io.ReaderAt, size int64) string {
	header, n := ebmlLength(r, 4)
	segment := 4 + n + header
	if header < 0 || segment >= size {
		return missing(size, segment+1)
	}
	length, n := ebmlLength(r, segment+4)
	if end := segment + 4 + n + length; length >= 0 && end > size {
		return missing(size, end)
	}
	return ""
}

// ebmlLength reads a length of one to eight bytes; -1 for "not known".
func ebmlLength(r io.ReaderAt, at int64) (length, width int64) {
	var b [8]byte
	r.ReadAt(b[:], at)
	n := bits.LeadingZeros8(b[0]) + 1
	if n > 8 {
		return -1, 1
	}
	v := binary.BigEndian.Uint64(b[:]) >> (64 - 8*n)
	mask := uint64(1)<<(7*n) - 1
	if v &= mask; v == mask {
		return -1, int64(n)
	}
	return int64(v), int64(n)
}

// aviShortfall walks over the RIFF chunks: one, and more in long files.
func aviShortfall(r io.ReaderAt, size int64) string {
	for at := int64(0); at < size-1; {
		var h [8]byte
		r.ReadAt(h[:], at)
		length := int64(binary.LittleEndian.Uint32(h[4:]))
		switch {
		case string(h[:4]) != "RIFF":
			return "" // something that others appended
		case length == 0 || length == 1<<32-1:
			return "the file was never completed: it does not know its length"
		case length > size-at-8:
			return missing(size, at+8+length)
		}
		at += 8 + length + length%2
	}
	return ""
}
