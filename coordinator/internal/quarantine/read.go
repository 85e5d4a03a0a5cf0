package quarantine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cvfarm/cvfarm/shared/frame"
)

// maxJob bounds the bytes of a job.json.
const maxJob = 64 << 20

// List returns the entries, the oldest first; none where there is no folder. Entries that are not whole are in it, with the
// reason. What has no name of an entry is passed over.
func (s *Store) List() ([]Entry, error) {
	root, err := os.OpenRoot(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := readNames(root)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, name := range names {
		if ValidID(name) {
			all = append(all, entry(root, name))
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Get returns an entry. The error is fs.ErrNotExist where there is none.
func (s *Store) Get(id string) (Entry, error) {
	root, err := s.open(id)
	if err != nil {
		return Entry{}, err
	}
	defer root.Close()
	return entry(root, id), nil
}

// open returns the folder, which must have the entry.
func (s *Store) open(id string) (*os.Root, error) {
	if !ValidID(id) {
		return nil, notThere(id)
	}
	root, err := os.OpenRoot(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notThere(id)
	}
	if err != nil {
		return nil, err
	}
	if _, err := root.Lstat(id); err != nil {
		root.Close()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, notThere(id)
		}
		return nil, err
	}
	return root, nil
}

// notThere is an ID that no entry has.
type notThere string

func (id notThere) Error() string { return fmt.Sprintf("%.64q is not in quarantine", string(id)) }

// Is makes it an fs.ErrNotExist.
func (notThere) Is(target error) bool { return target == fs.ErrNotExist }

// entry reads what there is.
func entry(root *os.Root, id string) Entry {
	e := Entry{Size: sizeOf(root, id)}
	var err error
	if e.Job, err = readJob(root, id); err != nil {
		e.Job, e.Damaged = Job{}, err.Error()
	}
	e.ID = id
	return e
}

func readJob(root *os.Root, id string) (Job, error) {
	if info, err := root.Lstat(id); err == nil && !info.IsDir() {
		return Job{}, errors.New("it is no folder")
	}
	data, err := readFile(root, filepath.Join(id, jobFile), maxJob)
	if err != nil {
		return Job{}, err
	}
	var j Job
	if err := json.Unmarshal(data, &j); err != nil {
		return Job{}, fmt.Errorf("%s is not as it was written: %v", jobFile, err)
	}
	if j.ID != id {
		return Job{}, fmt.Errorf("%s tells of %.64q", jobFile, j.ID)
	}
	return j, nil
}

// Frame reads a picture of an entry. Its pixels are those of the job's frame, byte by byte.
func (s *Store) Frame(e Entry, p Picture) (frame.Frame, error) {
	root, err := s.open(e.ID)
	if err != nil {
		return frame.Frame{}, err
	}
	defer root.Close()
	f := frame.Frame{Geometry: p.Geometry, Index: e.Index, PTS: e.PTS, Source: e.Source}
	data, err := readFile(root, filepath.Join(e.ID, filepath.Base(p.File)), 2*frame.MaxBytes)
	if err == nil {
		f.Pix, err = decode(p.Geometry, data)
	}
	if err == nil {
		err = f.Validate()
	}
	if err != nil {
		return frame.Frame{}, fmt.Errorf("%.64q: %w", p.File, err)
	}
	return f, nil
}

// Remove deletes an entry, whole or not. The error is fs.ErrNotExist where there is none.
func (s *Store) Remove(id string) error {
	root, err := s.open(id)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.RemoveAll(id)
}

func readNames(root *os.Root) ([]string, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// readFile reads a regular file.
func readFile(root *os.Root, name string, most int64) ([]byte, error) {
	info, err := root.Lstat(name)
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is missing", filepath.Base(name))
	case errors.As(err, &path):
		return nil, fmt.Errorf("cannot read %s: %w", filepath.Base(name), path.Err)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", filepath.Base(name))
	case info.Size() > most:
		return nil, fmt.Errorf("%s has %d bytes: the limit is %d", filepath.Base(name), info.Size(), most)
	}
	return root.ReadFile(name)
}

// sizeOf sums the files of an entry.
func sizeOf(root *os.Root, name string) int64 {
	dir, err := root.OpenRoot(name)
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := readNames(dir)
	n := int64(0)
	for _, name := range names {
		if info, err := dir.Lstat(name); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}
