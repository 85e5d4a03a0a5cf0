package shm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const sizeSeals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW

// createMemory makes a memfd of a fixed size, a read-only descriptor of it, and maps it.
func createMemory(name string, size int64) (rw, ro *os.File, mem []byte, err error) {
	fd, err := memfd(name)
	if err != nil {
		return nil, nil, nil, os.NewSyscallError("memfd_create", err)
	}
	rw = os.NewFile(uintptr(fd), name)
	defer func() {
		if err != nil {
			rw.Close()
		}
	}()
	if err := rw.Truncate(size); err != nil {
		return nil, nil, nil, err
	}
	if _, err := unix.FcntlInt(rw.Fd(), unix.F_ADD_SEALS, sizeSeals|unix.F_SEAL_SEAL); err != nil {
		return nil, nil, nil, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	if ro, err = os.Open(fmt.Sprintf("/proc/self/fd/%d", rw.Fd())); err != nil {
		return nil, nil, nil, err
	}
	if mem, err = mapShared(rw, 0, size, true); err != nil {
		ro.Close()
		return nil, nil, nil, err
	}
	return rw, ro, mem, nil
}

// memfd prefers memory that cannot be executed; kernels before 6.3 do not know the flag.
func memfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}

func mapShared(f *os.File, offset, size int64, writable bool) ([]byte, error) {
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	mem, err := unix.Mmap(int(f.Fd()), offset, int(size), prot, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err == nil {
		// A core dump would read, and so fill, the whole sparse arena. Kernels that do not know the advice dump it.
		_ = unix.Madvise(mem, unix.MADV_DONTDUMP)
	}
	return mem, os.NewSyscallError("mmap", err)
}

func unmap(mem []byte) error { return os.NewSyscallError("munmap", unix.Munmap(mem)) }

// punch gives pages back to the kernel; they read as zeros afterwards. It cannot fail on a memfd of ours but for want of kernel
// memory, and then the pages merely stay.
func (a *Arena) punch(offset, size int64) {
	_ = unix.Fallocate(int(a.fd.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, offset, size)
}

// sealedSize returns the size of a file that nobody can change any more.
func sealedSize(f *os.File) (int64, error) {
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return 0, os.NewSyscallError("fcntl F_GET_SEALS", err)
	}
	if seals&sizeSeals != sizeSeals {
		return 0, fmt.Errorf("the shared memory's size is not sealed (seals %#x)", seals)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
