package media

import (
	"cmp"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// newFile begins a file without a name where the file system can.
func newFile(name string, overwrite bool) (*File, error) {
	f, err := os.OpenFile(filepath.Dir(target(name)), os.O_RDWR|unix.O_TMPFILE, 0o666)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.EINVAL): // it cannot
		return newNamed(name, overwrite)
	case err != nil:
		return nil, cannotWrite(name, err)
	}
	lock(f)
	return &File{File: f, final: name, overwrite: overwrite}, nil
}

// newNamed begins a file with a temporary name. Unless overwrite, it refuses one that another run is making: whoever is second in the
// end would have worked for nothing.
func newNamed(name string, overwrite bool) (f *File, err error) {
	inFolder(filepath.Dir(target(name)), func() {
		if !overwrite && inTheMaking(target(name)) {
			err = usagef("cannot write %s: another run is making it", name)
			return
		}
		temp := tempName(target(name))
		var file *os.File
		if file, err = os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
			err = cannotWrite(name, err)
			return
		}
		lock(file)
		f = &File{File: file, final: name, temp: temp, overwrite: overwrite}
	})
	return f, err
}

// inFolder does something with a folder's names while no other run does. Where there are no locks, one may, and where somebody keeps
// the folder locked, as who started us by flock(1): a run holds it for a moment only.
func inFolder(dir string, do func()) {
	const tries, pause = 20, 5 * time.Millisecond
	if d, err := os.Open(dir); err == nil {
		defer d.Close()
		for range tries {
			if !errors.Is(unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) {
				break
			}
			time.Sleep(pause)
		}
	}
	do()
}

// tempName is a free name in the same folder, hidden, with the same extension: encoders choose the container by it.
func tempName(name string) string {
	dir, base := filepath.Split(name)
	return filepath.Join(dir, tempPrefix(base)+rand.Text()[:8]+filepath.Ext(base))
}

func tempPrefix(base string) string {
	return "." + strings.TrimSuffix(base, filepath.Ext(base)) + ".tmp-cvfarm-"
}

var temporary = regexp.MustCompile(`^\..*\.tmp-cvfarm-[A-Z2-7]{8}(\.[^.]*)?$`)

// lock marks a file as one that somebody is making, for as long as it is open. A lock tells that to processes on other machines
// and in other containers that share the folder; a process number would not. Where there are no locks, nothing is swept.
func lock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_EX) }

// sweep removes the temporary files of a folder that nobody is making any more.
func sweep(dir string) {
	inFolder(dir, func() {
		entries, _ := os.ReadDir(dir) // it may be written to and not read
		for _, e := range entries {
			if temporary.MatchString(e.Name()) {
				removeAbandoned(filepath.Join(dir, e.Name()))
			}
		}
	})
}

func removeAbandoned(name string) {
	_ = whileLocked(name, func() { _ = os.Remove(name) })
}

// inTheMaking reports whether somebody makes the file of that name. Where there are no locks, it does not know.
func inTheMaking(name string) bool {
	dir, base := filepath.Split(name)
	entries, _ := os.ReadDir(cmp.Or(dir, "."))
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), tempPrefix(base))
		if ok && temporary.MatchString(e.Name()) && middle[min(8, len(middle)):] == filepath.Ext(base) &&
			errors.Is(whileLocked(filepath.Join(dir, e.Name()), func() {}), unix.EWOULDBLOCK) {
			return true
		}
	}
	return false
}

// whileLocked does something with a file that it holds locked. It fails with EWOULDBLOCK where another does.
func whileLocked(name string, do func()) error {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	do()
	return nil
}
