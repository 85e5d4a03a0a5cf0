package media

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
)

// maxImage bounds one encoded image of a stream: a length in a header is a stranger's word.
const maxImage = 1 << 30

// splitter finds where each image of a stream ends. It holds one image at a time, and only as much of it as has been read.
type splitter struct {
	r   *bufio.Reader
	max int

	buf   []byte // the image so far
	at    int    // how far the parser of its format is, within buf
	start int64  // where in the stream the image began
	kind  string // its format, for messages
}

// piece is one image of a stream.
type piece struct {
	data []byte
	ext  string
}

// split yields the images that are concatenated in r, each in memory of its own. White space between them is passed over. An
// error is the last thing that it yields; it names the byte.
func split(r io.Reader, limit int) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		s := &splitter{r: bufio.NewReaderSize(r, 64<<10), max: limit}
		for {
			p, err := s.next()
			if err == io.EOF {
				return
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// next returns the next image, or io.EOF where the stream ends between two.
func (s *splitter) next() (piece, error) {
	if err := s.begin(); err != nil {
		return piece{}, err
	}
	f, head, err := s.format()
	if err != nil {
		return piece{}, err
	}
	if f.name == "" {
		return piece{}, fmt.Errorf("byte %d: %s begins no image that is known; JPEG, PNG, WebP, BMP, PNM, TIFF and GIF are", s.start, quoteHead(head))
	}
	measure, ok := measures()[f.name]
	if !ok {
		return piece{}, fmt.Errorf("byte %d: where a %s ends cannot be told in a stream: give it as a file", s.start, f.name)
	}
	s.kind = f.name
	if err := measure(s); err != nil {
		return piece{}, err
	}
	return piece{data: s.buf[:s.at:s.at], ext: f.exts[0]}, nil
}

// format looks no further ahead than it must: whoever sends the next image only after the result of this one must not be
// waited for.
func (s *splitter) format() (format, []byte, error) {
	var head []byte
	for _, n := range []int{3, 12, 18, sniffLen} {
		var err error
		if head, err = s.r.Peek(n); err != nil && err != io.EOF {
			return format{}, nil, s.readError(err)
		}
		if f, ok := formatOf(head); ok {
			return f, head, nil
		}
	}
	return format{}, head, nil
}

// measures is how to move a splitter to the end of an image, by format.
func measures() map[string]func(*splitter) error {
	return map[string]func(*splitter) error{
		"JPEG": (*splitter).jpeg,
		"PNG":  (*splitter).png,
		"WebP": (*splitter).webp,
		"BMP":  (*splitter).bmp,
		"PNM":  (*splitter).pnm,
		"TIFF": (*splitter).tiff,
		"GIF":  (*splitter).gif,
	}
}

// begin forgets the last image and passes over white space.
func (s *splitter) begin() error {
	s.start += int64(s.at)
	s.buf, s.at = nil, 0
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return s.readError(err)
		}
		if !isSpace(b) {
			return s.r.UnreadByte()
		}
		s.start++
	}
}

// readError keeps io.EOF and says where any other error struck.
func (s *splitter) readError(err error) error {
	if err == io.EOF || err == nil {
		return io.EOF
	}
	return fmt.Errorf("byte %d: %w", s.start+int64(len(s.buf)), err)
}

// errorf is an error within the image at hand.
func (s *splitter) errorf(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s that began at byte %d: %s",
		s.start+int64(s.at), s.kind, s.start, fmt.Sprintf(format, args...))
}

// want reads until buf holds n bytes. What a header claims is not believed: memory grows with what really comes.
func (s *splitter) want(n int) error {
	if n > s.max || n < 0 {
		return s.errorf("larger than %d bytes", s.max)
	}
	for len(s.buf) < n {
		if _, err := s.r.Peek(1); err != nil {
			return s.cut(err)
		}
		k := min(n-len(s.buf), s.r.Buffered())
		chunk, _ := s.r.Peek(k)
		s.buf = append(s.buf, chunk...)
		_, _ = s.r.Discard(k)
	}
	return nil
}

func (s *splitter) cut(err error) error {
	if err = s.readError(err); err != io.EOF {
		return err
	}
	s.at = len(s.buf)
	return s.errorf("the stream ends in the middle of it")
}

// take returns the next n bytes of the image.
func (s *splitter) take(n int) ([]byte, error) {
	if n < 0 || n > s.max {
		return nil, s.errorf("a part of it claims %d bytes, more than %d", uint32(n), s.max)
	}
	if err := s.want(s.at + n); err != nil {
		return nil, err
	}
	s.at += n
	return s.buf[s.at-n : s.at], nil
}

func (s *splitter) byte() (byte, error) {
	b, err := s.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (s *splitter) skip(n int) error {
	_, err := s.take(n)
	return err
}

// peek returns the next byte of the image, without taking it.
func (s *splitter) peek() (byte, bool) {
	if s.at < len(s.buf) {
		return s.buf[s.at], true
	}
	b, err := s.r.Peek(1)
	if err != nil {
		return 0, false
	}
	return b[0], true
}

func quoteHead(head []byte) string { return fmt.Sprintf("%q", head[:min(len(head), 8)]) }

func le16(b []byte) int { return int(binary.LittleEndian.Uint16(b)) }
func le32(b []byte) int { return int(binary.LittleEndian.Uint32(b)) }
func be16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }
func be32(b []byte) int { return int(binary.BigEndian.Uint32(b)) }
