package splice

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// avi is an AVI file of one track, and of one part: the format's extension for more than 1 GiB is not known here.
type avi struct {
	head    []byte // the list hdrl, with zeros in place of what differs from one file to the next
	longest uint32 // bytes of a frame, as a hint for readers
	media   span   // the content of the list movi
	index   []aviFrame
}

// aviFrame is an entry of the index, as it lies in the file.
type aviFrame struct {
	ID    [4]byte
	Flags uint32
	At    uint32 // from the four letters of movi
	Size  uint32
}

// maxAVI is what every reader can do with an AVI that has one part.
const maxAVI = math.MaxInt32

// joinAVI copies the media of the segments whole, so that what points into them is only shifted.
func joinAVI(to io.Writer, segments []Segment) error {
	files := make([]*avi, len(segments))
	all := avi{}
	for i, s := range segments {
		m, err := readAVI(s)
		if err == nil {
			err = all.append(m)
		}
		if err != nil {
			return fmt.Errorf("cannot join %s: %w", s.Name, err)
		}
		files[i] = m
	}
	front, index, err := all.encode()
	if err != nil {
		return err
	}
	if _, err := to.Write(front); err != nil {
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

// append adds the frames of a file, whose media come behind those that are there.
func (a *avi) append(m *avi) error {
	switch {
	case a.head == nil:
		a.head = m.head
	case !bytes.Equal(a.head, m.head):
		return errOtherwise
	}
	if total := a.media.size() + m.media.size(); total > maxAVI {
		return fmt.Errorf("with it, the .avi would have %d bytes; the limit is %d: write an .mkv or .mp4", total, maxAVI)
	}
	for _, f := range m.index {
		f.At += uint32(a.media.size())
		a.index = append(a.index, f)
	}
	a.longest = max(a.longest, m.longest)
	a.media.end += m.media.size()
	return nil
}

// encode returns what comes before the media, and what comes behind.
func (a *avi) encode() (front, index []byte, err error) {
	var entries bytes.Buffer
	if err := binary.Write(&entries, binary.LittleEndian, a.index); err != nil {
		return nil, nil, err
	}
	index = append(chunkHead("idx1", uint64(entries.Len())), entries.Bytes()...)
	head := bytes.Clone(a.head)
	main, stream, err := aviHeads(head)
	if err != nil {
		return nil, nil, err
	}
	binary.LittleEndian.PutUint32(main[aviFrames:], uint32(len(a.index)))
	binary.LittleEndian.PutUint32(stream[streamFrames:], uint32(len(a.index)))
	binary.LittleEndian.PutUint32(stream[streamLongest:], a.longest)
	list := append(append(chunkHead("LIST", uint64(len(head))), head...), chunkHead("LIST", 4+a.media.size())...)
	list = append(list, "movi"...)
	total := 4 + uint64(len(list)) + a.media.size() + uint64(len(index))
	if total > maxAVI {
		return nil, nil, fmt.Errorf("cannot join: the .avi would have %d bytes; the limit is %d: write an .mkv or .mp4", total, maxAVI)
	}
	return append(append(chunkHead("RIFF", total), "AVI "...), list...), index, nil
}

// Where the numbers of frames stand in the heads avih and strh, and the size of the longest.
const (
	aviFrames     = 16
	streamFrames  = 32
	streamLongest = 36
)

// aviHeads finds the heads of the file and of its track in the list hdrl.
func aviHeads(hdrl []byte) (main, stream []byte, err error) {
	tracks := 0
	err = chunks(bytes.NewReader(hdrl), span{4, uint64(len(hdrl))}, func(c riffChunk) error {
		switch part := hdrl[c.begin:c.end]; {
		case c.name == "avih":
			main = part
		case c.name == "LIST" && bytes.HasPrefix(part, []byte("strl")):
			tracks++
			return chunks(bytes.NewReader(hdrl), span{c.begin + 4, c.end}, func(c riffChunk) error {
				if c.name == "strh" {
					stream = hdrl[c.begin:c.end]
				}
				return nil
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, err
	case tracks != 1:
		return nil, nil, fmt.Errorf("it has %d tracks and not one", tracks)
	case len(main) < aviFrames+4 || len(stream) < streamLongest+4:
		return nil, nil, errIncomplete
	}
	return main, stream, nil
}

// readHead keeps the list hdrl.
func (a *avi) readHead(hdrl []byte) error {
	main, stream, err := aviHeads(hdrl)
	if err != nil {
		return err
	}
	a.longest = binary.LittleEndian.Uint32(stream[streamLongest:])
	clear(main[aviFrames:][:4])
	clear(stream[streamFrames:][:8])
	a.head = hdrl
	return nil
}

func readAVI(s Segment) (*avi, error) {
	f, size, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &avi{}
	if err := a.readFile(f, size); err != nil {
		return nil, err
	}
	if n := len(a.index); n != s.Frames {
		return nil, fmt.Errorf("it has %d frames, %d were written", n, s.Frames)
	}
	return a, a.check()
}

func (a *avi) readFile(f *os.File, size uint64) error {
	parts := 0
	err := chunks(f, span{0, size}, func(riff riffChunk) error {
		if parts++; parts > 1 || riff.name != "RIFF" || riff.size() < 4 {
			return fmt.Errorf("it is no AVI of one part: its part %d is %q", parts, riff.name)
		}
		return chunks(f, span{riff.begin + 4, riff.end}, func(c riffChunk) error { return a.readPart(f, c) })
	})
	if err == nil && (a.head == nil || a.index == nil || a.media.end == 0) {
		err = errIncomplete
	}
	return err
}

func (a *avi) readPart(f *os.File, c riffChunk) error {
	var kind [4]byte
	if c.size() >= 4 {
		if _, err := f.ReadAt(kind[:], int64(c.begin)); err != nil {
			return err
		}
	}
	switch {
	case c.name == "LIST" && string(kind[:]) == "hdrl":
		hdrl, err := c.bytes(f, maxHeader)
		if err != nil {
			return err
		}
		return a.readHead(hdrl)
	case c.name == "LIST" && string(kind[:]) == "movi":
		a.media = span{c.begin + 4, c.end}
	case c.name == "idx1":
		entries, err := c.bytes(f, maxIndex)
		if err != nil {
			return err
		}
		a.index = make([]aviFrame, len(entries)/16)
		return binary.Read(bytes.NewReader(entries), binary.LittleEndian, a.index)
	}
	return nil
}

// check compares the index with the media: frames lie one behind the other.
func (a *avi) check() error {
	at := uint64(4)
	for i, f := range a.index {
		if f.ID != a.index[0].ID || uint64(f.At) != at {
			return fmt.Errorf("it is damaged: its index has frame %d elsewhere than it is", i+1)
		}
		at += 8 + uint64(f.Size) + uint64(f.Size%2)
	}
	if at != 4+a.media.size() {
		return errOutside
	}
	return nil
}
