package splice

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"math/bits"
)

// element is a part of a Matroska file: where its content begins and ends.
type element struct {
	id uint32
	span
}

// elements are those between begin and end, and the error that ends them.
func elements(r io.ReaderAt, at span) iter.Seq2[element, error] {
	return func(yield func(element, error) bool) {
		for begin := at.begin; begin < at.end; {
			e, err := elementAt(r, span{begin, at.end})
			if !yield(e, err) || err != nil {
				return
			}
			begin = e.end
		}
	}
}

func elementAt(r io.ReaderAt, in span) (element, error) {
	var head [12]byte
	n, err := r.ReadAt(head[:min(uint64(len(head)), in.size())], int64(in.begin))
	if err != nil && err != io.EOF {
		return element{}, err
	}
	id, idWidth := number(head[:n])
	length, width := number(head[idWidth:max(n, idWidth)])
	switch begin := in.begin + uint64(idWidth+width); {
	case idWidth == 0 || idWidth > 4 || width == 0:
		return element{}, fmt.Errorf("it is damaged: there is no element at byte %d", in.begin)
	case length == 1<<(7*width)-1:
		return element{}, fmt.Errorf("it was never completed: its element %X does not know its length", id|1<<(7*idWidth))
	case length > in.end-begin:
		return element{}, fmt.Errorf("it is damaged: its element %X is cut short", id|1<<(7*idWidth))
	default:
		return element{uint32(id | 1<<(7*idWidth)), span{begin, begin + length}}, nil
	}
}

// number reads one of one to eight bytes, whose first tells how many; a width of 0 says that there is none.
func number(b []byte) (v uint64, width int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	width = bits.LeadingZeros8(b[0]) + 1
	if width > len(b) {
		return 0, 0
	}
	for _, x := range b[:width] {
		v = v<<8 | uint64(x)
	}
	return v &^ (1 << (7 * width)), width
}

// bytes is the content of a small element.
func (e element) bytes(r io.ReaderAt) ([]byte, error) {
	if e.size() > maxHeader {
		return nil, fmt.Errorf("its element %X has %d bytes; the limit is %d", e.id, e.size(), maxHeader)
	}
	b := make([]byte, e.size())
	_, err := io.ReadFull(io.NewSectionReader(r, int64(e.begin), int64(e.size())), b)
	return b, err
}

// maxHeader bounds what describes a video: its codec and size.
const maxHeader = 1 << 20

func (e element) uint(r io.ReaderAt) (v uint64, err error) {
	b, err := e.bytes(r)
	if len(b) > 8 {
		return 0, fmt.Errorf("it is damaged: its element %X is a number of %d bytes", e.id, len(b))
	}
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v, err
}

// elementHead is the head of an element with so much content.
func elementHead(id uint32, size uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], id)
	head := append([]byte(nil), b[bits.LeadingZeros32(id)/8:4]...)
	width := 1
	for size >= 1<<(7*width)-1 {
		width++
	}
	binary.BigEndian.PutUint64(b[:], size|1<<(7*width))
	return append(head, b[8-width:]...)
}

// encode makes an element of its contents.
func encode(id uint32, contents ...[]byte) []byte {
	size := 0
	for _, c := range contents {
		size += len(c)
	}
	b := elementHead(id, uint64(size))
	for _, c := range contents {
		b = append(b, c...)
	}
	return b
}

// encodeUint makes an element of a number, as long as any other number.
func encodeUint(id uint32, v uint64) []byte {
	return encode(id, binary.BigEndian.AppendUint64(nil, v))
}

func encodeFloat(id uint32, v float64) []byte { return encodeUint(id, math.Float64bits(v)) }
