package splice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"

	"github.com/abema/go-mp4"
)

// movie is an mp4 file of one track.
type movie struct {
	kind  []byte // the box ftyp
	moov  []byte // the box moov: the index
	media span   // what mdat contains
	scale uint32 // ticks a second of the movie, as against those of the track
	want  int    // frames
	track
}

// maxIndex bounds the index of a segment: some millions of frames.
const maxIndex = 256 << 20

func readMovie(s Segment) (*movie, error) {
	f, size, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := &movie{want: s.Frames}
	if err := m.readParts(f, size); err != nil {
		return nil, err
	}
	if err := m.readTrack(bytes.NewReader(m.moov)); err != nil {
		return nil, err
	}
	return m, m.track.check(m.media)
}

// readParts finds the boxes at the top. The library would follow lengths that lead back, for ever.
func (m *movie) readParts(f *os.File, size uint64) error {
	found := map[string]*mp4.BoxInfo{}
	for at := uint64(0); at < size; {
		if _, err := f.Seek(int64(at), io.SeekStart); err != nil {
			return err
		}
		b, err := mp4.ReadBoxInfo(f)
		if err != nil {
			return damaged(err)
		}
		name := b.Type.String()
		switch {
		case b.Size < b.HeaderSize || b.Size > size-at:
			return fmt.Errorf("it is damaged: its part %s is cut short", name)
		case found[name] != nil && name != "free":
			return fmt.Errorf("it has two parts %s", name)
		case name != "mdat" && b.Size > maxIndex:
			return fmt.Errorf("its part %s has %d bytes; the limit is %d", name, b.Size, maxIndex)
		}
		found[name] = b
		at += b.Size
	}
	kind, moov, mdat := found["ftyp"], found["moov"], found["mdat"]
	if kind == nil || moov == nil || mdat == nil {
		return errIncomplete
	}
	m.media = span{mdat.Offset + mdat.HeaderSize, mdat.Offset + mdat.Size}
	var err error
	if m.kind, err = content(f, kind); err != nil {
		return err
	}
	m.moov, err = content(f, moov)
	return err
}

// content reads a box with its head.
func content(r io.ReaderAt, b *mp4.BoxInfo) ([]byte, error) {
	data := make([]byte, b.Size)
	_, err := io.ReadFull(io.NewSectionReader(r, int64(b.Offset), int64(b.Size)), data)
	return data, err
}

func path(names ...string) mp4.BoxPath {
	var p mp4.BoxPath
	for _, n := range names {
		p = append(p, mp4.StrToBoxType(n))
	}
	return p
}

// only finds the box at a path, of which there must be one.
func only(r io.ReadSeeker, names ...string) (*mp4.BoxInfo, error) {
	found, err := mp4.ExtractBox(r, nil, path(names...))
	switch name := names[len(names)-1]; {
	case err != nil:
		return nil, damaged(err)
	case len(found) != 1:
		return nil, fmt.Errorf("it has %d parts %s and not one", len(found), name)
	case found[0].Size < found[0].HeaderSize:
		return nil, fmt.Errorf("it is damaged: its part %s has no length", name)
	}
	return found[0], nil
}

func damaged(err error) error { return fmt.Errorf("it is damaged: %w", err) }

// table reads the box at a path. There may be none: nil.
func table[B any, P interface {
	*B
	mp4.IBox
}](r io.ReadSeeker, names ...string) (P, error) {
	if all, err := mp4.ExtractBox(r, nil, path(names...)); err == nil && len(all) == 0 {
		return nil, nil
	}
	found, err := only(r, names...)
	if err != nil {
		return nil, err
	}
	if _, err := found.SeekToPayload(r); err != nil {
		return nil, damaged(err)
	}
	b := P(new(B))
	if _, err := mp4.Unmarshal(r, found.Size-found.HeaderSize, b, mp4.Context{}); err != nil {
		return nil, damaged(err)
	}
	return b, nil
}

var errIncomplete = errors.New("it is damaged: its index lacks a part")

// index is the box moov of a movie like this one, with another track in it.
func (m *movie) index(t *track) ([]byte, error) {
	long := t.duration()
	hi, lo := bits.Mul64(long, uint64(m.scale))
	if hi >= uint64(t.scale) {
		return nil, fmt.Errorf("a duration of %d/%d s is not possible", long, t.scale)
	}
	shown, rest := bits.Div64(hi, lo, uint64(t.scale))
	if rest > 0 {
		shown++
	}
	boxes, err := mp4.ReadBoxStructure(bytes.NewReader(m.moov), func(h *mp4.ReadHandle) (any, error) {
		switch h.BoxInfo.Type.String() {
		case "moov", "trak", "mdia", "minf":
			parts, err := h.Expand()
			return box(h.BoxInfo.Type, asBytes(parts)...), err
		case "edts":
			return []byte(nil), nil // stands behind tkhd
		case "tkhd":
			head, err := lasting(h, shown)
			if err != nil {
				return nil, err
			}
			edits, err := t.edits(shown)
			return append(head, edits...), err
		case "mvhd":
			return lasting(h, shown)
		case "mdhd":
			return lasting(h, long)
		case "stbl":
			return t.tables()
		}
		return m.moov[h.BoxInfo.Offset:][:h.BoxInfo.Size], nil
	})
	if err != nil {
		return nil, damaged(err)
	}
	return bytes.Join(asBytes(boxes), nil), nil
}

func asBytes(boxes []any) [][]byte {
	all := make([][]byte, len(boxes))
	for i, b := range boxes {
		all[i], _ = b.([]byte)
	}
	return all
}

// lasting is a header box with another duration.
func lasting(h *mp4.ReadHandle, d uint64) ([]byte, error) {
	payload, _, err := h.ReadPayload()
	if err != nil {
		return nil, err
	}
	wide := d > math.MaxUint32
	switch b := payload.(type) {
	case *mp4.Mvhd:
		if wide && b.Version == 0 {
			b.Version, b.CreationTimeV1, b.ModificationTimeV1 = 1, uint64(b.CreationTimeV0), uint64(b.ModificationTimeV0)
		}
		b.DurationV0, b.DurationV1 = uint32(d), d
	case *mp4.Tkhd:
		if wide && b.Version == 0 {
			b.Version, b.CreationTimeV1, b.ModificationTimeV1 = 1, uint64(b.CreationTimeV0), uint64(b.ModificationTimeV0)
		}
		b.DurationV0, b.DurationV1 = uint32(d), d
	case *mp4.Mdhd:
		if wide && b.Version == 0 {
			b.Version, b.CreationTimeV1, b.ModificationTimeV1 = 1, uint64(b.CreationTimeV0), uint64(b.ModificationTimeV0)
		}
		b.DurationV0, b.DurationV1 = uint32(d), d
	}
	return fullBox(payload)
}
