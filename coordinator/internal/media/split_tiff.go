package media

import "encoding/binary"

// The TIFF tags that point elsewhere.
const (
	tiffStripOffsets = 273
	tiffStripCounts  = 279
	tiffTileOffsets  = 324
	tiffTileCounts   = 325
	tiffSubIFDs      = 330
	tiffJPEGOffset   = 513
	tiffJPEGLength   = 514
	tiffExif         = 34665
	tiffGPS          = 34853
)

// maxDirectories and maxPointers bound what a hostile TIFF makes us follow.
const (
	maxDirectories = 1 << 12
	maxPointers    = 1 << 20
)

// tiffWalk is a walk over a TIFF's directories. The image ends where the farthest thing ends that any of them points to.
type tiffWalk struct {
	*splitter
	order binary.ByteOrder
	end   int
	queue []int // directories to visit
	seen  map[int]bool
	count int // pointers followed
}

func (s *splitter) tiff() error {
	head, err := s.take(8)
	if err != nil {
		return err
	}
	w := &tiffWalk{splitter: s, order: binary.LittleEndian, end: 8, seen: map[int]bool{}}
	if head[0] == 'M' {
		w.order = binary.BigEndian
	}
	if w.order.Uint16(head[2:]) != 42 {
		return s.errorf("it is a BigTIFF, whose end cannot be told in a stream: give it as a file")
	}
	w.queue = append(w.queue, w.u32(head[4:]))
	for len(w.queue) > 0 {
		at := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.directory(at); err != nil {
			return err
		}
	}
	return s.upTo(w.end)
}

func (w *tiffWalk) u32(b []byte) int { return int(w.order.Uint32(b)) }

// bytes returns n bytes at an offset, and counts them in.
func (w *tiffWalk) bytes(at, n int) ([]byte, error) {
	if at < 0 || n < 0 || at > w.max || n > w.max {
		return nil, w.errorf("it points to byte %d of itself, beyond %d", at, w.max)
	}
	if err := w.want(at + n); err != nil {
		return nil, err
	}
	w.end = max(w.end, at+n)
	return w.buf[at : at+n], nil
}

func (w *tiffWalk) directory(at int) error {
	if at == 0 || w.seen[at] {
		return nil
	}
	if w.seen[at] = true; len(w.seen) > maxDirectories {
		return w.errorf("more than %d directories", maxDirectories)
	}
	count, err := w.bytes(at, 2)
	if err != nil {
		return err
	}
	n := int(w.order.Uint16(count))
	body, err := w.bytes(at+2, 12*n+4)
	if err != nil {
		return err
	}
	pointers := map[int][]int{}
	for i := range n {
		if err := w.entry(body[12*i:12*i+12], pointers); err != nil {
			return err
		}
	}
	w.queue = append(w.queue, w.u32(body[12*n:]))
	for _, tag := range []int{tiffSubIFDs, tiffExif, tiffGPS} {
		w.queue = append(w.queue, pointers[tag]...)
	}
	return w.data(pointers)
}

// entry takes in the bytes of one field, and its numbers where it is a pointer or a length.
func (w *tiffWalk) entry(e []byte, pointers map[int][]int) error {
	tag, size := int(w.order.Uint16(e)), tiffTypeSize(int(w.order.Uint16(e[2:])))
	n := w.u32(e[4:])
	value := e[8:12]
	if size*n > 4 {
		var err error
		if value, err = w.bytes(w.u32(e[8:]), size*n); err != nil {
			return err
		}
	}
	switch tag {
	case tiffStripOffsets, tiffStripCounts, tiffTileOffsets, tiffTileCounts, tiffSubIFDs, tiffJPEGOffset, tiffJPEGLength,
		tiffExif, tiffGPS:
	default:
		return nil
	}
	if w.count += n; w.count > maxPointers {
		return w.errorf("more than %d strips and tiles", maxPointers)
	}
	for i := 0; i < n && (i+1)*size <= len(value); i++ {
		switch size {
		case 2:
			pointers[tag] = append(pointers[tag], int(w.order.Uint16(value[2*i:])))
		case 4:
			pointers[tag] = append(pointers[tag], w.u32(value[4*i:]))
		}
	}
	return nil
}

// data takes in the strips, tiles and thumbnails that a directory points to.
func (w *tiffWalk) data(pointers map[int][]int) error {
	pairs := [][2]int{{tiffStripOffsets, tiffStripCounts}, {tiffTileOffsets, tiffTileCounts}, {tiffJPEGOffset, tiffJPEGLength}}
	for _, p := range pairs {
		offsets, counts := pointers[p[0]], pointers[p[1]]
		for i := range min(len(offsets), len(counts)) {
			if _, err := w.bytes(offsets[i], counts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// tiffTypeSize is the size of a value of the type; 0 for an unknown one.
func tiffTypeSize(t int) int {
	sizes := [...]int{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}
	if t < len(sizes) {
		return sizes[t]
	}
	return 0
}
