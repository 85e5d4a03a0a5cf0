package splice

import (
	"encoding/binary"
	"fmt"
	"io"
)

// riffChunk is a part of a RIFF file: where its content begins and ends.
type riffChunk struct {
	name string
	span
}

// chunks calls do with those in a part of the file.
func chunks(r io.ReaderAt, at span, do func(riffChunk) error) error {
	for begin := at.begin; begin < at.end; {
		var head [8]byte
		if at.end-begin < 8 {
			return fmt.Errorf("it is damaged: there is half a part at byte %d", begin)
		}
		if _, err := r.ReadAt(head[:], int64(begin)); err != nil {
			return err
		}
		c := riffChunk{string(head[:4]), span{begin + 8, begin + 8 + uint64(binary.LittleEndian.Uint32(head[4:]))}}
		if c.end > at.end {
			return fmt.Errorf("it is damaged: its part %q is cut short", c.name)
		}
		if err := do(c); err != nil {
			return err
		}
		begin = c.end + c.size()%2
	}
	return nil
}

// bytes is the content of a chunk that is not large.
func (c riffChunk) bytes(r io.ReaderAt, limit uint64) ([]byte, error) {
	if c.size() > limit {
		return nil, fmt.Errorf("its part %q has %d bytes; the limit is %d", c.name, c.size(), limit)
	}
	b := make([]byte, c.size())
	_, err := io.ReadFull(io.NewSectionReader(r, int64(c.begin), int64(c.size())), b)
	return b, err
}

// chunkHead is the head of a chunk with so much content.
func chunkHead(name string, size uint64) []byte {
	return binary.LittleEndian.AppendUint32([]byte(name), uint32(size))
}
