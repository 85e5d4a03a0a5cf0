package proc

import (
	"bytes"
	"strings"
	"sync"
)

// tail keeps the last bytes of what a process prints.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Go prints the stacks of all threads behind its reason for ending: that is what the room is for.
const tailSize = 64 << 10

// Write never fails and never blocks for long.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[max(0, len(p)-tailSize):]...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// String is the whole lines that are left, safe to print.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	buf := t.buf
	if len(buf) == tailSize {
		if i := bytes.IndexByte(buf, '\n'); i >= 0 {
			buf = buf[i+1:]
		}
	}
	return strings.Map(printable, strings.ToValidUTF8(string(buf), "?"))
}

func printable(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}
