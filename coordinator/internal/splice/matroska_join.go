package splice

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// joinMatroska writes a file that begins with its whole index, and then has a cluster for each frame that can be decoded alone.
func joinMatroska(to io.Writer, segments []Segment) error {
	files := make([]*matroska, len(segments))
	var all []cluster
	count := 0
	for i, s := range segments {
		m, err := readMatroska(s)
		if err == nil && i > 0 {
			err = m.fits(files[0])
		}
		if err == nil && uint64(count+s.Frames) > math.MaxInt64/m.every {
			err = fmt.Errorf("%d frames are too many", count+s.Frames)
		}
		if err != nil {
			return fmt.Errorf("cannot join %s: %w", s.Name, err)
		}
		files[i] = m
		all = append(all, m.clusters(i, count)...)
		count += s.Frames
	}
	w := bufio.NewWriterSize(to, 256<<10)
	if _, err := w.Write(files[0].front(all, count)); err != nil {
		return err
	}
	for i, s := range segments {
		n := 0
		for n < len(all) && all[n].file == i {
			n++
		}
		if err := copyClusters(w, s.Name, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return w.Flush()
}

// fits refuses a file that another cannot be followed by.
func (m *matroska) fits(first *matroska) error {
	switch {
	case m.scale != first.scale || m.every != first.every:
		return fmt.Errorf("its frames are %d ns apart, counted in ticks of %d ns, those of the first %d and %d", m.every, m.scale,
			first.every, first.scale)
	case !bytes.Equal(m.track, first.track) || !bytes.Equal(m.head, first.head):
		return errOtherwise
	}
	return nil
}

// tick is when a frame is shown.
func (m *matroska) tick(frame int) int64 {
	return int64((uint64(frame)*m.every + m.scale/2) / m.scale)
}

// cluster is frames that count their time from that of the first.
type cluster struct {
	file     int // which
	pictures []picture
	content  uint64 // bytes
}

// clusters are those of the file, whose frames come behind so many others.
func (m *matroska) clusters(file, before int) []cluster {
	for i := range m.pictures {
		m.pictures[i].shown = m.tick(before + int(m.pictures[i].shown))
	}
	var all []cluster
	begin := 0
	for i, p := range m.pictures {
		since := p.shown - m.pictures[begin].shown
		if i > begin && (p.flags&flagKey != 0 || since != int64(int16(since))) {
			all = append(all, newCluster(file, m.pictures[begin:i]))
			begin = i
		}
	}
	return append(all, newCluster(file, m.pictures[begin:]))
}

func newCluster(file int, pictures []picture) cluster {
	c := cluster{file: file, pictures: pictures}
	c.content = uint64(len(encodeUint(idClusterTime, 0)))
	for _, p := range pictures {
		c.content += uint64(len(c.block(p))) + p.size()
	}
	return c
}

func (c cluster) time() int64 { return c.pictures[0].shown }

// head is what comes before the frames.
func (c cluster) head() []byte {
	return append(elementHead(idCluster, c.content), encodeUint(idClusterTime, uint64(c.time()))...)
}

// size is that of the whole element.
func (c cluster) size() uint64 { return uint64(len(elementHead(idCluster, c.content))) + c.content }

// block is what comes before a frame.
func (c cluster) block(p picture) []byte {
	b := elementHead(idSimpleBlock, 4+p.size())
	b = append(b, 0x80|ourTrack)
	b = binary.BigEndian.AppendUint16(b, uint16(p.shown-c.time()))
	return append(b, p.flags)
}

// ourTrack is the number and the identity of the one track.
const ourTrack = 1

// front is all that comes before the clusters.
func (m *matroska) front(all []cluster, frames int) []byte {
	duration := m.tick(frames-1) + m.tick(1)
	info := encode(idInfo, encodeUint(idScale, m.scale), encode(idMuxingApp, []byte("cvfarm")), encode(idWritingApp, []byte("cvfarm")),
		encodeFloat(idDuration, float64(duration)))
	tracks := encode(idTracks, encode(idTrack, encodeUint(idTrackNumber, ourTrack), encodeUint(idTrackUID, ourTrack), m.track))
	// Numbers have one length here, so that what is told of places does not move them.
	atInfo := len(seekHead(0, 0, 0))
	atTracks := atInfo + len(info)
	atCues := atTracks + len(tracks)
	atClusters := uint64(atCues + len(cues(all, 0)))
	end := atClusters
	for _, c := range all {
		end += c.size()
	}
	return bytes.Join([][]byte{
		m.head, elementHead(idSegment, end), seekHead(atInfo, atTracks, atCues), info, tracks, cues(all, atClusters),
	}, nil)
}

func seekHead(info, tracks, cues int) []byte {
	seek := func(id uint32, at int) []byte {
		return encode(idSeek, encode(idSeekID, binary.BigEndian.AppendUint32(nil, id)), encodeUint(idSeekPosition, uint64(at)))
	}
	return encode(idSeekHead, seek(idInfo, info), seek(idTracks, tracks), seek(idCues, cues))
}

// cues tell where the clusters are that begin with a frame that can be decoded alone.
func cues(all []cluster, at uint64) []byte {
	var points []byte
	for _, c := range all {
		if c.pictures[0].flags&flagKey != 0 {
			points = append(points, encode(idCue, encodeUint(idCueTime, uint64(c.time())),
				encode(idCueAt, encodeUint(idCueTrack, ourTrack), encodeUint(idCueCluster, at)))...)
		}
		at += c.size()
	}
	return encode(idCues, points)
}

// copyClusters writes those of one file.
func copyClusters(w *bufio.Writer, name string, all []cluster) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, c := range all {
		if _, err := w.Write(c.head()); err != nil {
			return err
		}
		for _, p := range c.pictures {
			if _, err := w.Write(c.block(p)); err != nil {
				return err
			}
			if err := copySpan(w, f, p.span); err != nil {
				return err
			}
		}
	}
	return nil
}
