package media

// Each function here moves the splitter to the end of an image of one format. It reads structure only: lengths, markers,
// counts. Whether the pixels make sense is the decoder's business.

// jpeg walks from marker to marker. Segments with a length hide the thumbnails within them; behind a start of scan, coded
// data runs to the next marker.
func (s *splitter) jpeg() error {
	if err := s.skip(2); err != nil {
		return err
	}
	for {
		m, err := s.jpegMarker()
		if err != nil {
			return err
		}
		switch {
		case m == 0xd9:
			return nil
		case m == 0xd8:
			s.at -= 2
			return s.errorf("another one begins within it")
		case m >= 0xd0 && m <= 0xd7 || m == 0x01:
			continue
		}
		n, err := s.take(2)
		if err != nil {
			return err
		}
		if be16(n) < 2 {
			return s.errorf("segment %#x has length %d", m, be16(n))
		}
		if err := s.skip(be16(n) - 2); err != nil {
			return err
		}
		if m == 0xda {
			if err := s.jpegScan(); err != nil {
				return err
			}
		}
	}
}

func (s *splitter) jpegMarker() (byte, error) {
	b, err := s.byte()
	if err == nil && b != 0xff {
		return 0, s.errorf("expected a marker, found %#x", b)
	}
	for err == nil && b == 0xff {
		b, err = s.byte()
	}
	return b, err
}

// jpegScan passes over coded data, in which 0xff is followed by 0 or by a restart marker.
func (s *splitter) jpegScan() error {
	for {
		b, err := s.byte()
		if err != nil {
			return err
		}
		if b != 0xff {
			continue
		}
		next, ok := s.peek()
		if ok && next != 0xff && next >= 0xc0 && (next < 0xd0 || next > 0xd7) {
			s.at--
			return nil
		}
	}
}

func (s *splitter) png() error {
	if err := s.skip(8); err != nil {
		return err
	}
	for {
		head, err := s.take(8)
		if err != nil {
			return err
		}
		kind := string(head[4:])
		if err := s.skip(be32(head) + 4); err != nil {
			return err
		}
		if kind == "IEND" {
			return nil
		}
	}
}

func (s *splitter) webp() error {
	head, err := s.take(8)
	if err != nil {
		return err
	}
	n := le32(head[4:])
	if err := s.skip(n); err != nil {
		return err
	}
	if next, ok := s.peek(); ok && n%2 == 1 && next == 0 {
		return s.skip(1)
	}
	return nil
}

// bmp believes the file size in the header, and computes it where there is none.
func (s *splitter) bmp() error {
	head, err := s.take(26)
	if err != nil {
		return err
	}
	offset, header := le32(head[10:]), le32(head[14:])
	if n := le32(head[2:]); n >= 26 && n >= offset {
		return s.upTo(n)
	}
	if header < 40 {
		return s.errorf("its header tells no size")
	}
	if err := s.skip(28); err != nil {
		return err
	}
	head = s.buf[:54]
	width, height := int(int32(le32(head[18:]))), int(int32(le32(head[22:])))
	row := (width*le16(head[28:]) + 31) / 32 * 4
	if le32(head[30:]) != 0 && le32(head[30:]) != 3 || width <= 0 || row > s.max {
		return s.errorf("its header tells no size")
	}
	return s.upTo(offset + row*max(height, -height))
}

// upTo sets the image's length to n bytes.
func (s *splitter) upTo(n int) error {
	if n < len(s.buf) {
		return s.errorf("its header claims %d bytes, fewer than the header has", n)
	}
	s.at = 0
	return s.skip(n)
}

func (s *splitter) gif() error {
	head, err := s.take(13)
	if err != nil {
		return err
	}
	if err := s.skip(gifTable(head[10])); err != nil {
		return err
	}
	for {
		kind, err := s.byte()
		if err != nil {
			return err
		}
		switch kind {
		case 0x3b:
			return nil
		case 0x21:
			err = s.skip(1)
		case 0x2c:
			err = s.gifImage()
		default:
			err = s.errorf("unknown block %#x", kind)
		}
		if err != nil {
			return err
		}
		if err := s.gifBlocks(); err != nil {
			return err
		}
	}
}

func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func (s *splitter) gifImage() error {
	head, err := s.take(9)
	if err != nil {
		return err
	}
	return s.skip(gifTable(head[8]) + 1)
}

func (s *splitter) gifBlocks() error {
	for {
		n, err := s.byte()
		if err != nil || n == 0 {
			return err
		}
		if err := s.skip(int(n)); err != nil {
			return err
		}
	}
}
