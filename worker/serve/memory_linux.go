package serve

import "golang.org/x/sys/unix"

// MemoryCap is the most memory in bytes that this process may ask for, where the coordinator set a bound.
func MemoryCap() (int64, bool) {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_DATA, &l) != nil || l.Cur > 1<<62 {
		return 0, false
	}
	return int64(l.Cur), true
}
