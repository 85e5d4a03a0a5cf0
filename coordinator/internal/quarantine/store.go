package quarantine

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Store is a folder of entries. All methods are safe for concurrent use.
type Store struct {
	// Folder is where it is. Add makes it.
	Folder string
	// MaxBytes bounds what all entries have together, MaxEntries how many there are. What would exceed one is refused, and
	// nothing older dropped for it: of many jobs that die of the same cause, the first tell most.
	MaxBytes   int64
	MaxEntries int

	adding sync.Mutex // one at a time: encoding must not take more than one CPU from the workers
}

// ErrFull is in the error of Add where a bound is reached.
var ErrFull = errors.New("the quarantine is full")

const (
	jobFile  = "job.json"
	unsealed = ".new-" // begins the name of an entry that is being written
	// abandoned is how old an unsealed entry is that nobody writes any more.
	abandoned = time.Hour
)

var idPattern = regexp.MustCompile(`^\d{8}-\d{6}\.\d{3}-[a-z2-7]{4}$`)

// ValidID reports whether an entry may be called so.
func ValidID(id string) bool { return idPattern.MatchString(id) }

func newID(now time.Time) string {
	return now.UTC().Format("20060102-150405.000-") + strings.ToLower(rand.Text()[:4])
}

// Path is the folder of an entry.
func (s *Store) Path(id string) string { return filepath.Join(s.Folder, id) }

// Add writes an entry and returns its ID. It fills in what the job does not say of itself: ID, Time and the pictures' files. It
// returns when the entry will outlast a crash of the machine. Where a bound is reached, it leaves nothing and returns ErrFull.
func (s *Store) Add(j Job) (string, error) {
	s.adding.Lock()
	defer s.adding.Unlock()
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(s.Folder)
	if err != nil {
		return "", err
	}
	defer root.Close()
	now := time.Now()
	room, err := s.room(root, now)
	if err != nil {
		return "", err
	}
	j.ID, j.Time = newID(now), now
	temp := unsealed + j.ID
	if err := root.Mkdir(temp, 0o700); err != nil {
		return "", err
	}
	if err = s.seal(root, temp, &j, room); err != nil {
		_ = root.RemoveAll(temp)
		return "", err
	}
	return j.ID, nil
}

// room returns how many bytes an entry may have.
func (s *Store) room(root *os.Root, now time.Time) (int64, error) {
	names, err := readNames(root)
	if err != nil {
		return 0, err
	}
	entries, used := 0, int64(0)
	for _, name := range names {
		if id, is := strings.CutPrefix(name, unsealed); is && ValidID(id) {
			if info, err := root.Lstat(name); err == nil && now.Sub(info.ModTime()) > abandoned {
				_ = root.RemoveAll(name)
				continue
			}
		} else if !ValidID(name) {
			continue
		}
		entries++
		used += sizeOf(root, name)
	}
	if entries >= s.MaxEntries {
		return 0, fmt.Errorf("%w: it has %d entries, which is the limit", ErrFull, entries)
	}
	return s.MaxBytes - used, nil
}

// seal writes the files of an entry, and gives it its name.
func (s *Store) seal(root *os.Root, temp string, j *Job, room int64) error {
	dir, err := root.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer dir.Close()
	left := room
	j.Inputs = slices.Clone(j.Inputs)
	err = j.Input.write(dir, "input", &left)
	for i := 0; i < len(j.Inputs) && err == nil; i++ {
		err = j.Inputs[i].write(dir, fmt.Sprintf("named-%d", i+1), &left)
	}
	if err == nil {
		err = writeFile(dir, jobFile, &left, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(j)
		})
	}
	if errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: of its %d bytes %d are left, and this needs more", ErrFull, s.MaxBytes, max(0, room))
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err == nil {
		err = root.Rename(temp, j.ID)
	}
	if err == nil {
		err = syncFolder(root)
	}
	return err
}

// write puts a picture into a file.
func (p *Picture) write(dir *os.Root, stem string, left *int64) error {
	p.File = stem + extension(p.Geometry, p.pix)
	before := *left
	err := writeFile(dir, p.File, left, func(w io.Writer) error { return encode(w, p.Geometry, p.pix) })
	p.Bytes = before - *left
	return err
}

func writeFile(dir *os.Root, name string, left *int64, write func(io.Writer) error) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(&bounded{f, left}); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// bounded refuses more than is left.
type bounded struct {
	w    io.Writer
	left *int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > *b.left {
		return 0, ErrFull
	}
	n, err := b.w.Write(p)
	*b.left -= int64(n)
	return n, err
}

func syncFolder(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // file systems that cannot sync a folder have nothing to add
		return err
	}
	return nil
}
