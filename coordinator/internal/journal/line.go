package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// end is where a line ends, and the checksum of all objects up to there.
type end struct {
	at  int64
	sum uint32
}

// sealed is how a line ends: the last field of its object is the checksum.
const sealed = `,"crc":"%08x"}` + "\n"

var sealedLen = len(fmt.Sprintf(sealed, 0))

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal makes a line of an object that follows others, whose checksum is before. It returns that of all of them.
func seal(object []byte, before uint32) (line []byte, sum uint32) {
	sum = crc32.Update(before, castagnoli, object)
	return fmt.Appendf(bytes.Clone(object[:len(object)-1]), sealed, sum), sum
}

// split returns the objects of the lines that hold, and where each line ends.
func split(data []byte) (objects []json.RawMessage, ends []end) {
	for last := (end{}); ; {
		line := data[last.at:]
		n := bytes.IndexByte(line, '\n') + 1
		if n <= sealedLen {
			return objects, ends
		}
		object := append(bytes.Clone(line[:n-sealedLen]), '}')
		again, sum := seal(object, last.sum)
		if !bytes.Equal(line[:n], again) || !json.Valid(object) {
			return objects, ends
		}
		last = end{last.at + int64(n), sum}
		objects, ends = append(objects, object), append(ends, last)
	}
}
