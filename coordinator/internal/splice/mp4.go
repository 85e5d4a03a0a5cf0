package splice

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/abema/go-mp4"
)

// joinMP4 writes the parts of the file in the order in which FFmpeg does: type, media, index. The media of the segments are
// copied whole, so that what points into them is only shifted.
func joinMP4(to io.Writer, segments []Segment) error {
	var all track
	files := make([]*movie, len(segments))
	for i, s := range segments {
		m, err := readMovie(s)
		if err == nil {
			err = all.append(m)
		}
		if err != nil {
			return fmt.Errorf("cannot join %s: %w", s.Name, err)
		}
		files[i] = m
	}
	first := files[0]
	head := mediaHeader(all.size)
	all.shift(uint64(len(first.kind) + len(head)))
	index, err := first.index(&all)
	if err != nil {
		return fmt.Errorf("cannot join %s: %w", segments[0].Name, err)
	}
	if _, err := to.Write(append(bytes.Clone(first.kind), head...)); err != nil {
		return err
	}
	for i, s := range segments {
		if err := copyMedia(to, s.Name, files[i].media); err != nil {
			return err
		}
	}
	_, err = to.Write(index)
	return err
}

// span is a part of a file.
type span struct{ begin, end uint64 }

func (s span) size() uint64 { return s.end - s.begin }

func copyMedia(to io.Writer, name string, at span) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return copySpan(to, f, at)
}

func copySpan(to io.Writer, f *os.File, at span) error {
	n, err := io.Copy(to, io.NewSectionReader(f, int64(at.begin), int64(at.size())))
	if err == nil && uint64(n) != at.size() {
		err = fmt.Errorf("cannot join %s: it became shorter", f.Name())
	}
	return err
}

// mediaHeader is the head of a box of so much media.
func mediaHeader(size uint64) []byte {
	if size+8 <= math.MaxUint32 {
		return append(binary.BigEndian.AppendUint32(nil, uint32(size+8)), "mdat"...)
	}
	return binary.BigEndian.AppendUint64([]byte("\x00\x00\x00\x01mdat"), size+16)
}

// box makes a box of its contents.
func box(kind mp4.BoxType, contents ...[]byte) []byte {
	all := bytes.Join(contents, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(all)))
	return append(append(b, kind[:]...), all...)
}

// fullBox makes a box of a payload.
func fullBox(payload mp4.IImmutableBox) ([]byte, error) {
	var b bytes.Buffer
	if _, err := mp4.Marshal(&b, payload, mp4.Context{}); err != nil {
		return nil, err
	}
	return box(payload.GetType(), b.Bytes()), nil
}
