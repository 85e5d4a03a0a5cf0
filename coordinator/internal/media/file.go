package media

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File is a file in the making. It has a hidden temporary name until Commit; Abort removes it. Either ends it, and Abort after
// Commit does nothing.
type File struct {
	*os.File
	final     string
	overwrite bool
	done      bool
}

// CreateFile begins the file that shall be called name. Unless overwrite, it fails where there is one already, and Commit fails
// where there is one by then.
func CreateFile(name string, overwrite bool) (*File, error) {
	if err := Vacant(name, overwrite); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(tempName(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, cannotWrite(name, err)
	}
	return &File{File: f, final: name, overwrite: overwrite}, nil
}

// tempName is a free name in the same folder, hidden, with the same extension: encoders choose the container by it.
func tempName(name string) string {
	dir, base := filepath.Split(name)
	ext := filepath.Ext(base)
	return filepath.Join(dir, "."+base[:len(base)-len(ext)]+".tmp-"+rand.Text()[:8]+ext)
}

// Vacant refuses a name that is taken: that of a folder, and unless overwrite that of a file.
func Vacant(name string, overwrite bool) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return usagef("cannot write %s: it is a folder", name)
	case err == nil && !overwrite:
		return existsError(name)
	case err == nil && !info.Mode().IsRegular():
		return usagef("cannot write %s: it is not a regular file", name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return cannotWrite(name, err)
	}
	return nil
}

// existsError is a name that is taken.
type existsError string

func (e existsError) Error() string { return string(e) + " exists already: --overwrite replaces it" }

// Is makes it an fs.ErrExist.
func (e existsError) Is(target error) bool { return target == fs.ErrExist }

// Write makes a full disk an error that names the file that it was for, not the temporary one.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		return n, cannotWrite(f.final, err)
	}
	return n, nil
}

// Commit makes the content durable and gives it its name.
func (f *File) Commit() error {
	if f.done {
		return nil
	}
	if err := f.File.Sync(); err != nil {
		f.Abort()
		return cannotWrite(f.final, err)
	}
	if err := f.File.Close(); err != nil {
		f.Abort()
		return cannotWrite(f.final, err)
	}
	return f.rename()
}

func (f *File) rename() error {
	temp := f.Name()
	if err := moveFile(temp, f.final, f.overwrite); err != nil {
		f.Abort()
		return err
	}
	f.done = true
	return syncDir(filepath.Dir(f.final))
}

// Abort removes what there is.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	_ = f.File.Close()
	_ = os.Remove(f.Name())
}

// moveFile gives a complete file its name. Without overwrite, a file that came to exist meanwhile is left alone.
func moveFile(temp, final string, overwrite bool) error {
	if overwrite {
		if err := os.Rename(temp, final); err != nil {
			return cannotWrite(final, err)
		}
		return nil
	}
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, final, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // this file system cannot
		if err = os.Link(temp, final); err == nil {
			err = os.Remove(temp)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return existsError(final)
	case err != nil:
		return cannotWrite(final, err)
	}
	return nil
}

// syncDir makes the names in a folder durable. File systems that cannot sync a folder have nothing to add.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return cannotWrite(dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return cannotWrite(dir, err)
	}
	return nil
}

// cannotWrite names the file once, and drops the system call and the temporary name that os puts into its errors.
func cannotWrite(name string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("cannot write %s: %w", name, err)
}
