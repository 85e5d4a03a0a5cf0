package splice

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/abema/go-mp4"
)

// readTrack reads the tables of the one track.
func (m *movie) readTrack(moov *bytes.Reader) error {
	t := &m.track
	if _, err := only(moov, "moov", "trak"); err != nil {
		return err
	}
	head, err := table[mp4.Mvhd](moov, "moov", "mvhd")
	if err != nil {
		return err
	}
	clock, err := table[mp4.Mdhd](moov, "moov", "trak", "mdia", "mdhd")
	if err != nil {
		return err
	}
	if head == nil || clock == nil {
		return errIncomplete
	}
	m.scale, t.scale = head.Timescale, clock.Timescale
	steps := []func(io.ReadSeeker) error{
		t.readConfig, m.readSizes, t.readTimes, t.readOffsets, t.readDelay, t.readKeys, t.readChunks,
	}
	for _, read := range steps {
		if err := read(moov); err != nil {
			return err
		}
	}
	return nil
}

func inTables(name string) []string { return []string{"moov", "trak", "mdia", "minf", "stbl", name} }

func (m *movie) readSizes(r io.ReadSeeker) error {
	b, err := table[mp4.Stsz](r, inTables("stsz")...)
	switch {
	case err != nil:
		return err
	case b == nil:
		return errIncomplete
	case int(b.SampleCount) != m.want: // before so many sizes are made
		return fmt.Errorf("it has %d frames, %d were written", b.SampleCount, m.want)
	case b.SampleSize == 0:
		m.sizes = b.EntrySize
		return nil
	case uint64(b.SampleCount)*uint64(b.SampleSize) > m.media.size():
		return errOutside
	}
	m.sizes = slices.Repeat([]uint32{b.SampleSize}, int(b.SampleCount))
	return nil
}

func (t *track) readTimes(r io.ReadSeeker) error {
	b, err := table[mp4.Stts](r, inTables("stts")...)
	if err != nil {
		return err
	}
	if b == nil {
		return errIncomplete
	}
	t.deltas = b.Entries
	return nil
}

func (t *track) readOffsets(r io.ReadSeeker) error {
	b, err := table[mp4.Ctts](r, inTables("ctts")...)
	if err != nil {
		return err
	}
	if b == nil { // frames are shown in the order in which they lie
		t.offsets = []offset{{frames: uint32(t.frames())}}
		return nil
	}
	for _, e := range b.Entries {
		o := offset{e.SampleCount, int64(e.SampleOffsetV0)}
		if b.Version == 1 {
			o.ticks = int64(e.SampleOffsetV1)
		}
		t.offsets = append(t.offsets, o)
	}
	return nil
}

func (t *track) readDelay(r io.ReadSeeker) error {
	b, err := table[mp4.Elst](r, "moov", "trak", "edts", "elst")
	switch {
	case err != nil:
		return err
	case b == nil:
		return nil
	case len(b.Entries) != 1:
		return fmt.Errorf("it has %d edits and not one", len(b.Entries))
	}
	t.delay = int64(b.Entries[0].MediaTimeV0)
	if b.Version == 1 {
		t.delay = b.Entries[0].MediaTimeV1
	}
	if t.delay < 0 || t.delay > math.MaxInt32 {
		return fmt.Errorf("it begins at %d ticks", t.delay)
	}
	return nil
}

func (t *track) readKeys(r io.ReadSeeker) error {
	b, err := table[mp4.Stss](r, inTables("stss")...)
	if err != nil {
		return err
	}
	if b != nil {
		t.keys = b.SampleNumber
		return nil
	}
	for i := range t.sizes { // all of them
		t.keys = append(t.keys, uint32(i+1))
	}
	return nil
}

func (t *track) readChunks(r io.ReadSeeker) error {
	runs, err := table[mp4.Stsc](r, inTables("stsc")...)
	if err != nil {
		return err
	}
	at, err := chunkPlaces(r)
	if err != nil {
		return err
	}
	if runs == nil || len(runs.Entries) == 0 || runs.Entries[0].FirstChunk != 1 {
		return errIncomplete
	}
	run := 0
	for i, a := range at {
		if run+1 < len(runs.Entries) && int64(runs.Entries[run+1].FirstChunk) == int64(i)+1 {
			run++
		}
		if runs.Entries[run].SampleDescriptionIndex != 1 {
			return errIncomplete
		}
		t.chunks = append(t.chunks, chunk{a, runs.Entries[run].SamplesPerChunk})
	}
	return nil
}

func chunkPlaces(r io.ReadSeeker) ([]uint64, error) {
	wide, err := table[mp4.Co64](r, inTables("co64")...)
	if err != nil {
		return nil, err
	}
	if wide != nil {
		return wide.ChunkOffset, nil
	}
	b, err := table[mp4.Stco](r, inTables("stco")...)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, errIncomplete
	}
	at := make([]uint64, len(b.ChunkOffset))
	for i, o := range b.ChunkOffset {
		at[i] = uint64(o)
	}
	return at, nil
}

