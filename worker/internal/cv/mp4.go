//go:build opencv

package cv

import (
	"encoding/binary"
	"fmt"
	"io"
)

// box is a part of an mp4 file: where its content begins and ends.
type box struct {
	name       string
	begin, end int64
}

// boxes returns the parts between begin and end. Where their lengths do not add up it returns those before, and where the part
// that does not fit would end.
func boxes(r io.ReaderAt, begin, end int64) (list []box, beyond int64) {
	for at := begin; at < end; {
		var h [16]byte
		n, _ := r.ReadAt(h[:], at)
		head, length := int64(8), int64(binary.BigEndian.Uint32(h[:]))
		switch {
		case n < 8:
			return list, at + 8
		case length == 1:
			head, length = 16, int64(binary.BigEndian.Uint64(h[8:])&(1<<62-1))
		case length == 0: // up to the end
			length = end - at
		}
		if length < head || length > end-at {
			return list, at + max(length, head)
		}
		list = append(list, box{string(h[4:8]), at + head, at + length})
		if len(list) > 1<<20 {
			return list, 0 // not sound, but not for us to walk
		}
		at += length
	}
	return list, 0
}

// find returns the first of the parts of that name, all in b; an empty box where there is none.
func (b box) find(r io.ReaderAt, path ...string) box {
	for _, name := range path {
		list, _ := boxes(r, b.begin, b.end)
		b = box{}
		for _, c := range list {
			if c.name == name {
				b = c
				break
			}
		}
	}
	return b
}

// read returns the first n bytes of the content, zeros where it is shorter.
func (b box) read(r io.ReaderAt, n int64) []byte {
	data := make([]byte, n)
	io.NewSectionReader(r, b.begin, min(n, b.end-b.begin)).ReadAt(data, 0)
	return data
}

// isMP4 knows the parts that may come first.
func isMP4(name string) bool {
	switch name {
	case "ftyp", "moov", "mdat", "wide", "free", "skip":
		return true
	}
	return false
}

// mp4Shortfall compares the parts at the top with the file.
func mp4Shortfall(r io.ReaderAt, size int64) string {
	list, beyond := boxes(r, 0, size)
	switch whole := (box{end: size}); {
	case beyond > size:
		return missing(size, beyond)
	case beyond > 0:
		return fmt.Sprintf("the file is damaged: the part before byte %d has no length", beyond)
	case len(list) > 0 && whole.find(r, "moov").end == 0:
		return "the file is truncated or was never completed: it has no index (moov)"
	}
	return ""
}

// mp4Share is the share of an mp4's picture track that is shown: an edit list may hide frames that the container counts. It is 0
// where the file is no mp4, or one that does not tell.
func mp4Share(f io.ReaderAt, size int64) float64 {
	moov := box{end: size}.find(f, "moov")
	tracks, _ := boxes(f, moov.begin, moov.end)
	for _, t := range tracks {
		if t.name == "trak" && string(t.find(f, "mdia", "hdlr").read(f, 12)[8:]) == "vide" {
			return shown(f, moov, t)
		}
	}
	return 0
}

func shown(r io.ReaderAt, moov, track box) float64 {
	_, movieScale := clock(moov.find(r, "mvhd").read(r, 32))
	duration, scale := clock(track.find(r, "mdia", "mdhd").read(r, 32))
	list := track.find(r, "edts", "elst")
	if duration == 0 || scale == 0 || movieScale == 0 {
		return 0
	}
	if list.end == 0 {
		return 1
	}
	head := list.read(r, 8)
	entry, n := int64(12), min(int64(binary.BigEndian.Uint32(head[4:])), 1000)
	if head[0] == 1 {
		entry = 20
	}
	data, sum := list.read(r, 8+n*entry)[8:], 0.0
	for ; len(data) > 0; data = data[entry:] {
		length, at := float64(binary.BigEndian.Uint32(data)), int32(binary.BigEndian.Uint32(data[4:]))
		if head[0] == 1 {
			length, at = float64(binary.BigEndian.Uint64(data)), int32(binary.BigEndian.Uint32(data[8:]))
		}
		if at >= 0 { // otherwise a pause
			sum += length
		}
	}
	return sum / movieScale * scale / duration
}

// clock reads duration and ticks per second of an mvhd or mdhd.
func clock(b []byte) (duration, scale float64) {
	if b[0] == 1 {
		return float64(binary.BigEndian.Uint64(b[24:])), float64(binary.BigEndian.Uint32(b[20:]))
	}
	return float64(binary.BigEndian.Uint32(b[16:])), float64(binary.BigEndian.Uint32(b[12:]))
}
