package media

import "strconv"

// pnm reads the header's numbers; the pixels' length follows from them. The text variants are counted token by token.
func (s *splitter) pnm() error {
	magic, err := s.take(2)
	if err != nil {
		return err
	}
	kind := magic[1]
	if kind == '7' {
		return s.pam()
	}
	width, err := s.number()
	if err != nil {
		return err
	}
	height, err := s.number()
	if err != nil {
		return err
	}
	return s.pnmPixels(kind, width, height)
}

func (s *splitter) pnmPixels(kind byte, width, height int) error {
	switch kind {
	case '1':
		return s.bits(width, height)
	case '4':
		return s.raster((width+7)/8, height)
	case 'F', 'f':
		if _, err := s.token(); err != nil { // the scale may have a sign and a point
			return err
		}
		return s.raster(4*width*channels(kind == 'F'), height)
	}
	top, err := s.number()
	if err != nil {
		return err
	}
	if kind == '5' || kind == '6' {
		return s.raster(width*channels(kind == '6')*sampleBytes(top), height)
	}
	return s.numbers(width*channels(kind == '3'), height)
}

func channels(colour bool) int {
	if colour {
		return 3
	}
	return 1
}

func sampleBytes(top int) int {
	if top > 255 {
		return 2
	}
	return 1
}

// raster passes over the pixels. The one white space before them went with the last number.
func (s *splitter) raster(row, rows int) error {
	if rows > 0 && row > s.max/rows {
		return s.errorf("%d rows of %d bytes are more than %d", rows, row, s.max)
	}
	return s.skip(row * rows)
}

// numbers passes over the samples of P2 and P3.
func (s *splitter) numbers(row, rows int) error {
	if rows > 0 && row > s.max/rows {
		return s.errorf("%d rows of %d samples are more than %d", rows, row, s.max)
	}
	for range row * rows {
		if _, err := s.number(); err != nil {
			return err
		}
	}
	return nil
}

// bits passes over the digits of P1, which need no space between them.
func (s *splitter) bits(width, height int) error {
	if height > 0 && width > s.max/height {
		return s.errorf("%dx%d is more than %d", width, height, s.max)
	}
	for range width * height {
		b, err := s.space()
		if err != nil {
			return err
		}
		if b != '0' && b != '1' {
			s.at--
			return s.errorf("expected 0 or 1, found %q", b)
		}
	}
	return nil
}

// maxSide keeps products of two sides within an int; nothing decodes larger ones.
const maxSide = 1 << 24

// number reads the next number, and the one white space behind it.
func (s *splitter) number() (int, error) {
	t, err := s.token()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(t)
	if err != nil || n < 0 || n > maxSide {
		return 0, s.errorf("expected a number up to %d, found %q", maxSide, t)
	}
	return n, nil
}

// token reads the next word, and the one white space behind it. The last word of a stream needs none.
func (s *splitter) token() (string, error) {
	b, err := s.space()
	if err != nil {
		return "", err
	}
	word := []byte{b}
	for len(word) < 32 {
		if _, ok := s.peek(); !ok {
			return string(word), nil
		}
		if b, err = s.byte(); err != nil {
			return "", err
		}
		if isSpace(b) {
			return string(word), nil
		}
		word = append(word, b)
	}
	return "", s.errorf("expected a number, found %q", word)
}

// space passes over white space and comments and returns the first other byte.
func (s *splitter) space() (byte, error) {
	comment := false
	for {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		switch {
		case comment:
			comment = b != '\n'
		case b == '#':
			comment = true
		case !isSpace(b):
			return b, nil
		}
	}
}

// pam reads the words of a P7 header up to ENDHDR.
func (s *splitter) pam() error {
	fields := map[string]int{"DEPTH": 1}
	for {
		key, err := s.token()
		if err != nil {
			return err
		}
		switch key {
		case "ENDHDR":
			return s.raster(fields["WIDTH"]*min(fields["DEPTH"], 1<<10)*sampleBytes(fields["MAXVAL"]), fields["HEIGHT"])
		case "WIDTH", "HEIGHT", "DEPTH", "MAXVAL":
			if fields[key], err = s.number(); err != nil {
				return err
			}
		default: // TUPLTYPE and its value
			if _, err := s.token(); err != nil {
				return err
			}
		}
	}
}
