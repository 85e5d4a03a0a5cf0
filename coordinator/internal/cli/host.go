package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/cvfarm/cvfarm/coordinator/internal/cgroup"
)

// check is one finding of the doctor.
type check struct {
	Name string `json:"name"`
	// Status is "ok", "note" for what is worth knowing, or "bad" for what keeps cvfarm from working.
	Status string `json:"status"`
	Text   string `json:"text"`
}

func good(name, text string) check { return check{name, "ok", text} }
func note(name, text string) check { return check{name, "note", text} }
func bad(name, text string) check  { return check{name, "bad", text} }

// kernelChecks tries what the farm builds on. It changes nothing and leaves nothing behind.
func kernelChecks() []check {
	return []check{kernelRelease(), checkMemfd(), checkPidfd(), checkRename(), checkReadOnlyReopen()}
}

func kernelRelease() check {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return note("kernel", err.Error())
	}
	return good("kernel", unix.ByteSliceToString(u.Sysname[:])+" "+unix.ByteSliceToString(u.Release[:])+" "+
		unix.ByteSliceToString(u.Machine[:]))
}

// checkMemfd makes the sort of memory that frames live in: sized once, and sealed so that no worker can change its size.
func checkMemfd() check {
	fd, err := unix.MemfdCreate("cvfarm-doctor", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return bad("memfd", "memfd_create: "+err.Error()+"; Linux 3.17 or later is needed, and a sandbox that allows it")
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 1<<20); err != nil {
		return bad("memfd", "ftruncate: "+err.Error())
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return bad("memfd", "sealing: "+err.Error())
	}
	return good("memfd", "can be made and sealed")
}

// checkReadOnlyReopen opens a memfd once more for reading: that is how workers are kept from writing to inputs.
func checkReadOnlyReopen() check {
	fd, err := unix.MemfdCreate("cvfarm-doctor", unix.MFD_CLOEXEC)
	if err != nil {
		return bad("/proc/self/fd", err.Error())
	}
	defer unix.Close(fd)
	again, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return bad("/proc/self/fd", "cannot reopen shared memory read-only: "+err.Error()+"; is /proc mounted?")
	}
	_ = unix.Close(again)
	return good("/proc/self/fd", "shared memory can be handed out read-only")
}

func checkPidfd() check {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return note("pidfd", err.Error()+"; Linux 5.3 has it. Without, a worker is signalled by number")
	}
	_ = unix.Close(fd)
	return good("pidfd", "workers are signalled by handle")
}

// checkRename asks with names that do not exist: ENOENT says that the call and its flag are known.
func checkRename() check {
	missing := filepath.Join(os.TempDir(), "cvfarm-doctor-missing")
	err := unix.Renameat2(unix.AT_FDCWD, missing, unix.AT_FDCWD, missing+"2", unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOENT) {
		return good("renameat2", "outputs can be refused to replace a file, without a race")
	}
	return note("renameat2", "not here; hard links serve instead")
}

// limitChecks are the resource limits of this process, which workers inherit.
func limitChecks() []check {
	return []check{
		fileLimit(),
		sizeLimit("locked memory", unix.RLIMIT_MEMLOCK, 0),
		sizeLimit("address space", unix.RLIMIT_AS, 2<<40), // the arena's is reserved, not used
		sizeLimit("file size", unix.RLIMIT_FSIZE, 1<<30),
		cgroupMemory(),
		workerCaps(),
		machineMemory(),
		sharedMemory(),
	}
}

func fileLimit() check {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return note("open files", err.Error())
	}
	text := strconv.FormatUint(l.Cur, 10) + " (ulimit -n)"
	if l.Cur < 256 {
		return note("open files", text+"; a worker takes five, so this is enough for few workers")
	}
	return good("open files", text)
}

func sizeLimit(name string, resource int, enough uint64) check {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil {
		return note(name, err.Error())
	}
	if l.Cur == unix.RLIM_INFINITY {
		return good(name, "unlimited")
	}
	if l.Cur < enough {
		return note(name, bytesText(l.Cur)+" (ulimit); large frames or files may need more")
	}
	return good(name, bytesText(l.Cur))
}

// cgroupMemory is the least limit of the control groups that this process is in.
func cgroupMemory() check {
	const name = "cgroup memory"
	if n, ok := cgroup.MemoryLimit(); ok {
		return good(name, bytesText(uint64(n)))
	}
	return good(name, "no limit")
}

// workerCaps tells what --worker-memory is enforced by.
func workerCaps() check {
	const name, always = "worker memory", "--worker-memory caps it by RLIMIT_DATA"
	dir, err := cgroup.Delegated()
	if err != nil {
		return note(name, always+" alone; a cgroup for each worker would take in its children and the memory that they share, but "+err.Error())
	}
	return good(name, always+", and a cgroup for each worker in "+dir)
}

func machineMemory() check {
	var s unix.Sysinfo_t
	if err := unix.Sysinfo(&s); err != nil {
		return note("memory", err.Error())
	}
	unit := uint64(s.Unit)
	return good("memory", bytesText(uint64(s.Totalram)*unit)+", "+bytesText(uint64(s.Freeram)*unit)+" unused")
}

// sharedMemory tells the kernel's bound on tmpfs as /dev/shm shows it. Frames are in a memfd, which /dev/shm's size does not
// limit; other programs' habit of asking makes it worth a line.
func sharedMemory() check {
	var st unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &st); err != nil {
		return good("/dev/shm", "not mounted; frames are in a memfd and do not need it")
	}
	return good("/dev/shm", bytesText(st.Blocks*uint64(st.Bsize))+"; frames are in a memfd, which this does not limit")
}

// bytesText is such as "512.0 MiB".
func bytesText(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[i]
}
