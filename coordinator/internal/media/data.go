package media

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// Data writes what ops found as JSON lines, one object for each value:
//
//	{"index":7,"input":"clip.mp4","step":2,"op":"stats","value":{...}}
//
// index counts the run's frames from 0, step the steps of the user's pipeline from 1; value has the shape that the op
// documents. A frame without values, or one that failed, has no line.
type Data struct {
	name string
	file dataFile // nil on standard output
	told uint64   // on standard output: frames in front of this one have their lines
	w    *bufio.Writer
}

// dataFile is a File, or a part.
type dataFile interface {
	io.Writer
	rewind(to Mark) error
	Commit() error
	Abort()
}

type dataLine struct {
	Index uint64          `json:"index"`
	Input string          `json:"input"`
	Step  int             `json:"step"`
	Op    string          `json:"op"`
	Value json.RawMessage `json:"value"`
}

// CreateData begins a file of JSON lines; "-" is stdout.
func CreateData(name string, stdout io.Writer, overwrite bool) (*Data, error) {
	if name == "-" {
		return &Data{name: "standard output", w: bufio.NewWriter(stdout)}, nil
	}
	f, err := CreateFile(name, overwrite)
	if err != nil {
		return nil, err
	}
	return &Data{name: name, file: f, w: bufio.NewWriter(f)}, nil
}

// KeepData is CreateData for a run that can be resumed: until Close, what is written stays in the file called temp, of which what
// is behind the mark is forgotten; the error is journal.ErrLocked where another process has that open. As for a Keeper, with again a file of the very content is taken as written.
func KeepData(name, temp string, at Mark, overwrite, again bool) (*Data, error) {
	p, err := openPart(temp, name, at, overwrite, again)
	if err != nil {
		return nil, err
	}
	return &Data{name: name, file: p, w: bufio.NewWriter(p)}, nil
}

// Cut brings what was written to the file, and tells how far that is. It is for KeepData.
func (d *Data) Cut() (Mark, error) {
	if err := d.w.Flush(); err != nil {
		return Mark{}, err
	}
	p, _ := d.file.(*part)
	p.cut = true
	return p.mark, nil
}

// DataLines are the lines of one result's values, whose pipeline had shift steps in front of the user's. An error belongs to the
// frame.
func DataLines(it Item, shift int, values []farm.Value) ([]byte, error) {
	var lines []byte
	for _, v := range values {
		line, err := json.Marshal(dataLine{it.Index, it.Input.Name, v.Step - shift + 1, v.Op, v.JSON})
		if err != nil {
			return nil, frameError(it, fault.Invalid, "%s found what is not JSON: %v", v.Op, err)
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// Rewind takes back what is behind a mark: its frames will be written again. Standard output takes nothing back; what comes again is
// not told again there.
func (d *Data) Rewind(to Mark) error {
	if d.file == nil {
		return nil
	}
	d.w.Reset(d.file)
	return d.file.rewind(to)
}

// Write adds the lines of a frame. An error is the end of the file.
func (d *Data) Write(index uint64, lines []byte) error {
	if d.file == nil {
		if index < d.told {
			return nil
		}
		d.told = index + 1
	}
	_, err := d.w.Write(lines)
	if err == nil && d.file == nil && len(lines) > 0 { // somebody may be reading along
		err = d.w.Flush()
	}
	return d.failed(err)
}

func (d *Data) failed(err error) error {
	if err == nil || d.file != nil { // a File names itself
		return err
	}
	return cannotWrite(d.name, err)
}

// Close completes the file.
func (d *Data) Close() error {
	if err := d.w.Flush(); err != nil {
		d.Abort()
		return d.failed(err)
	}
	if d.file == nil {
		return nil
	}
	return d.file.Commit()
}

// Abort removes the file, but not one that is kept. It does nothing after Close.
func (d *Data) Abort() {
	if d.file != nil {
		d.file.Abort()
	}
}
