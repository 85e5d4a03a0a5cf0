package media

import (
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cvfarm/cvfarm/coordinator/internal/journal"
)

// part is a file in the making that outlives the process: it has a name of its own until Commit, and a mark tells later how far
// it had come.
type part struct {
	*File
	mark  Mark
	again bool
	cut   bool // somebody was told of a mark
}

// Mark is a place in a file: how much is in front of it, and the check sum of that.
type Mark struct {
	End int64  `json:"end"`
	Sum uint32 `json:"sum"`
}

// openPart opens the part, of which what is behind the mark is forgotten. Commit gives it its final name. Until then it is locked:
// the error is journal.ErrLocked where another process is at it.
func openPart(name, final string, at Mark, overwrite, again bool) (*part, error) {
	f, err := journal.OpenLocked(name)
	if err != nil {
		return nil, cannotWrite(final, err)
	}
	p := &part{File: &File{File: f, final: final, temp: name, overwrite: overwrite}, again: again}
	if err := p.rewind(at); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *part) rewind(to Mark) error {
	p.mark = to
	return p.File.rewind(to)
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.File.Write(b)
	p.mark.End += int64(n)
	p.mark.Sum = crc32.Update(p.mark.Sum, crc32.IEEETable, b[:n])
	return n, err
}

// Commit makes the content durable and gives it its final name. Where it cannot, the part stays as it is.
func (p *part) Commit() error {
	defer p.Abort()
	if err := p.Sync(); err != nil {
		return cannotWrite(p.final, err)
	}
	to := target(p.final)
	switch err := p.rename(to); {
	case errors.Is(err, fs.ErrExist) && p.again && sameContent(to, p.File.File):
		return os.Remove(p.temp)
	case errors.Is(err, fs.ErrExist):
		return existsError(p.final)
	case err != nil:
		return cannotWrite(p.final, err)
	}
	return syncDir(filepath.Dir(to))
}

// Abort leaves what there is, unless it is of no use because nobody was told of it.
func (p *part) Abort() {
	if !p.done {
		p.done = true
		if !p.again && !p.cut {
			_ = os.Remove(p.temp)
		}
		_ = p.File.File.Close()
	}
}

// Reaches returns how many of the marks, which are in order, hold for the file.
func Reaches(name string, marks []Mark) int {
	info, err := os.Stat(name)
	var f *os.File
	if err == nil && info.Mode().IsRegular() { // a pipe would block
		f, err = os.Open(name)
	}
	if f == nil || err != nil { // as good as empty
		f, err = os.Open(os.DevNull)
	}
	if err != nil {
		return 0
	}
	defer f.Close()
	have, buf := Mark{}, make([]byte, 64<<10)
	for i, m := range marks {
		for have.End < m.End {
			n, _ := f.Read(buf[:min(int64(len(buf)), m.End-have.End)])
			if n == 0 {
				break
			}
			have.End += int64(n)
			have.Sum = crc32.Update(have.Sum, crc32.IEEETable, buf[:n])
		}
		if have != m {
			return i
		}
	}
	return len(marks)
}
