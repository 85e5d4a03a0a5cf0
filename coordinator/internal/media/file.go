package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File is a file in the making. It has no name, or a hidden temporary one, until Commit; Abort removes it. Either ends it, and
// Abort after Commit does nothing. When the process is killed, a file without a name goes with it, and one with a temporary
// name is removed by the next run that writes to the folder.
type File struct {
	*os.File
	final     string // as the user wrote it
	temp      string // empty while it has no name
	overwrite bool
	done      bool
}

// CreateFile begins the file that shall be called name, and makes the folders that are missing. Unless overwrite, it fails where
// there is one already, and Commit fails where there is one by then. Where name is a link, what it leads to is replaced.
func CreateFile(name string, overwrite bool) (*File, error) {
	return createFile(name, overwrite, newFile)
}

// createNamed is CreateFile for who writes the file by its name, which is temporary and has the same extension.
func createNamed(name string, overwrite bool) (*File, error) {
	return createFile(name, overwrite, newNamed)
}

func createFile(name string, overwrite bool, create func(string, bool) (*File, error)) (*File, error) {
	if err := Vacant(name, overwrite); err != nil {
		return nil, err
	}
	if err := prepareFolder(filepath.Dir(target(name))); err != nil {
		return nil, cannotWrite(name, err)
	}
	return create(name, overwrite)
}

// prepareFolder makes a folder where it is missing, and removes what runs left there that were killed.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	sweep(dir)
	return nil
}

// target is where a name leads through links.
func target(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	return name
}

// SameFile reports whether two names are, or will be, those of one file.
func SameFile(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	if real := target(abs); real != abs {
		return real
	}
	return filepath.Join(target(filepath.Dir(abs)), filepath.Base(abs))
}

// Vacant refuses a name that is taken: that of a folder, a device or a pipe, and unless overwrite that of a file.
func Vacant(name string, overwrite bool) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return usagef("cannot write %s: it is a folder", name)
	case err == nil && !info.Mode().IsRegular():
		return usagef("cannot write %s: it is not a regular file", name)
	case err == nil && !overwrite:
		return existsError(name)
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(name); err == nil {
			return usagef("cannot write %s: it is a link to a file that does not exist", name)
		}
	case err != nil:
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

// rewind forgets what is behind a mark.
func (f *File) rewind(to Mark) error {
	err := f.Truncate(to.End)
	if err == nil {
		_, err = f.Seek(to.End, io.SeekStart)
	}
	if err != nil {
		return cannotWrite(f.final, err)
	}
	return nil
}

// Commit makes the content durable and gives it its name.
func (f *File) Commit() error {
	if f.done {
		return nil
	}
	defer f.Abort()
	if err := f.File.Sync(); err != nil {
		return cannotWrite(f.final, err)
	}
	to := target(f.final)
	if err := f.rename(to); errors.Is(err, fs.ErrExist) {
		return existsError(f.final)
	} else if err != nil {
		return cannotWrite(f.final, err)
	}
	f.temp = ""
	return syncDir(filepath.Dir(to))
}

// rename gives the file its name while it is locked. Without overwrite, a file that came to exist meanwhile is left alone.
func (f *File) rename(to string) error {
	if f.temp == "" {
		if !f.overwrite {
			return f.link(to)
		}
		temp := tempName(to)
		if err := f.link(temp); err != nil {
			return err
		}
		f.temp = temp
	}
	if f.overwrite {
		return os.Rename(f.temp, to)
	}
	err := unix.Renameat2(unix.AT_FDCWD, f.temp, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // this file system cannot
		if err = os.Link(f.temp, to); err == nil {
			err = os.Remove(f.temp)
		}
	}
	return err
}

// link gives a file without a name its first.
func (f *File) link(to string) error {
	self := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	return unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, to, unix.AT_SYMLINK_FOLLOW)
}

// Abort removes what there is.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	if f.temp != "" {
		_ = os.Remove(f.temp)
	}
	_ = f.File.Close()
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
