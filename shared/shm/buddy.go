package shm

import "math/bits"

// minOrder is the smallest block as a power of two: a page.
const minOrder = 12

// buddy hands out address ranges of one region: power-of-two blocks that merge again when both halves are free (Knowlton,
// "A fast storage allocator", CACM 1965). It touches no memory.
type buddy struct {
	top  int                  // the order of the whole
	free []map[int64]struct{} // offsets of free blocks, by order
}

func newBuddy(size int64) *buddy {
	top := bits.Len64(uint64(size)) - 1
	b := &buddy{top: top, free: make([]map[int64]struct{}, top+1)}
	for i := range b.free {
		b.free[i] = map[int64]struct{}{}
	}
	b.free[top][0] = struct{}{}
	return b
}

// orderFor returns the order of the smallest block that holds n bytes.
func orderFor(n int64) int {
	return max(minOrder, bits.Len64(uint64(max(n, 1)-1)))
}

// take returns the offset of a block of that order, or false where none is left.
func (b *buddy) take(order int) (int64, bool) {
	from := order
	for from <= b.top && len(b.free[from]) == 0 {
		from++
	}
	if from > b.top {
		return 0, false
	}
	off := lowest(b.free[from])
	delete(b.free[from], off)
	for from > order {
		from--
		b.free[from][off+1<<from] = struct{}{}
	}
	return off, true
}

// lowest keeps what is in use together at the bottom of the region.
func lowest(set map[int64]struct{}) int64 {
	low := int64(-1)
	for off := range set {
		if low < 0 || off < low {
			low = off
		}
	}
	return low
}

// give returns a block that take handed out, and merges it with its free neighbours.
func (b *buddy) give(off int64, order int) {
	for order < b.top {
		twin := off ^ 1<<order
		if _, ok := b.free[order][twin]; !ok {
			break
		}
		delete(b.free[order], twin)
		off &^= 1 << order
		order++
	}
	b.free[order][off] = struct{}{}
}
