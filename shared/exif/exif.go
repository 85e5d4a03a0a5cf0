// Package exif tells how a camera was held, for the formats whose EXIF block OpenCV heeds: JPEG and PNG. Both towers ask it, so
// that what is foreseen of an image is what is made of it.
package exif

import (
	"bytes"
	"encoding/binary"
)

// tagOrientation is the number of the entry.
const tagOrientation = 0x112

// Orientation reads that of an image from the beginning of its file: 1 to 8, as EXIF counts them; 1, which is upright, where there
// is none. From 5 on, upright and lying sides are swapped. The bytes come from anywhere: nothing in them is believed.
func Orientation(file []byte) int {
	block := block(file)
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(block, []byte("MM")) {
		order = binary.BigEndian
	}
	at := func(offset, n int) []byte { // zeros beyond the end
		return append(bytes.Clone(block[min(offset, len(block)):min(offset+n, len(block))]), make([]byte, n)...)
	}
	directory := int(order.Uint32(at(4, 4)))
	for i := range int(order.Uint16(at(directory, 2))) {
		entry := at(directory+2+12*i, 12)
		if order.Uint16(entry) != tagOrientation {
			continue
		}
		if held := int(order.Uint16(entry[8:])); held >= 1 && held <= 8 {
			return held
		}
		break
	}
	return 1
}

// block is the EXIF block, which is a TIFF; nil where there is none.
func block(file []byte) []byte {
	mark := "Exif\x00\x00"
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		mark = "eXIf"
	default:
		return nil
	}
	for _, tiff := range []string{"II*\x00", "MM\x00*"} {
		if i := bytes.Index(file, []byte(mark+tiff)); i >= 0 {
			return file[i+len(mark):]
		}
	}
	return nil
}
