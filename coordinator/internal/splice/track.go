package splice

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/abema/go-mp4"
)

// track is a picture track: where its frames lie, how they are decoded and when they are shown. Times are in ticks.
type track struct {
	scale  uint32 // ticks a second
	config []byte // the box stsd, without what differs from one segment to the next
	size   uint64 // bytes of media

	deltas  []mp4.SttsEntry // how long each frame is, by its place in the file
	offsets []offset        // by how much it is shown later than that
	delay   int64           // by how much the first is, which an edit takes back
	keys    []uint32        // the frames, counted from 1, that can be decoded alone
	sizes   []uint32
	chunks  []chunk
}

type offset struct {
	frames uint32
	ticks  int64
}

// chunk is frames that lie one behind the other.
type chunk struct {
	at     uint64
	frames uint32
}

func (t *track) frames() int { return len(t.sizes) }

func (t *track) duration() uint64 {
	sum := uint64(0)
	for _, d := range t.deltas {
		sum += uint64(d.SampleCount) * uint64(d.SampleDelta)
	}
	return sum
}

// check compares the tables with each other and the media.
func (t *track) check(media span) error {
	deltas, offsets, chunks := uint64(0), uint64(0), uint64(0)
	for _, d := range t.deltas {
		deltas += uint64(d.SampleCount)
	}
	for _, o := range t.offsets {
		offsets += uint64(o.frames)
	}
	for _, c := range t.chunks {
		chunks += uint64(c.frames)
	}
	n := uint64(t.frames())
	if deltas != n || offsets != n || chunks != n || t.scale == 0 || t.duration() == 0 {
		return fmt.Errorf("it is damaged: its index has %d frames, and the times of %d, the offsets of %d, the places of %d",
			n, deltas, offsets, chunks)
	}
	next := 0
	for _, c := range t.chunks {
		if c.at < media.begin || c.at > media.end {
			return errOutside
		}
		left := media.end - c.at
		for range c.frames {
			size := uint64(t.sizes[next])
			if size > left {
				return errOutside
			}
			left, next = left-size, next+1
		}
	}
	if slices.ContainsFunc(t.keys, func(k uint32) bool { return k < 1 || uint64(k) > n }) {
		return errOutside
	}
	t.size = media.size()
	return nil
}

var errOtherwise = errors.New("it was encoded in another way than the first: with another codec, size or version of the encoder")

var errOutside = errors.New("it is damaged: its index points outside")

// append adds the frames of a movie, whose media come behind those that are there.
func (t *track) append(m *movie) error {
	switch {
	case t.config == nil:
		t.scale, t.config = m.track.scale, m.config
	case t.scale != m.track.scale:
		return fmt.Errorf("its clock has %d ticks a second, that of the first has %d", m.track.scale, t.scale)
	case !bytes.Equal(t.config, m.config):
		return errOtherwise
	}
	if uint64(t.frames()+m.frames()) > math.MaxUint32 {
		return fmt.Errorf("%d frames are too many", t.frames()+m.frames())
	}
	for _, d := range m.deltas {
		if last := len(t.deltas) - 1; last >= 0 && t.deltas[last].SampleDelta == d.SampleDelta {
			t.deltas[last].SampleCount += d.SampleCount
		} else {
			t.deltas = append(t.deltas, d)
		}
	}
	t.appendOffsets(m)
	for _, k := range m.keys {
		t.keys = append(t.keys, uint32(t.frames())+k)
	}
	for _, c := range m.chunks {
		t.chunks = append(t.chunks, chunk{c.at - m.media.begin + t.size, c.frames})
	}
	t.sizes = append(t.sizes, m.sizes...)
	t.size += m.media.size()
	return nil
}

// appendOffsets makes the delays equal: a segment of one frame has none, as it has none that is decoded before it is shown.
func (t *track) appendOffsets(m *movie) {
	theirs := slices.Clone(m.offsets)
	raise(t.offsets, m.delay-t.delay)
	raise(theirs, t.delay-m.delay)
	t.delay = max(t.delay, m.delay)
	for _, o := range theirs {
		if last := len(t.offsets) - 1; last >= 0 && t.offsets[last].ticks == o.ticks {
			t.offsets[last].frames += o.frames
		} else {
			t.offsets = append(t.offsets, o)
		}
	}
}

func raise(offsets []offset, by int64) {
	for i := range offsets {
		offsets[i].ticks += max(by, 0)
	}
}

// shift moves the media behind what comes in front.
func (t *track) shift(by uint64) {
	for i := range t.chunks {
		t.chunks[i].at += by
	}
}

// edits is the box edts: what is shown, and from when on.
func (t *track) edits(shown uint64) ([]byte, error) {
	e := mp4.ElstEntry{
		SegmentDurationV0: uint32(shown), MediaTimeV0: int32(t.delay),
		SegmentDurationV1: shown, MediaTimeV1: t.delay, MediaRateInteger: 1,
	}
	list := mp4.Elst{EntryCount: 1, Entries: []mp4.ElstEntry{e}}
	if shown > math.MaxUint32 || t.delay > math.MaxInt32 {
		list.Version = 1
	}
	b, err := fullBox(&list)
	return box(mp4.BoxTypeEdts(), b), err
}
