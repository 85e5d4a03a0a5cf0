package splice

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// The elements of a Matroska file that matter here; https://www.matroska.org/technical/elements.html has them all.
const (
	idEBML    = 0x1A45DFA3
	idSegment = 0x18538067
	idVoid    = 0xEC
	idCRC     = 0xBF

	idSeekHead, idSeek, idSeekID, idSeekPosition           = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
	idInfo, idScale, idDuration, idMuxingApp, idWritingApp = 0x1549A966, 0x2AD7B1, 0x4489, 0x4D80, 0x5741
	idTracks, idTrack, idTrackNumber, idTrackUID, idEvery  = 0x1654AE6B, 0xAE, 0xD7, 0x73C5, 0x23E383
	idCluster, idClusterTime, idSimpleBlock                = 0x1F43B675, 0xE7, 0xA3
	idBlockGroup, idBlock, idReference                     = 0xA0, 0xA1, 0xFB
	idCues, idCue, idCueTime, idCueAt, idCueTrack          = 0x1C53BB6B, 0xBB, 0xB3, 0xB7, 0xF7
	idCueCluster                                           = 0xF1
)

// matroska is a Matroska or WebM file of one track.
type matroska struct {
	head     []byte    // the element EBML
	track    []byte    // what describes the track, without what differs from one file to the next
	number   uint64    // of the track
	scale    uint64    // nanoseconds a tick
	every    uint64    // nanoseconds a frame
	pictures []picture // in the order in which they are decoded
}

// picture is an encoded frame.
type picture struct {
	shown int64 // in ticks; by count, between count and clusters
	span
	flags byte
}

const flagKey, flagLacing = 0x80, 0x06

func readMatroska(s Segment) (*matroska, error) {
	f, size, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := &matroska{scale: 1e6}
	if err := m.readFile(f, span{0, size}, s.Frames); err != nil {
		return nil, err
	}
	if n := len(m.pictures); n != s.Frames {
		return nil, fmt.Errorf("it has %d frames, %d were written", n, s.Frames)
	}
	return m, m.count()
}

func (m *matroska) readFile(r io.ReaderAt, at span, frames int) error {
	for e, err := range elements(r, at) {
		if err != nil {
			return err
		}
		switch e.id {
		case idEBML:
			content, err := e.bytes(r)
			if err != nil {
				return err
			}
			m.head = encode(e.id, content)
		case idSegment:
			if err := m.readSegment(r, e, frames); err != nil {
				return err
			}
		}
	}
	if m.head == nil || m.track == nil || m.scale == 0 {
		return errors.New("it is damaged: it lacks its head")
	}
	return nil
}

func (m *matroska) readSegment(r io.ReaderAt, segment element, frames int) error {
	for e, err := range elements(r, segment.span) {
		if err != nil {
			return err
		}
		switch e.id {
		case idInfo:
			err = m.readInfo(r, e)
		case idTracks:
			err = m.readTracks(r, e)
		case idCluster:
			err = m.readCluster(r, e)
		}
		if err != nil {
			return err
		}
		if len(m.pictures) > frames {
			return fmt.Errorf("it has more than the %d frames that were written", frames)
		}
	}
	return nil
}

func (m *matroska) readInfo(r io.ReaderAt, info element) error {
	for e, err := range elements(r, info.span) {
		switch {
		case err != nil:
		case e.id == idScale:
			m.scale, err = e.uint(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *matroska) readTracks(r io.ReaderAt, tracks element) error {
	for e, err := range elements(r, tracks.span) {
		switch {
		case err != nil:
		case e.id == idTrack && m.track != nil:
			err = errors.New("it has more than one track")
		case e.id == idTrack:
			err = m.readTrack(r, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readTrack keeps what describes the track. Its number and its random identity are ours to give.
func (m *matroska) readTrack(r io.ReaderAt, track element) error {
	m.track = []byte{}
	for e, err := range elements(r, track.span) {
		if err != nil {
			return err
		}
		content, err := e.bytes(r)
		if err != nil {
			return err
		}
		switch e.id {
		case idTrackNumber:
			m.number, err = e.uint(r)
		case idEvery:
			m.every, err = e.uint(r)
		}
		if err != nil {
			return err
		}
		if !slices.Contains([]uint32{idTrackNumber, idTrackUID, idCRC, idVoid}, e.id) {
			m.track = append(m.track, encode(e.id, content)...)
		}
		if len(m.track) > maxHeader {
			return fmt.Errorf("it describes its track in more than %d bytes", maxHeader)
		}
	}
	return nil
}

func (m *matroska) readCluster(r io.ReaderAt, cluster element) error {
	time := uint64(0)
	for e, err := range elements(r, cluster.span) {
		switch {
		case err != nil:
		case e.id == idClusterTime:
			time, err = e.uint(r)
		case e.id == idSimpleBlock:
			err = m.readBlock(r, e, time, 0)
		case e.id == idBlockGroup:
			err = m.readGroup(r, e, time)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readGroup reads a frame that is told by its references whether it can be decoded alone.
func (m *matroska) readGroup(r io.ReaderAt, group element, time uint64) error {
	var block element
	flags := byte(flagKey)
	for e, err := range elements(r, group.span) {
		switch {
		case err != nil:
			return err
		case e.id == idBlock:
			block = e
		case e.id == idReference:
			flags = 0
		}
	}
	return m.readBlock(r, block, time, flags)
}

func (m *matroska) readBlock(r io.ReaderAt, e element, time uint64, flags byte) error {
	const head = 4 // the track's number, the time, which counts from that of the cluster, and flags
	var b [head]byte
	if e.size() < head {
		return errors.New("it is damaged: a frame has no content")
	}
	if _, err := r.ReadAt(b[:], int64(e.begin)); err != nil {
		return err
	}
	switch flags |= b[3]; {
	case uint64(b[0]) != 0x80|m.number:
		return fmt.Errorf("it has a frame of another track than its track %d", m.number)
	case flags&flagLacing != 0:
		return errors.New("it has several frames in one block")
	case time > 1<<40:
		return fmt.Errorf("it has a frame at %d ticks", time)
	}
	shown := int64(time) + int64(int16(uint16(b[1])<<8|uint16(b[2])))
	m.pictures = append(m.pictures, picture{shown, span{e.begin + head, e.end}, flags})
	return nil
}

// count puts places in the order of showing for times, which are rounded: frames follow each other at even intervals.
func (m *matroska) count() error {
	switch {
	case m.every == 0 || m.every > 1e12 || m.scale > 1e12:
		return fmt.Errorf("its frames are %d ns apart, counted in ticks of %d ns: that is not possible", m.every, m.scale)
	case m.pictures[0].flags&flagKey == 0:
		return errors.New("its first frame cannot be decoded alone")
	}
	order := make([]*picture, len(m.pictures))
	for i := range order {
		order[i] = &m.pictures[i]
	}
	slices.SortStableFunc(order, func(a, b *picture) int { return cmp.Compare(a.shown, b.shown) })
	first := order[0].shown
	for i, p := range order {
		want := float64(i) * float64(m.every) / float64(m.scale)
		if off := float64(p.shown-first) - want; math.Abs(off) > 1 {
			return fmt.Errorf("its frame %d is shown %.1f ticks away from where its rate has it", i+1, off)
		}
		p.shown = int64(i)
	}
	return nil
}