// tables is the box stbl.
func (t *track) tables() ([]byte, error) {
	list := []mp4.IImmutableBox{&mp4.Stts{EntryCount: uint32(len(t.deltas)), Entries: t.deltas}}
	if len(t.keys) < t.frames() {
		list = append(list, &mp4.Stss{EntryCount: uint32(len(t.keys)), SampleNumber: t.keys})
	}
	if len(t.offsets) > 1 || t.offsets[0].ticks != 0 {
		list = append(list, t.offsetTable())
	}
	list = append(list, t.runs(), &mp4.Stsz{SampleCount: uint32(t.frames()), EntrySize: t.sizes}, t.places())
	boxes := [][]byte{t.config}
	for _, payload := range list {
		b, err := fullBox(payload)
		if err != nil {
			return nil, err
		}
		boxes = append(boxes, b)
	}
	return box(mp4.BoxTypeStbl(), boxes...), nil
}

func (t *track) offsetTable() *mp4.Ctts {
	b := &mp4.Ctts{EntryCount: uint32(len(t.offsets))}
	for _, o := range t.offsets {
		if o.ticks < 0 {
			b.Version = 1
		}
		b.Entries = append(b.Entries, mp4.CttsEntry{
			SampleCount: o.frames, SampleOffsetV0: uint32(o.ticks), SampleOffsetV1: int32(o.ticks),
		})
	}
	return b
}

// runs says how many frames the chunks have: equal ones are one entry.
func (t *track) runs() *mp4.Stsc {
	b := &mp4.Stsc{}
	for i, c := range t.chunks {
		if i == 0 || t.chunks[i-1].frames != c.frames {
			b.Entries = append(b.Entries, mp4.StscEntry{
				FirstChunk: uint32(i + 1), SamplesPerChunk: c.frames, SampleDescriptionIndex: 1,
			})
		}
	}
	b.EntryCount = uint32(len(b.Entries))
	return b
}

func (t *track) places() mp4.IImmutableBox {
	narrow, wide := &mp4.Stco{}, &mp4.Co64{}
	high := false
	for _, c := range t.chunks {
		high = high || c.at > math.MaxUint32
		narrow.ChunkOffset = append(narrow.ChunkOffset, uint32(c.at))
		wide.ChunkOffset = append(wide.ChunkOffset, c.at)
	}
	narrow.EntryCount, wide.EntryCount = uint32(len(t.chunks)), uint32(len(t.chunks))
	if high {
		return wide
	}
	return narrow
}

// entryHead is what a picture's sample entry has in front of its boxes, behind its own head.
const entryHead = 78

// readConfig reads how the frames are encoded. Bit rates, which are measured and not needed for decoding, are left out.
func (t *track) readConfig(r io.ReadSeeker) error {
	found, err := only(r, inTables("stsd")...)
	if err != nil {
		return err
	}
	raw := make([]byte, found.Size-found.HeaderSize)
	if _, err := found.SeekToPayload(r); err != nil {
		return damaged(err)
	}
	if _, err := io.ReadFull(r, raw); err != nil {
		return damaged(err)
	}
	if len(raw) < 16+entryHead || binary.BigEndian.Uint32(raw[4:]) != 1 || int(binary.BigEndian.Uint32(raw[8:])) != len(raw)-8 {
		return errIncomplete
	}
	entry := [][]byte{raw[16 : 16+entryHead]}
	for rest := raw[16+entryHead:]; len(rest) >= 8; {
		n := int(binary.BigEndian.Uint32(rest))
		if n < 8 || n > len(rest) {
			return errIncomplete
		}
		b, err := steady(rest[:n])
		if err != nil {
			return damaged(err)
		}
		entry, rest = append(entry, b), rest[n:]
	}
	t.config = box(mp4.BoxTypeStsd(), raw[:8], box(mp4.BoxType(raw[12:16]), entry...))
	return nil
}

// steady is a box of a sample entry without the bit rate.
func steady(b []byte) ([]byte, error) {
	switch string(b[4:8]) {
	case "btrt":
		return nil, nil
	case "esds":
		var e mp4.Esds
		if _, err := mp4.Unmarshal(bytes.NewReader(b[8:]), uint64(len(b)-8), &e, mp4.Context{}); err != nil {
			return nil, err
		}
		for _, d := range e.Descriptors {
			if c := d.DecoderConfigDescriptor; c != nil {
				c.BufferSizeDB, c.MaxBitrate, c.AvgBitrate = 0, 0, 0
			}
		}
		return fullBox(&e)
	}
	return b, nil
}
